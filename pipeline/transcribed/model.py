"""What the readers of PAGE and ALTO have in common: lines as marked, places, grids of cells."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.page import Alternative, Cell, Line, Point, Polygon, Region, Table, Transcription

MAX_PLACES = 1_000_000
"""Rows times columns of one table."""

MAX_COORDINATE = 1e6

_OURS = re.compile(r"table_\d{1,9}")


@dataclass(frozen=True, slots=True)
class Transcribed:
    """A page as somebody transcribed it.

    `image` is the file name of its scan as the document has it, `software` what made it (or made
    it last), `created` when as the document writes it; each is empty where that is not said.
    """

    transcription: Transcription
    image: str
    software: str
    created: str


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line as it is marked on a page; outline and baseline are points in page pixels.

    `kind` is what the document calls its type, `said` what Ledgermill wrote of it.
    """

    text: str
    outline: tuple[Point, ...]
    baseline: tuple[Point, ...] = ()
    kind: str = ""
    confidence: float = 1.0
    alternatives: tuple[Alternative, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)


def number(text: str | None) -> float:
    """Return a coordinate. Raises `ValueError` where there is none or it is beyond any page."""
    value = float(text or "nan")
    if not abs(value) <= MAX_COORDINATE:  # also true of NaN
        raise ValueError(f"no coordinate: {text}")
    return value


def probability(text: str | None) -> float:
    """Return a confidence as written, 1 where none is. Raises `ValueError` where it is none."""
    if text is None:
        return 1.0
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(f"no confidence: {text}")
    return value


def polygon_of(outline: Sequence[Point], baseline: Sequence[Point] = ()) -> Polygon:
    """Return the four corners about an outline, clockwise from the top left of its text.

    Four points stay the corners that they are; about others the box is drawn that lies along the
    baseline, or upright without one. Raises `ValueError` where there are fewer than two points.
    """
    if len(outline) < 2:
        raise ValueError("no coordinates")
    ax, ay = 1.0, 0.0
    if len(baseline) >= 2:
        dx, dy = baseline[-1][0] - baseline[0][0], baseline[-1][1] - baseline[0][1]
        if (length := math.hypot(dx, dy)) > 0:
            ax, ay = dx / length, dy / length
    turned = [(x * ax + y * ay, y * ax - x * ay) for x, y in outline]
    if len(outline) == 4:
        return _in_order(outline, turned)
    us, vs = [u for u, _ in turned], [v for _, v in turned]
    left, right, top, bottom = min(us), max(us), min(vs), max(vs)
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    a, b, c, d = ((u * ax - v * ay, u * ay + v * ax) for u, v in corners)
    return (a, b, c, d)


def _in_order(outline: Sequence[Point], turned: Sequence[Point]) -> Polygon:
    """Return four corners clockwise from the one that is top left where the text is upright."""
    area = sum(
        u * turned[(i + 1) % 4][1] - turned[(i + 1) % 4][0] * v for i, (u, v) in enumerate(turned)
    )
    step = 1 if area >= 0 else -1
    first = min(range(4), key=lambda i: turned[i][0] + turned[i][1])
    a, b, c, d = (outline[(first + step * i) % 4] for i in range(4))
    return (a, b, c, d)


def size_of(lines: Sequence[Line], tables: Sequence[Table]) -> tuple[int, int]:
    """Return width and height of a page that does not say them: as far as anything reaches.

    Raises `ValueError` where nothing stands on it.
    """
    polygons = [line.polygon for line in lines] + [table.polygon for table in tables]
    corners = [corner for polygon in polygons for corner in polygon]
    width, height = (math.ceil(max((c[axis] for c in corners), default=0)) for axis in (0, 1))
    if width < 1 or height < 1:
        raise ValueError("the size of its image is not said")
    return width, height


def numbered(
    tables: Sequence[tuple[str, Table]], regions: Sequence[Region]
) -> tuple[tuple[Table, ...], tuple[Region, ...]]:
    """Return tables in their order, and the regions that say of which of them they are.

    `tables` come as they are read, each with its name in the document. Those that we wrote are
    called `table_0` and on, which need not be the order in which they are read.
    """
    order = list(range(len(tables)))
    if all(_OURS.fullmatch(name) for name, _ in tables):
        order.sort(key=lambda i: int(tables[i][0].rpartition("_")[2]))
    placed = (
        region if region.table is None else replace(region, table=order.index(region.table))
        for region in regions
    )
    return tuple(tables[i][1] for i in order), tuple(placed)


def slices(polygon: Polygon, count: int) -> list[Polygon]:
    """Cut a polygon into `count` lines of the same height, top to bottom."""
    a, b, c, d = polygon

    def between(p: Point, q: Point, part: float) -> Point:
        return (p[0] + (q[0] - p[0]) * part, p[1] + (q[1] - p[1]) * part)

    return [
        (
            between(a, d, i / count),
            between(b, c, i / count),
            between(b, c, (i + 1) / count),
            between(a, d, (i + 1) / count),
        )
        for i in range(count)
    ]


def covering(cells: Iterable[Cell], polygon: Polygon) -> tuple[int, int, tuple[Cell, ...]]:
    """Return rows, columns and cells of a grid in which every place is covered exactly once.

    Places that no cell covers get an empty one, its corners by its share of the table's polygon.
    Of two cells at one place the second gives its text to the first. Raises `ValueError` where
    the grid has more than `MAX_PLACES`.
    """
    found = list(cells)
    rows = max((cell.row + cell.row_span for cell in found), default=1)
    columns = max((cell.column + cell.column_span for cell in found), default=1)
    if rows * columns > MAX_PLACES:
        raise ValueError(f"a table of {rows} x {columns} cells")
    kept: dict[tuple[int, int], Cell] = {}
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for cell in found:
        down, along = range(cell.row_span), range(cell.column_span)
        taken = next(
            (
                owner[place]
                for i in down
                for j in along
                if (place := (cell.row + i, cell.column + j)) in owner
            ),
            None,
        )
        if taken is not None:
            first = kept[taken]
            kept[taken] = replace(first, text=" ".join(t for t in (first.text, cell.text) if t))
            continue
        kept[cell.row, cell.column] = cell
        owner.update(
            {(cell.row + i, cell.column + j): (cell.row, cell.column) for i in down for j in along}
        )
    bands = slices(polygon, rows)
    for row in range(rows):
        for column in range(columns):
            if (row, column) not in owner:
                blank = _part(bands[row], column, columns)
                kept[row, column] = Cell(row, column, "", "", 1.0, blank)
    return rows, columns, tuple(kept[place] for place in sorted(kept))


def _part(band: Polygon, column: int, columns: int) -> Polygon:
    """Return a column's share of a row's band."""
    a, b, c, d = band

    def along(p: Point, q: Point, part: float) -> Point:
        return (p[0] + (q[0] - p[0]) * part, p[1] + (q[1] - p[1]) * part)

    left, right = column / columns, (column + 1) / columns
    return (along(a, b, left), along(a, b, right), along(d, c, right), along(d, c, left))
