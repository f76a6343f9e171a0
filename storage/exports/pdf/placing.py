"""Where the texts of a page lie in its PDF: each on its ink, a row's on one line.

Programs that take text out of a PDF tell rows by their baselines. The rows of a table on a scan
that lies askew run into their neighbours' height, so the page is then turned until they are level.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.page import Cell, Line, Point, Polygon, Table, Transcription
from storage.exports.blocks import blocks
from storage.exports.markup.xml import clean
from storage.exports.pdf.font import ADVANCE, ASCENT

DRIFT = 0.25
"""Of a row's height, by how much its ends may differ in height before the page is turned."""

SPREAD = 0.6
"""Of a row's height, by how much its cells may lie above or below its line and still be of it."""

SLACK = 0.2
"""Of a row's height, by how much baselines may differ that are still taken for one line."""

SMALLER = 0.8
TALLER = 1.5
"""By how much a text may be higher than its row's: more, and the next row's would be touched."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be laid on the page, in pixels of the straightened page, y downwards.

    (`x`, `y`) is where its baseline begins, `size` the height of its characters, `stretch` their
    width in per cent; the baseline runs along (`cosine`, `sine`).
    """

    text: str
    x: float
    y: float
    size: float
    stretch: float
    cosine: float = 1.0
    sine: float = 0.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the page about its upper left corner that makes its rows level."""

    cosine: float = 1.0
    sine: float = 0.0

    def __call__(self, point: Point) -> Point:
        x, y = point
        return (x * self.cosine - y * self.sine, x * self.sine + y * self.cosine)

    def bounds(self, width: float, height: float) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of the turned page."""
        corners = [self(corner) for corner in ((0, 0), (width, 0), (width, height), (0, height))]
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        return min(xs), min(ys), max(xs), max(ys)


def placed(page: Transcription) -> tuple[list[Text], Turn]:
    """Return the texts of a page as they are read, tables row by row, and how it is turned.

    From top to bottom where no regions are known.
    """
    turn = _turn(page)
    if page.regions:
        read: list[Text] = []
        for block in blocks(page):
            read += [text for _, line in block.lines for text in _of_line(line, turn)]
            read += _of_table(block.table[1], turn) if block.table is not None else ()
        return read, turn
    parts: list[tuple[float, list[Text]]] = [
        (min(turn(corner)[1] for corner in line.polygon), list(_of_line(line, turn)))
        for line in page.lines
    ]
    parts += [
        (min(turn(corner)[1] for corner in table.polygon), list(_of_table(table, turn)))
        for table in page.tables
    ]
    parts.sort(key=lambda part: part[0])
    return [text for _, texts in parts for text in texts], turn


def _turn(page: Transcription) -> Turn:
    """Return the turn that the rows of the tables need: none where they are level enough."""
    slopes, drifts = [], []
    for table in page.tables:
        for row in _rows(table):
            if len(row) < 2:
                continue
            first, last = _middle(row[0].polygon), _middle(row[-1].polygon)
            across, down = last[0] - first[0], last[1] - first[1]
            if across > 0:
                slopes.append(down / across)
                drifts.append(abs(down) / max(1.0, _height(row)))
    if not slopes or statistics.median(drifts) < DRIFT:
        return Turn()
    angle = math.atan(statistics.median(slopes))
    return Turn(math.cos(-angle), math.sin(-angle))


def _rows(table: Table) -> Iterator[list[Cell]]:
    """Yield the cells with text of every row, from left to right."""
    rows: dict[int, list[Cell]] = {}
    for cell in table.cells:
        if _said(cell.text):
            rows.setdefault(cell.row, []).append(cell)
    for row in sorted(rows):
        yield sorted(rows[row], key=lambda cell: cell.column)


def _of_line(line: Line, turn: Turn) -> Iterator[Text]:
    text = _said(line.text)
    if text:
        yield _along(text, tuple(turn(corner) for corner in line.polygon))


def _of_table(table: Table, turn: Turn) -> Iterator[Text]:
    """Yield the texts of a table, those of a row on one line where their ink lies about it."""
    rows = list(_rows(table))
    lines = [_level(row, turn) for row in rows]
    pitches = [b[0] - a[0] for a, b in itertools.pairwise(lines) if b[0] > a[0]]
    pitch = statistics.median(pitches) if pitches else math.inf
    for row, (middle, height) in zip(rows, lines, strict=True):
        size = min(height, pitch)
        for cell in row:
            corners = tuple(turn(corner) for corner in cell.polygon)
            (ax, ay), (bx, by) = corners[0], corners[1]
            turned = abs(by - ay) > abs(bx - ax) or bx < ax
            own = sum(y for _, y in corners) / 4
            text = _said(cell.text)
            if turned or cell.row_span > 1 or abs(own - middle) > SPREAD * size:
                yield _along(text, corners)
            else:
                yield _on_row(text, corners, middle + (ASCENT - 0.5) * size, size)


def _on_row(text: str, corners: Sequence[Point], line: float, size: float) -> Text:
    """Return a text near the baseline of its row, as high as its own ink."""
    left, right = min(x for x, _ in corners), max(x for x, _ in corners)
    top, bottom = min(y for _, y in corners), max(y for _, y in corners)
    own = bottom - (1 - ASCENT) * (bottom - top)
    y = min(max(own, line - SLACK * size), line + SLACK * size)
    needed = max((y - top) / ASCENT, (bottom - y) / (1 - ASCENT))
    high = min(max(needed, SMALLER * size), TALLER * size)
    return Text(text, left, y, high, _stretch(text, right - left, high))


def _level(row: Sequence[Cell], turn: Turn) -> tuple[float, float]:
    """Return the middle of a row and the height that covers most of its cells."""
    spans = []
    for cell in row:
        ys = [turn(corner)[1] for corner in cell.polygon]
        spans.append((min(ys), max(ys)))
    middle = statistics.median((top + bottom) / 2 for top, bottom in spans)
    reach = statistics.median(max(bottom - middle, middle - top) for top, bottom in spans)
    return middle, max(1.0, 2 * reach)


def _along(text: str, corners: Sequence[Point]) -> Text:
    """Return a text that fills its own four corners."""
    a, b, c, d = corners
    width = (math.dist(a, b) + math.dist(d, c)) / 2
    height = max(1.0, (math.dist(a, d) + math.dist(b, c)) / 2)
    dx, dy = (b[0] - a[0] + c[0] - d[0]) / 2, (b[1] - a[1] + c[1] - d[1]) / 2
    length = math.hypot(dx, dy) or 1.0
    cosine, sine = (dx / length, dy / length) if dx or dy else (1.0, 0.0)
    up = 1 - ASCENT
    x, y = d[0] + (a[0] - d[0]) * up, d[1] + (a[1] - d[1]) * up
    return Text(text, x, y, height, _stretch(text, width, height), cosine, sine)


def _stretch(text: str, width: float, size: float) -> float:
    return min(10_000.0, max(1.0, 100 * width / (len(text) * ADVANCE * size)))


def _said(text: str) -> str:
    """Return a text on one line, without what a CMap may not say."""
    return " ".join(clean(text).replace("\ufeff", "").split())


def _middle(polygon: Polygon) -> Point:
    return (sum(x for x, _ in polygon) / 4, sum(y for _, y in polygon) / 4)


def _height(row: Sequence[Cell]) -> float:
    return statistics.median(math.dist(cell.polygon[0], cell.polygon[3]) for cell in row)
