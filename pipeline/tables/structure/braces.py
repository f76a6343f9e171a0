"""Braces: bows that make several rows one entry, or put several columns under one head.

Their arms are so long and straight that they pass for pieces of rules; as strokes of the whole ink
they are known by their bend, and by standing alone.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask
from pipeline.tables.structure.grid import Box, Brace, Grid, Sheet, Span
from pipeline.tables.structure.rules import Boxes
from pipeline.tables.structure.signals import closed, covered, ink_along, runs
from pipeline.tables.structure.zones import in_line

MOST = 200
"""More strokes than these that may be braces are joined-up writing: none is looked at."""


def with_braces(sheet: Sheet, ink: Mask) -> Sheet:
    """Return a sheet whose braces are known, and are neither rule nor text any more.

    `ink` is that of the straightened page.
    """
    rules = sheet.rules
    upright = _braces(sheet, ink, rules.vertical_pieces, turned=False)
    level = _braces(sheet, ink, rules.horizontal_pieces, turned=True)
    if not upright and not level:
        return sheet
    vertical, horizontal = rules.vertical.copy(), rules.horizontal.copy()
    drop = np.zeros(len(sheet.text.stats), bool)
    for box, own, _ in upright + level:
        window = np.s_[int(box.y0) : int(box.y1), int(box.x0) : int(box.x1)]
        vertical[window] &= ~own
        horizontal[window] &= ~own
        drop[np.unique(sheet.text.labels[window][own])] = True
    bare = replace(
        sheet,
        rules=replace(
            rules,
            vertical=vertical,
            horizontal=horizontal,
            vertical_pieces=_outside(rules.vertical_pieces, [box for box, _, _ in upright]),
            horizontal_pieces=_outside(rules.horizontal_pieces, [box for box, _, _ in level]),
        ),
        text=sheet.text.without(drop),
    )
    braces = [Brace(box, _joined(bare, box, nose)) for box, _, nose in upright]
    braces += [Brace(box, None) for box, _, _ in level]
    return replace(bare, braces=tuple(braces))


def _outside(pieces: Boxes, boxes: list[Box]) -> Boxes:
    """Return the pieces whose middle is in none of the boxes."""
    x, y = (pieces[:, :2] + pieces[:, 2:]).T / 2
    free = np.ones(len(pieces), bool)
    for box in boxes:
        free &= ~((x >= box.x0) & (x < box.x1) & (y >= box.y0) & (y < box.y1))
    return pieces[free]


def _braces(sheet: Sheet, ink: Mask, pieces: Boxes, turned: bool) -> list[tuple[Box, Mask, float]]:
    """Return the box, the ink and the side of the nose (-1 or 1) of each brace.

    Upright ones, or level ones if `turned`: these are looked for with x and y exchanged.
    """
    h = sheet.height
    x, y, wide, tall, area = sheet.text.stats[1:].T
    boxes = np.column_stack([x, y, x + wide, y + tall])[area > 0]
    if turned:
        ink, boxes, pieces = ink.T, boxes[:, [1, 0, 3, 2]], pieces[:, [1, 0, 3, 2]]
    # What stands in line with much else is a piece of a rule.
    alone = in_line(pieces, h) <= 3 * (pieces[:, 3] - pieces[:, 1])
    strokes = np.concatenate([boxes, pieces[alone]]).astype(int)
    long, across = strokes[:, 3] - strokes[:, 1], strokes[:, 2] - strokes[:, 0]
    slim = (across <= 1.5 * h) & (long >= 2 * across)
    strokes = strokes[slim & (long >= 1.5 * h) & (long <= 24 * h)]
    if len(strokes) > MOST:
        return []
    found: dict[tuple[int, int, int, int], tuple[Box, Mask, float]] = {}
    for x0, y0, x1, y1 in strokes.tolist():
        reach = round(1.2 * (y1 - y0) + h)
        left, top = max(0, x0 - round(1.2 * h)), max(0, y0 - reach)
        window = np.ascontiguousarray(ink[top : y1 + reach, left : x1 + round(1.2 * h)])
        own = _stroke(window, x0 - left, y0 - top, x1 - left, y1 - top)
        if own is None:
            continue
        bend = _bend(own[2], h)
        if bend:
            a, b = left + own[0], top + own[1]
            c, d = a + own[2].shape[1], b + own[2].shape[0]
            box = Box(b, a, d, c) if turned else Box(a, b, c, d)
            found[a, b, c, d] = (box, own[2].T if turned else own[2], bend)
    return list(found.values())


def _stroke(window: Mask, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, Mask] | None:
    """Return the stroke that a piece at these places belongs to: its x, its y, its ink.

    `None` where it goes on beyond the window: a rule, or what is written across it.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(window.view(np.uint8), connectivity=8)
    counts = np.bincount(labels[y0:y1, x0:x1].ravel(), minlength=len(stats))
    counts[0] = 0
    label = int(counts.argmax())
    x, y, wide, tall, _ = stats[label].tolist()
    inside = x > 0 and y > 0 and x + wide < window.shape[1] and y + tall < window.shape[0]
    if counts[label] == 0 or not inside:
        return None
    return x, y, labels[y : y + tall, x : x + wide] == label


