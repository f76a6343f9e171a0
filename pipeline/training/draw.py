"""Layouts to pixels: a clean page image with the polygon of everything written on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pipeline.page import Cell, Line, Polygon, Table, Transcription
from pipeline.training.fonts import BUNDLED, Face
from pipeline.training.layouts import Align, Layout, Rule, Text

Gray = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in page pixels."""

FOLD = 0.015
"""Width of a fold's darkness as part of the page's width."""

_THICKNESS: dict[Rule, int] = {"none": 0, "thin": 2, "thick": 5}


@dataclass(frozen=True, slots=True)
class DrawnPage:
    """A page image (H x W, uint8, black ink on white) and everything that stands on it.

    A text's polygon encloses its ink; an empty cell's polygon is the cell itself. All
    confidences are 1: this is the truth.
    """

    image: Gray
    truth: Transcription


def draw_page(
    layout: Layout, rng: np.random.Generator, print_face: Face = BUNDLED, hand_face: Face = BUNDLED
) -> DrawnPage:
    """Draw `layout` as a fresh, flat page; `rng` decides how evenly type and pen hit the paper."""
    em = layout.size
    left = round(layout.margin * em)
    widths = [round(column.width * em) for column in layout.columns]
    right = left + sum(widths)
    head_height = sum(_text_row_height(row, em) for row in layout.head)
    table_top = left + head_height
    row_tops, table_bottom = _row_tops(layout, table_top)
    foot_height = sum(_text_row_height(row, em) for row in layout.foot)
    page = np.full((table_bottom + foot_height + left, right + left), 255, np.uint8)

    _draw_rules(page, layout, left, widths, table_top, row_tops, table_bottom, rng)
    lines = _draw_texts(page, layout.head, left, right, left, em, print_face, rng)
    cells = _draw_cells(page, layout, left, widths, row_tops, print_face, hand_face, rng)
    lines += _draw_texts(
        page, layout.foot, left, right, table_bottom + em // 2, em, print_face, rng
    )
    table = Table(
        polygon=polygon((left, table_top, right, table_bottom)),
        rows=len(layout.rows),
        columns=len(layout.columns),
        cells=tuple(cells),
        header_rows=layout.header_rows,
    )
    height, width = page.shape
    return DrawnPage(page, Transcription(width, height, 0.0, tuple(lines), (table,)))


def polygon(box: Box) -> Polygon:
    """Return the four corners of an upright box, clockwise from the top left."""
    x0, y0, x1, y1 = map(float, box)
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def number(text: str) -> float | None:
    """Return the number that `text` stands for, its decimal mark raised or not, or `None`."""
    try:
        return float(text.replace("·", "."))
    except ValueError:
        return None


def without_first_column(page: DrawnPage) -> DrawnPage:
    """Let the first column of a fresh page vanish in the fold, whose darkness takes its place.

    What is lost is not in the truth any more; the rest is moved and renumbered. Lines that begin
    in the fold leave the truth, too, and their remains the image.
    """
    (table,) = page.truth.tables
    kept = [cell for cell in table.cells if cell.column > 0]
    lost = [x for cell in table.cells if cell.column == 0 and cell.text for x, _ in cell.polygon]
    edge = min(x for cell in kept for x, _ in cell.polygon)
    cut = round((max([*lost, 0.0]) + edge) / 2)
    fold = round(FOLD * page.truth.width)
    image = page.image.copy()
    for line in page.truth.lines:
        if min(x for x, _ in line.polygon) < cut:
            _erase(image, line.polygon)
    lines = tuple(
        replace(line, polygon=_moved(line.polygon, fold - cut))
        for line in page.truth.lines
        if min(x for x, _ in line.polygon) >= cut
    )
    (_, top), _, (right, bottom), _ = table.polygon
    table = replace(
        table,
        polygon=polygon((fold, top, right + fold - cut, bottom)),
        columns=table.columns - 1,
        cells=tuple(
            replace(cell, column=cell.column - 1, polygon=_moved(cell.polygon, fold - cut))
            for cell in kept
        ),
    )
    dark = np.linspace(40, 160, fold).astype(np.uint8)
    image = np.hstack([np.tile(dark, (len(image), 1)), image[:, cut:]])
    height, width = image.shape
    return DrawnPage(image, Transcription(width, height, 0.0, lines, (table,)))


