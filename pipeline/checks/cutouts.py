"""Cut-out cells that name their place on a sheet, checked as the tables that they were."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.checks.check import check_table
from pipeline.page import Cell, Polygon, Reading, Table
from pipeline.profiles import Profile
from pipeline.tables.column import Settled, as_read, settle
from pipeline.tables.values import parse_value

CELL = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")


@dataclass(frozen=True, slots=True)
class CutOut:
    """One image file of one line or cell; `sheet` and `cell` (such as D12) where it has them."""

    path: str
    sheet: str = ""
    cell: str = ""

    @property
    def column(self) -> str:
        """The column's letters in `cell`."""
        match = CELL.fullmatch(self.cell)
        return match[1] if match else ""

    @property
    def row(self) -> int:
        """The row's number in `cell`; 0 where there is none."""
        match = CELL.fullmatch(self.cell)
        return int(match[2]) if match else 0


def check_sheets(
    cutouts: Sequence[CutOut], readings: Sequence[Reading], profile: Profile
) -> list[Cell]:
    """Return what each cut-out says as a cell of its sheet, in the order given.

    Cut-outs of a sheet are one table of the rows and columns that they name; `row` and `column`
    count those. Of two cut-outs of the same cell, the first stands in the table.
    """
    sheets: dict[str, list[int]] = {}
    for i, cutout in enumerate(cutouts):
        sheets.setdefault(cutout.sheet, []).append(i)
    cells: dict[int, Cell] = {}
    for members in sheets.values():
        named = _named_cells(members, cutouts, readings, profile)
        cells |= named
        if profile.tables.check:
            places = {(cell.row, cell.column): i for i, cell in reversed(named.items())}
            table = check_table(_table([named[i] for i in places.values()]))
            at = {(cell.row, cell.column): cell for cell in table.cells}
            cells |= {i: at[place] for place, i in places.items()}
    return [cells[i] for i in range(len(cutouts))]


def _named_cells(
    members: Sequence[int],
    cutouts: Sequence[CutOut],
    readings: Sequence[Reading],
    profile: Profile,
) -> dict[int, Cell]:
    """Return the cells of a sheet's cut-outs, each said as its column's others are."""
    rows = {row: n for n, row in enumerate(sorted({cutouts[i].row for i in members}))}
    letters = sorted({cutouts[i].column for i in members}, key=lambda name: (len(name), name))
    columns = {name: n for n, name in enumerate(letters)}
    says: dict[int, Settled] = {}
    for name in letters:
        own = {i: readings[i] for i in members if cutouts[i].column == name}
        says |= settle(own) if profile.tables.numeric else {i: as_read(own[i]) for i in own}
    return {
        i: _cell(rows[cutouts[i].row], columns[cutouts[i].column], readings[i], says[i])
        for i in members
    }


def _cell(row: int, column: int, reading: Reading, says: Settled) -> Cell:
    return Cell(
        row,
        column,
        says.text,
        reading.text,
        says.confidence,
        _square(row, column),
        value=parse_value(says.text),
        status=says.status,
        alternatives=reading.alternatives,
    )


def _square(row: int, column: int) -> Polygon:
    """Return the place of a cell on a sheet of which only the grid is known: a unit square."""
    x, y = float(column), float(row)
    return ((x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1))


def _table(named: Sequence[Cell]) -> Table:
    rows = 1 + max(cell.row for cell in named)
    columns = 1 + max(cell.column for cell in named)
    taken = {(cell.row, cell.column) for cell in named}
    empty = (
        Cell(row, column, "", "", 1.0, _square(row, column))
        for row in range(rows)
        for column in range(columns)
        if (row, column) not in taken
    )
    width, height = float(columns), float(rows)
    polygon = ((0.0, 0.0), (width, 0.0), (width, height), (0.0, height))
    return Table(polygon, rows, columns, (*named, *empty))
