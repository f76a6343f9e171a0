"""Divide what is to be read on a page into regions, and put it into reading order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Line, Region, RegionKind, Table
from pipeline.regions.blots import find_blots
from pipeline.regions.headings import find_headings
from pipeline.regions.margins import Body, find_body, in_margin
from pipeline.regions.order import Boxes, columns, in_rows, rows_of
from pipeline.tables.layout import Layout

APART = 1.3
"""Between two regions of a column is so many lines' heights of white at least,"""

MORE = 2.2
"""and so much more than is usual in it."""

INSIDE = 0.7
"""A line belongs to a figure or stamp that holds this share of it."""

TABLE = -1

DRAWN = ("figure", "stamp")
"""What is there whether or not there is text in it."""

MOST = 3.0
"""More white than so many lines' heights always parts."""

NO_TEXT = 24.0
"""A line's height, in pixels, where there is none."""


@dataclass
class _Part:
    """A region in the making: its kind, its box on the straightened page, what is in it."""

    kind: RegionKind
    box: NDArray[np.float64]
    lines: list[int] = field(default_factory=list)
    grid: int | None = None


def find_regions(layout: Layout, ignore: Collection[RegionKind] = ()) -> Layout:
    """Return a layout with its regions, its lines in reading order.

    What stands in regions of the kinds to `ignore` will not be read; they say how much that is.
    """
    lines, heights = _straightened(layout), _heights(layout.boxes)
    grids = [(grid.box.x0, grid.box.y0, grid.box.x1, grid.box.y1) for grid in layout.grids]
    tables = np.array(grids, np.float64).reshape(-1, 4)
    height = _usual_height(layout, lines, heights)
    drawn = _drawn(layout, tables, height)
    parts = _parts(lines, heights, tables, drawn, height)
    return _divided(layout, parts, frozenset(ignore))


def settle(
    layout: Layout, read: Sequence[tuple[int, Line]], tables: Sequence[Table]
) -> tuple[tuple[Line, ...], tuple[Region, ...]]:
    """Return a page's lines and regions once they are read.

    `read` are the lines that hold text, each with its number in the layout. Regions of text in
    which nothing could be read go; halves of a table that were joined are one.
    """
    if not layout.regions:
        return tuple(line for _, line in read), ()
    places = {table.polygon[0]: number for number, table in enumerate(tables)}
    full = {layout.region_of[number] for number, _ in read}
    regions: list[Region] = []
    now: dict[int, int] = {}
    for number, region in enumerate(layout.regions):
        table = None if region.table is None else places.get(region.polygon[0])
        if table is not None:
            region = replace(region, table=table, polygon=tables[table].polygon)
        elif not region.ignored and number not in full and region.kind not in DRAWN:
            continue
        now[number] = len(regions)
        regions.append(region)
    lines = tuple(replace(line, region=now[layout.region_of[number]]) for number, line in read)
    return lines, tuple(regions)


def _straightened(layout: Layout) -> Boxes:
    """Return the upright boxes (N x 4) of a layout's lines on the straightened page."""
    corners = layout.boxes.reshape(-1, 2).astype(np.float64)
    straight = layout.warp.straight(corners).reshape(-1, 4, 2)
    return np.concatenate([straight.min(axis=1), straight.max(axis=1)], axis=1)


