"""Cut-out lines and cells that other software made, and the sheets that they came from."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.checks.check import check_table
from pipeline.errors import BadInput
from pipeline.page import Cell, Polygon, Reading, Table
from pipeline.tables.column import Settled, as_read, settle
from pipeline.tables.values import parse_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.profiles import Profile

CELL = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")
COLUMNS = ("sheet", "cell", "image")


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


def find_cutouts(images: Sequence[str], grid: Path | None) -> list[CutOut]:
    """Return the cut-outs that the paths and the grid file name, in that order.

    Raises `BadInput` where the grid cannot be read or does not say `sheet,cell,image`.
    """
    named = [CutOut(image) for image in images]
    return named if grid is None else named + list(_of_grid(grid))


def _of_grid(grid: Path) -> Iterator[CutOut]:
    remedy = f"give a UTF-8 CSV with the columns {','.join(COLUMNS)}"
    try:
        with grid.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or [])]
            if missing:
                raise BadInput(str(grid), f"has no column {missing[0]}", remedy)
            for row in rows:
                sheet, cell, image = (row[name] or "" for name in COLUMNS)
                if not CELL.fullmatch(cell):
                    where = f"line {rows.line_num}"
                    raise BadInput(str(grid), f"{where}: {cell!r} names no cell", "write it as D12")
                yield CutOut(str(grid.parent / image), sheet, cell)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(str(grid), f"cannot be read ({error})", remedy) from error


def open_cutout(cutout: CutOut) -> NDArray[np.uint8]:
    """Return the pixels of a cut-out; raises `BadInput` where it cannot be read."""
    from pipeline.decode import ImageLimits, decode_image
    from workers.settings import settings

    limits = settings()
    path = Path(cutout.path)
    remedy = "check the path and its permissions"
    try:
        if not path.is_file():
            raise BadInput(cutout.path, "is no file", remedy)
        if path.stat().st_size > limits.max_bytes:
            raise BadInput(cutout.path, "is larger than the limit", "raise LEDGERMILL_MAX_BYTES")
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(cutout.path, error.strerror or str(error), remedy) from error
    try:
        return decode_image(data, ImageLimits(limits.max_pixels))
    except BadInput as error:
        raise BadInput(cutout.path, error.reason, error.remedy) from error


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
