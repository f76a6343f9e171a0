"""From a table's cells to numbers with rivals: what each column holds, and what its cells may say.

A column is judged as a whole, by its head, by how most of its cells are written, and by what the
sheet says of them. A cell is then read in that light (`pipeline.checks.columns.meaning`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pipeline.checks.columns.evidence import Evidence, judge_column
from pipeline.checks.columns.meaning import Meant, find_meanings, to_entry
from pipeline.checks.columns.naming import name_columns
from pipeline.checks.columns.omitted import with_omissions
from pipeline.checks.columns.writing import unlike_rows, writings_of
from pipeline.checks.headers import column_headers
from pipeline.checks.notation import decimals
from pipeline.checks.sheet import Column, Position, Sheet
from pipeline.forms.form import Form, FormColumn
from pipeline.page import Cell, Table


def read_sheet(
    table: Table,
    form: Form | None = None,
    notes: Sequence[str] = (),
    certain: frozenset[Position] = frozenset(),
) -> Sheet:
    """Return a table as its checks see it: what its columns hold, and what its cells may say.

    `form` says what columns hold where it is known, if it has as many. `notes` are the lines of
    text that stand outside the table, which may say what it is of and what was left out
    ("BAROMETER. First figure omitted."). Cells keep their texts as written; values are as they
    were meant. `certain` cells say what their text does, and nothing else.
    """
    columns = read_columns(table, form, notes)
    body = {
        (cell.row, cell.column): cell
        for cell in table.cells
        if cell.row >= table.header_rows and _has_ink(cell)
    }
    unlike = unlike_rows(body, columns)
    writings = writings_of(body, columns, unlike)
    found: dict[Position, list[Meant]] = {}
    last: dict[int, list[Meant]] = {}
    for row, column in sorted(body):
        at = row, column
        above = last.get(column, [])
        found[at] = find_meanings(body[at], writings[column], above, row in unlike, at in certain)
        last[column] = found[at] or above
    best = [each[0].number for each in found.values() if each]
    places = [decimals(number) for number in best if number is not None]
    scale = max([0, *places, *(column.decimals for column in columns)])
    entries = {at: to_entry(each, scale, at in certain) for at, each in found.items()}
    return Sheet(table.rows, columns, table.header_rows, entries, scale)


def read_columns(
    table: Table, form: Form | None = None, notes: Sequence[str] = ()
) -> tuple[Column, ...]:
    """Return what the columns of a table hold, by the texts of its cells; see `read_sheet`."""
    seen = _evidence(table, form)
    judged = [judge_column(each) for each in seen]
    columns = name_columns(judged, [each.form for each in seen], notes)
    return tuple(with_omissions(columns, seen, " ".join(notes)))


def values_of(sheet: Sheet) -> Mapping[Position, float]:
    """Return the value of each cell's likeliest candidate, in the unit of its column."""
    return {
        at: published(entry.value, sheet.scale)
        for at, entry in sheet.entries.items()
        if entry.value is not None
    }


def published(value: int, scale: int) -> float:
    """Return a value of a sheet, an integer in units of 10 ** -scale, as the nearest float."""
    return float(Decimal(value).scaleb(-scale))


def _has_ink(cell: Cell) -> bool:
    """Return whether something stands in a cell, read or not; a blank is certain to be one."""
    return bool(cell.text.strip() or cell.alternatives or cell.confidence < 1)


def _evidence(table: Table, form: Form | None) -> list[Evidence]:
    known = form.columns if form and len(form.columns) == table.columns else ()
    seen = [
        Evidence(head, known[i] if known else FormColumn(), [])
        for i, head in enumerate(column_headers(table))
    ]
    for cell in sorted(table.cells, key=lambda cell: cell.row):
        if cell.row >= table.header_rows and cell.text.strip():
            seen[cell.column].texts.append(cell.text)
    return seen