def _bend(own: Mask, h: float) -> float:
    """Return the side that an upright stroke bends to as a brace does, -1 or 1; 0 if it is none.

    A brace is slim, its two ends are level with each other, and its middle is off to one side.
    """
    tall, wide = own.shape
    if tall < 2.2 * h or wide < 0.2 * h or wide > 1.5 * h or tall < 2.5 * wide:
        return 0.0
    ink = ink_along(own, 1)
    if (ink == 0).any() or ink.sum() > 0.4 * h * tall:
        return 0.0
    middle = (own @ np.arange(wide)) / ink
    end = max(1, round(0.06 * tall))
    first, last = float(middle[:end].mean()), float(middle[-end:].mean())
    nose = float(middle[round(0.47 * tall) : round(0.53 * tall) + 1].mean())
    off = nose - (first + last) / 2
    quarters = [float(middle[round(share * tall)]) for share in (0.25, 0.75)]
    alike = abs(first - last) <= 0.4 * wide and abs(quarters[0] - quarters[1]) <= 0.4 * wide
    return float(np.sign(off)) if alike and abs(off) >= 0.4 * wide else 0.0


def _joined(sheet: Sheet, brace: Box, nose: float) -> Box | None:
    """Return the box in which the one entry stands that an upright brace points to, if it is one.

    It stands up to the next rule with text before it.
    """
    h = sheet.height
    y0, y1 = int(brace.y0), int(np.ceil(brace.y1))
    ahead = np.s_[y0:y1, round(brace.x1) :] if nose > 0 else np.s_[y0:y1, : round(brace.x0)]
    text, rule = sheet.text.mask[ahead], sheet.rules.vertical[ahead]
    if nose < 0:
        text, rule = text[:, ::-1], rule[:, ::-1]
    reach = round(16 * h)
    text, rule = text[:, :reach], rule[:, :reach]
    walls = [a for a, _ in runs(covered(rule, 0, round(0.3 * h)) >= 0.5)]
    start = 0
    for wall in [*walls, text.shape[1]]:
        part = text[:, start:wall]
        lines = runs(closed(ink_along(part, 1) > 0, round(0.25 * h)))
        lines = [(a, b) for a, b in lines if b - a >= 0.3 * h]
        if lines:
            if len(lines) > 1 or lines[0][1] - lines[0][0] > 2 * h:
                return None
            x0, x1 = start, wall
            if nose < 0:
                return Box(brace.x0 - x1, brace.y0, brace.x0 - x0, brace.y1)
            return Box(brace.x1 + x0, brace.y0, brace.x1 + x1, brace.y1)
        start = wall
    return None


def braced(sheet: Sheet, grid: Grid) -> Grid:
    """Return a grid in which what a brace joins is one cell."""
    spans = list(grid.spans)
    middles = np.mean(grid.ys, axis=1)
    taken = {place for span in spans for place in span.places}
    for brace in sheet.braces:
        if brace.joins is None:
            continue
        low, high = brace.box.y0 - 0.15 * sheet.height, brace.box.y1 + 0.15 * sheet.height
        rows = np.flatnonzero((middles >= low) & (middles <= high))
        column = _column(sheet, grid, brace.joins)
        if len(rows) < 2 or column is None or rows[0] < grid.header_rows:
            continue
        span = Span(int(rows[0]), column, len(rows), 1)
        if taken.isdisjoint(span.places):
            spans.append(span)
            taken |= set(span.places)
    return replace(grid, spans=tuple(spans))


def _column(sheet: Sheet, grid: Grid, box: Box) -> int | None:
    """Return the column in which the text of a box stands."""
    part = sheet.text.mask[int(box.y0) : int(box.y1), int(box.x0) : int(np.ceil(box.x1))]
    xs: NDArray[np.intp] = np.flatnonzero(ink_along(part, 0))
    if len(xs) == 0:
        return None
    middle = int(box.x0) + (xs[0] + xs[-1]) / 2
    column = int(np.searchsorted(grid.xs, middle, side="right")) - 1
    return column if 0 <= column < len(grid.xs) - 1 else None
