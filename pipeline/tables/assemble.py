"""From readings to lines and tables: what each cell says, once its column is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipeline.page import Cell, Line, Reading, Status, Table
from pipeline.profiles import Profile
from pipeline.tables.layout import Layout, Position
from pipeline.tables.structure.grid import Grid
from pipeline.tables.values import fit_shape, is_numeric, parse_value, plain_number, usual_shape


def make_lines(layout: Layout, readings: Sequence[Reading]) -> tuple[Line, ...]:
    """Return the lines outside tables, from top to bottom; those that hold no text are left out."""
    lines = []
    for corners, reading in zip(layout.boxes, readings, strict=True):
        if reading.text.strip():
            polygon = layout.prepared.polygon_on_page(corners.astype(np.float64))
            lines.append(Line(reading.text, reading.confidence, polygon, reading.alternatives))
    return tuple(lines)


def make_tables(
    layout: Layout,
    readings: Mapping[Position, Reading],
    reread: Callable[[list[Position]], Mapping[Position, Reading]],
    profile: Profile,
) -> tuple[Table, ...]:
    """Return the tables with every cell's final text.

    `reread` reads the crops at the positions given as numbers; it is asked where a column holds
    numbers but the reading of a cell is none.
    """
    odd = _odd_cells(layout, readings) if profile.tables.numeric else []
    final = {**readings, **(reread(odd) if odd else {})}
    return tuple(
        _table(layout, index, grid, readings, final, profile)
        for index, grid in enumerate(layout.grids)
    )


def _odd_cells(layout: Layout, readings: Mapping[Position, Reading]) -> list[Position]:
    """Return the cells that are no numbers though their column's are."""
    odd = []
    for index, grid in enumerate(layout.grids):
        for column in range(len(grid.xs) - 1):
            places = [(index, row, column) for row in range(grid.header_rows, len(grid.ys))]
            found = {place: readings[place].text for place in places if place in readings}
            if not is_numeric(list(found.values())):
                continue
            pattern = usual_shape(list(found.values()))
            for place, text in found.items():
                fits = fit_shape(text, pattern) if pattern else parse_value(text)
                if fits is None and _digits_in(text):
                    odd.append(place)
    return odd


def _digits_in(text: str) -> bool:
    """Return whether a reading may be a number misread, rather than a word such as Mean."""
    letters = sum(character.isalpha() for character in text)
    return letters <= sum(character.isdigit() for character in text)


def _table(
    layout: Layout,
    index: int,
    grid: Grid,
    raw: Mapping[Position, Reading],
    final: Mapping[Position, Reading],
    profile: Profile,
) -> Table:
    rows, columns = len(grid.ys), len(grid.xs) - 1
    numeric = {}
    for column in range(columns):
        body = [
            final[index, row, column].text
            for row in range(grid.header_rows, rows)
            if (index, row, column) in final
        ]
        if is_numeric(body):
            numeric[column] = usual_shape(body)
    cells = []
    for row in range(rows):
        for column in range(columns):
            polygon = layout.cell_polygon(grid, row, column)
            place = (index, row, column)
            if place not in final:
                cells.append(Cell(row, column, "", "", 1.0, polygon))
                continue
            reading = final[place]
            text, status = reading.text, _status(reading, profile)
            if column in numeric and row >= grid.header_rows and _digits_in(text):
                text, status = _as_number(text, numeric[column], status)
            cells.append(
                Cell(
                    row,
                    column,
                    text,
                    raw[place].text,
                    reading.confidence,
                    polygon,
                    value=parse_value(text),
                    status=status,
                    alternatives=reading.alternatives,
                )
            )
    box = grid.box
    return Table(
        layout.polygon(box.x0, box.y0, box.x1, box.y1),
        rows,
        columns,
        tuple(cells),
        _header_rows(cells, rows, grid.header_rows, set(numeric)),
    )


def _status(reading: Reading, profile: Profile) -> Status:
    return "rejected" if reading.confidence < profile.recognition.reject_below else "plain"


def _as_number(text: str, pattern: str | None, status: Status) -> tuple[str, Status]:
    fitted = fit_shape(text, pattern) if pattern else None
    if fitted is not None:
        return fitted, status
    number = plain_number(text)
    # A number unlike its column's, or none at all, may well be misread: say so.
    return (number if parse_value(text) is not None else text), "doubtful"


def _header_rows(cells: Sequence[Cell], rows: int, ruled: int, numeric: set[int]) -> int:
    """Return how many leading rows name what is below them: those above the rule, and any words.

    A row below the rule that has words where the columns have numbers names their units.
    """
    texts = {(cell.row, cell.column): cell.text for cell in cells}
    for row in range(ruled, rows):
        filled = [texts[row, column] for column in numeric if texts[row, column]]
        words = sum(parse_value(text) is None for text in filled)
        if not filled or words < 0.7 * len(filled):
            return row if row <= rows // 2 else ruled
    return ruled