def _moved(corners: Polygon, dx: float) -> Polygon:
    a, b, c, d = ((x + dx, y) for x, y in corners)
    return (a, b, c, d)


def _erase(image: Gray, corners: Polygon) -> None:
    (x0, y0), _, (x1, y1), _ = corners
    image[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = 255


def _text_row_height(row: tuple[Text, ...], em: int) -> int:
    return round(1.6 * em * max(text.scale for text in row))


def _row_tops(layout: Layout, top: int) -> tuple[list[int], int]:
    """Return the top of each row's cells and the bottom of the last, in pixels."""
    tops, y = [], float(top)
    for row in layout.rows:
        y += row.gap * layout.size
        tops.append(round(y))
        y += row.height * layout.size
    return tops, round(y)


def _draw_texts(
    page: Gray,
    rows: tuple[tuple[Text, ...], ...],
    left: int,
    right: int,
    top: int,
    em: int,
    face: Face,
    rng: np.random.Generator,
) -> list[Line]:
    lines = []
    for row in rows:
        height = _text_row_height(row, em)
        for text in row:
            box = (left, top, right, top + height)
            ink = _write(page, text.text, box, text.align, face, round(em * text.scale), False, rng)
            if ink is not None:
                lines.append(Line(text.text, 1.0, polygon(ink)))
        top += height
    return lines


def _draw_cells(
    page: Gray,
    layout: Layout,
    left: int,
    widths: list[int],
    row_tops: list[int],
    print_face: Face,
    hand_face: Face,
    rng: np.random.Generator,
) -> list[Cell]:
    cells = []
    em = layout.size
    for r, row in enumerate(layout.rows):
        x = left
        for c, (column, text) in enumerate(zip(layout.columns, row.texts, strict=True)):
            box = (x, row_tops[r], x + widths[c], row_tops[r] + round(row.height * em))
            hand = row.hand and column.hand
            face = hand_face if hand else print_face
            align = column.align if r >= layout.header_rows else "center"
            ink = _write(page, text, box, align, face, em, hand, rng)
            text = text.replace("\n", " ")
            cells.append(Cell(r, c, text, text, 1.0, polygon(ink or box), value=number(text)))
            x += widths[c]
    return cells


def _write(
    page: Gray,
    text: str,
    box: tuple[int, int, int, int],
    align: Align,
    face: Face,
    size: int,
    hand: bool,
    rng: np.random.Generator,
) -> Box | None:
    """Write `text` into `box` and return the box of its ink, `None` where there is none."""
    x0, y0, x1, y1 = box
    texts = text.split("\n")
    step = (y1 - y0) / (len(texts) + 0.6) if len(texts) > 1 else 0.0
    inks: list[Box] = []
    for number_of_line, part in enumerate(texts):
        ink, baseline = _hand_ink(part, face, size, rng) if hand else _print_ink(part, face, size)
        if not ink.any():
            continue
        height, width = ink.shape
        pad = size // 2 if hand else size // 4
        place = {"left": x0 + pad, "right": x1 - pad - width, "center": (x0 + x1 - width) // 2}
        x = place[align] + round(float(rng.normal(0, 0.12 if hand else 0.03)) * size)
        middle = (y0 + y1) / 2 + (number_of_line - (len(texts) - 1) / 2) * step
        y = round(middle + 0.36 * size - baseline + float(rng.normal(0, 0.5)))
        strength = float(np.clip(rng.normal(0.9, 0.06), 0.6, 1.0))
        _press(page, ink, x, y, strength)
        inks.append((x, y, x + width, y + height))
    if not inks:
        return None
    lefts, tops, rights, bottoms = zip(*inks, strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms))


def _press(page: Gray, ink: Gray, x: int, y: int, strength: float) -> None:
    """Darken `page` where `ink` is, its top left at (x, y); what falls off the page is lost."""
    height, width = ink.shape
    cx, cy = max(0, -x), max(0, -y)
    paper = page[y + cy : y + height, x + cx : x + width]
    ink = ink[cy : cy + paper.shape[0], cx : cx + paper.shape[1]]
    np.minimum(paper, (255 - strength * ink).astype(np.uint8), out=paper)


def _print_ink(text: str, face: Face, size: int) -> tuple[Gray, int]:
    """Return the ink of `text` (h x w, 255 is full) cropped to itself, and its baseline's row."""
    font = face.font(size)
    x0, y0, x1, y1 = (int(v) for v in font.getbbox(text, anchor="ls"))
    if x1 <= x0 or y1 <= y0:
        return np.zeros((1, 1), np.uint8), 0
    canvas = Image.new("L", (x1 - x0 + 2, y1 - y0 + 2), 0)
    ImageDraw.Draw(canvas).text((1 - x0, 1 - y0), text, fill=255, font=font, anchor="ls")
    return np.asarray(canvas, np.uint8), 1 - y0


def _hand_ink(text: str, face: Face, size: int, rng: np.random.Generator) -> tuple[Gray, int]:
    """Return `text` as a pen would write it: slanted, no two letters alike.

    Each letter is leaned, turned, scaled and shifted a little on its own around the slant of the
    whole text. With a handwriting face this varies a hand; with a printed one it imitates one.
    """
    font = face.font(size)
    height = 2 * size
    base = round(1.35 * size)
    canvas = np.zeros((height, round(font.getlength(text) * 1.3) + 3 * size), np.uint8)
    slant = float(rng.normal(0.2, 0.06))
    x = float(size)
    for letter in text:
        glyph = Image.new("L", (canvas.shape[1], height), 0)
        ImageDraw.Draw(glyph).text((x, base), letter, fill=255, font=font, anchor="ls")
        scale = float(rng.normal(1.0, 0.03))
        turn = float(rng.normal(0.0, 0.04))
        lean = slant + float(rng.normal(0.0, 0.05))
        rise = float(rng.normal(0.0, 0.03)) * size
        change = np.array([[scale, -lean - turn, 0.0], [turn, scale, rise]], np.float64)
        pivot = np.array([x, base])
        change[:, 2] += pivot - change[:, :2] @ pivot
        moved = cv2.warpAffine(np.asarray(glyph), change, (canvas.shape[1], height))
        np.maximum(canvas, moved.astype(np.uint8), out=canvas)
        space = 0.15 * size if letter.isspace() else 0.0
        x += font.getlength(letter) * (scale + float(rng.normal(0.0, 0.04))) + space
    rows, columns = np.nonzero(canvas > 32)
    if rows.size == 0:
        return np.zeros((1, 1), np.uint8), 0
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    return np.ascontiguousarray(canvas[top:bottom, left:right]), base - int(top)


def _draw_rules(
    page: Gray,
    layout: Layout,
    left: int,
    widths: list[int],
    top: int,
    row_tops: list[int],
    bottom: int,
    rng: np.random.Generator,
) -> None:
    right = left + sum(widths)
    if layout.frame:
        for y in (top, bottom):
            _rule(page, (left, y), (right, y), "thin", rng)
        for x in (left, right):
            _rule(page, (x, top), (x, bottom), "thin", rng)
    for row, row_top in zip(layout.rows, row_tops, strict=True):
        y = row_top + round(row.height * layout.size)
        _rule(page, (left, y), (right, y), row.rule, rng)
    x = left
    for column, width in zip(layout.columns, widths, strict=True):
        x += width
        _rule(page, (x, top), (x, bottom), column.rule, rng)


def _rule(
    page: Gray, start: tuple[int, int], end: tuple[int, int], rule: Rule, rng: np.random.Generator
) -> None:
    """Draw a rule of uneven blackness, thin ones with the breaks of worn type metal."""
    thickness = _THICKNESS[rule]
    if not thickness:
        return
    length = max(end[0] - start[0], end[1] - start[1])
    across = start[0] == end[0]
    steps = int(np.ceil(length / 40)) + 2
    spots = np.clip(rng.normal(0.75, 0.15, steps), 0.2, 1.0)
    if rule == "thin":
        spots[rng.random(steps) < 0.04] = 0.0
    strength = np.interp(np.arange(length) / 40, np.arange(steps), spots)
    ink = np.repeat((255 * strength).astype(np.uint8)[:, None], thickness, axis=1)
    x, y = (
        (start[0] - thickness // 2, start[1]) if across else (start[0], start[1] - thickness // 2)
    )
    _press(page, ink if across else np.ascontiguousarray(ink.T), x, y, 1.0)
