"""From readings to lines and tables: what each cell says, once its column is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipeline.page import Alternative, Cell, Line, LineStatus, Reading, Table
from pipeline.profiles import Profile
from pipeline.tables.column import Settled, as_read, is_numeric, odd, settle
from pipeline.tables.edge import counted_labels, lost_columns
from pipeline.tables.facing import join_facing
from pipeline.tables.layout import CellLine, Layout, Position
from pipeline.tables.structure.grid import Grid
from pipeline.tables.values import parse_value

SURE = 0.97
"""How sure a mark is that is known by its shape: now and then a blot has it, too."""


def make_lines(
    layout: Layout, readings: Sequence[Reading], profile: Profile
) -> list[tuple[int, Line]]:
    """Return the lines outside tables that hold text, each with its number in the layout."""
    threshold = profile.recognition.reject_below
    lines = []
    for number, (corners, reading) in enumerate(zip(layout.boxes, readings, strict=True)):
        if reading.text.strip():
            polygon = layout.prepared.polygon_on_page(corners.astype(np.float64))
            status: LineStatus = "rejected" if reading.confidence < threshold else "plain"
            line = Line(reading.text, reading.confidence, polygon, reading.alternatives, status)
            lines.append((number, line))
    return lines


def make_tables(
    layout: Layout,
    readings: Mapping[CellLine, Reading],
    reread: Callable[[list[CellLine], bool], Mapping[CellLine, Reading]],
    profile: Profile,
) -> tuple[Table, ...]:
    """Return the tables with every cell's final text.

    `reread` reads the crops at the places given as numbers, or the cells there from edge to edge;
    it is asked where a column holds numbers but the reading of a cell is none that is written as
    they are. A figure that a stain joins to a rule is in no crop, but in the whole cell.
    """
    raw = join_lines(readings) | {place: _marked(mark) for place, mark in layout.marks.items()}
    final = dict(raw)
    if profile.tables.numeric:

        def again(cells: list[Position], whole: bool) -> dict[Position, Reading]:
            wanted = set(cells)
            places = [place for place in readings if place[:3] in wanted]
            return join_lines(reread(places, whole)) if places else {}

        final |= again(_odd_cells(layout, raw), False)
        found = again(_odd_cells(layout, final), True)
        if found:
            still = set(_odd_cells(layout, final | found))
            final |= {place: reading for place, reading in found.items() if place not in still}
    tables = [
        _table(layout, index, grid, raw, final, profile) for index, grid in enumerate(layout.grids)
    ]
    return join_facing(layout, tables)


def join_lines(readings: Mapping[CellLine, Reading]) -> dict[Position, Reading]:
    """Return one reading for each cell, its lines of text joined; a hyphen needs no space after it.

    A cell of one line keeps its alternatives.
    """
    lines: dict[Position, list[Reading]] = {}
    for place in sorted(readings):
        lines.setdefault(place[:3], []).append(readings[place])
    return {place: _joined(parts) for place, parts in lines.items()}


def _joined(parts: list[Reading]) -> Reading:
    if len(parts) == 1:
        return parts[0]
    text = ""
    for part in parts:
        text += part.text if text.endswith("-") else f" {part.text}"
    text = text.strip()
    confidence = math.prod(part.confidence for part in parts)
    return Reading(text, confidence, (Alternative(text, math.log(max(confidence, 1e-12))),))


def _marked(mark: str) -> Reading:
    """Return the reading of a mark, such as a dash, that was known by its shape."""
    return Reading(mark, SURE, (Alternative(mark, math.log(SURE)),))


def _odd_cells(layout: Layout, readings: Mapping[Position, Reading]) -> list[Position]:
    return [
        place
        for index, grid in enumerate(layout.grids)
        for column in range(len(grid.xs) - 1)
        for place in odd(_body(layout, index, grid, column, readings))
    ]


def _body(
    layout: Layout,
    index: int,
    grid: Grid,
    column: int,
    readings: Mapping[Position, Reading],
) -> dict[Position, Reading]:
    """Return the readings of a column's cells below the header; marks are none."""
    places = [(index, row, column) for row in range(grid.header_rows, len(grid.ys))]
    return {
        place: readings[place]
        for place in places
        if place in readings and place not in layout.marks
    }


def _table(
    layout: Layout,
    index: int,
    grid: Grid,
    raw: Mapping[Position, Reading],
    final: Mapping[Position, Reading],
    profile: Profile,
) -> Table:
    rows, columns = len(grid.ys), len(grid.xs) - 1
    says = {place[1:]: as_read(reading) for place, reading in final.items() if place[0] == index}
    numeric = set()
    if profile.tables.numeric:
        for column in range(columns):
            body = _body(layout, index, grid, column, final)
            says |= {place[1:]: settled for place, settled in settle(body).items()}
            if is_numeric([reading.text for reading in body.values()]):
                numeric.add(column)
    texts = {place: settled.text for place, settled in says.items()}
    lost = lost_columns(grid, texts)
    header = _header_rows(texts, rows, grid.header_rows, numeric)
    if profile.tables.numeric and not lost:
        says |= _labels(grid, texts, header)
    cells = []
    spans = {(span.row, span.column): (span.rows, span.columns) for span in grid.spans}
    for (row, column), polygon in layout.cell_polygons(grid, lost).items():
        row_span, column_span = spans.get((row, column), (1, 1))
        if (row, column) not in says:
            cells.append(Cell(row, column + lost, "", "", 1.0, polygon, row_span, column_span))
            continue
        place = (index, row, column)
        settled = says[row, column]
        rejected = settled.confidence < profile.recognition.reject_below
        cells.append(
            Cell(
                row,
                column + lost,
                settled.text,
                raw[place].text if place in raw else "",
                settled.confidence,
                polygon,
                row_span,
                column_span,
                value=parse_value(settled.text),
                status="rejected" if rejected else settled.status,
                alternatives=final[place].alternatives if place in final else (),
            )
        )
    box = grid.box
    [polygon] = layout.polygons(np.array([[box.x0, box.y0, box.x1, box.y1]]))
    return Table(polygon, rows, columns + lost, tuple(cells), header)


def _labels(
    grid: Grid, texts: Mapping[tuple[int, int], str], header_rows: int
) -> dict[tuple[int, int], Settled]:
    """Return the row labels that the edge cut and counting gives back."""
    labels = counted_labels(grid, texts, header_rows)
    whole = [row for row, label in labels.items() if texts.get((row, 0)) == label]
    return {
        (row, 0): Settled(label, len(whole) / len(labels), "inferred")
        for row, label in labels.items()
        if row not in whole
    }


def _header_rows(
    texts: Mapping[tuple[int, int], str], rows: int, ruled: int, numeric: set[int]
) -> int:
    """Return how many leading rows name what is below them: those above the rule, and any words.

    A row below the rule that has words where the columns have numbers names their units.
    """
    for row in range(ruled, rows):
        filled = [texts[row, column] for column in numeric if texts.get((row, column))]
        words = sum(parse_value(text) is None for text in filled)
        if not filled or words < 0.7 * len(filled):
            return row if row <= rows // 2 else ruled
    return ruled