def _heights(corners: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return how high each text (N x 4 x 2) is, across the way that it is read."""
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    return np.asarray(sides.min(axis=1, initial=np.inf), np.float64)


def _usual_height(layout: Layout, lines: Boxes, heights: NDArray[np.float64]) -> float:
    """Return the height of most of a page's text, in pixels; rows of tables count as lines."""
    rows = [
        (bottom - top, grid.box.x1 - grid.box.x0)
        for grid in layout.grids
        for row in grid.rows
        for top, bottom in row
    ]
    tall = np.concatenate([heights, [row for row, _ in rows]])
    long = np.concatenate([lines[:, 2] - lines[:, 0], [width for _, width in rows]])
    if len(tall) == 0:
        return NO_TEXT
    order = np.argsort(tall)
    middle = np.searchsorted(np.cumsum(long[order]), long.sum() / 2)
    return float(max(4.0, tall[order][min(middle, len(tall) - 1)]))


def _drawn(layout: Layout, tables: Boxes, height: float) -> list[_Part]:
    """Return the figures and stamps of a page."""
    around = tables + height * np.array([-1, -1, 1, 1])
    corners = around[:, [[0, 1], [2, 1], [2, 3], [0, 3]]].reshape(-1, 2)
    upright = layout.warp.upright(corners).reshape(-1, 4, 2)
    blots = find_blots(layout.prepared, layout.boxes.astype(np.float64), upright, height)
    found = []
    for blot in blots:
        corners = np.array([(blot.x0, blot.y0), (blot.x1, blot.y1)])
        box = layout.warp.straight(corners).ravel()
        found.append(_Part("stamp" if blot.is_stamp else "figure", box))
    return found


def _parts(
    lines: Boxes,
    heights: NDArray[np.float64],
    tables: Boxes,
    drawn: list[_Part],
    height: float,
) -> list[_Part]:
    """Return the regions of a page in reading order."""
    free = np.ones(len(lines), bool)
    for part in drawn:
        inside = free & (_share(lines, part.box) >= INSIDE)
        part.lines = in_rows(lines, np.flatnonzero(inside).tolist())
        free &= ~inside
    body = find_body(lines[free], tables, height)
    margin = np.zeros(len(lines), bool)
    if body is not None:
        margin[free] = in_margin(lines[free], body, height)
    running = np.flatnonzero(free & ~margin)
    every = np.concatenate([lines[running], tables])
    read = columns(every, height)
    heads = np.zeros(len(lines), bool)
    if body is not None:
        heads[running] = find_headings(lines[running], heights[running], tables, read, body, height)
    numbers = [*running.tolist(), *([TABLE] * len(tables))]
    parts = []
    for column in read:
        parts += _blocks(every, column, height, numbers, heads)
    notes = drawn
    for side in _sides(lines, np.flatnonzero(margin), body):
        notes += _blocks(lines, side, height, list(range(len(lines))), None)
    return _placed(parts, notes)


def _sides(lines: Boxes, margin: NDArray[np.intp], body: Body | None) -> list[list[int]]:
    """Return the notes left of the body's middle, and those right of it."""
    if body is None:
        return []
    left = lines[margin][:, [0, 2]].mean(axis=1) < (body.left + body.right) / 2
    return [in_rows(lines, margin[side].tolist()) for side in (left, ~left)]


def _blocks(
    boxes: Boxes,
    column: list[int],
    height: float,
    numbers: list[int],
    heads: NDArray[np.bool_] | None,
) -> list[_Part]:
    """Return a column cut into regions: at tables, headings and wide gaps.

    `numbers` says which line each box is, or `TABLE`; without `heads` all are notes.
    """
    rows = rows_of(boxes, column)
    tops = np.array([boxes[row, 1].min() for row in rows])
    ends = np.array([boxes[row, 3].max() for row in rows])
    gaps = tops[1:] - ends[:-1]
    usual = float(np.median(gaps)) if len(gaps) and heads is not None else 0.0
    wide = height * min(max(APART, MORE * usual / height), MOST)
    found: list[_Part] = []
    for place, row in enumerate(rows):
        own = [numbers[i] for i in row if numbers[i] != TABLE]
        kind: RegionKind = "text"
        if heads is None:
            kind = "margin"
        elif heads[own].any():
            kind = "heading"
        grids = [i for i in row if numbers[i] == TABLE]
        found += [_Part("table", boxes[i], grid=i - numbers.index(TABLE)) for i in grids]
        near = place and gaps[place - 1] <= wide
        if near and not grids and found[-1].kind == kind:
            found[-1].lines += own
            found[-1].box = _around(np.array([found[-1].box, *boxes[row]]))
        elif own:
            found.append(_Part(kind, _around(boxes[[i for i in row if i not in grids]]), own))
    return found


def _around(boxes: Boxes) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _share(boxes: Boxes, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return which share of each box is inside of another."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    area = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-6), axis=1)
    return np.asarray(np.prod(np.maximum(sides, 0), axis=1) / area, np.float64)


def _placed(parts: list[_Part], notes: list[_Part]) -> list[_Part]:
    """Return the regions of the text with those that stand beside and within it.

    Such a one is read after what begins above it in the same column; without that before what
    follows there, or after what it stands beside.
    """
    boxes = np.array([part.box for part in parts]).reshape(-1, 4)
    keyed = [(float(place), 0.0, part) for place, part in enumerate(parts)]
    keyed += [(_place(boxes, note.box), float(note.box[1]), note) for note in notes]
    return [part for _, _, part in sorted(keyed, key=lambda each: each[:2])]


def _place(boxes: Boxes, note: NDArray[np.float64]) -> float:
    """Return between which of the boxes a note is read: half a step after one."""
    if len(boxes) == 0:
        return 0.0
    x0, y0, x1, y1 = note
    over = np.minimum(boxes[:, 2], x1) - np.maximum(boxes[:, 0], x0)
    same = over > 0.3 * np.minimum(boxes[:, 2] - boxes[:, 0], x1 - x0)
    above = boxes[:, 1] < (y0 + y1) / 2
    if (same & above).any():
        return float(np.where(same & above, boxes[:, 1], -np.inf).argmax()) + 0.5
    if same.any():
        return float(np.where(same, boxes[:, 1], np.inf).argmin()) - 0.5
    beside = np.minimum(boxes[:, 3], y1) > np.maximum(boxes[:, 1], y0)
    if beside.any():
        return float(np.where(beside, -over, np.inf).argmin()) + 0.5
    return float(np.flatnonzero(above).max(initial=-1)) + 0.5


def _divided(layout: Layout, parts: list[_Part], ignore: Collection[RegionKind]) -> Layout:
    """Return a layout with these regions, without what stands in those that are ignored."""
    boxes = np.array([part.box for part in parts]).reshape(-1, 4)
    regions, order, region_of = [], [], []
    for number, (part, polygon) in enumerate(zip(parts, layout.polygons(boxes), strict=True)):
        if part.kind in ignore:
            cells = sum(place[0] == part.grid for place in layout.cells)
            regions.append(Region(part.kind, polygon, ignored=len(part.lines) + cells))
            continue
        order += part.lines
        region_of += [number] * len(part.lines)
        regions.append(Region(part.kind, polygon, part.grid))
    divided = replace(
        layout,
        boxes=layout.boxes[order],
        lines=tuple(layout.lines[i] for i in order),
        regions=tuple(regions),
        region_of=tuple(region_of),
    )
    if "table" in ignore:
        return replace(divided, grids=(), cells={}, marks={}, facing=())
    return divided
