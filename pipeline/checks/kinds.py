"""From a table's cells to numbers with rivals: what each column holds, and what its cells may say.

A column is judged as a whole: by its head and by how most of its cells are written. A cell is then
read in that light, its text kept as it stands on the paper, its value as it was meant.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.checks.headers import column_headers
from pipeline.checks.notation import decimals, is_dash, is_ditto, is_trace, read_number
from pipeline.checks.sheet import Candidate, Column, Entry, Kind, Position, Sheet
from pipeline.forms.form import Form
from pipeline.page import Cell, Table
from pipeline.tables.column import fit_shape
from pipeline.tables.values import shape

MOST_DECIMALS = 6
LEAST = 1e-9
NUMBERS = 0.5
"""Share of a column's cells with something to say that must be numbers for it to hold numbers."""

SAME = 0.85
"""Share of a column's numbers that are written alike where the column has a pattern."""

UNLIKE_ROW = 0.5
"""A row of which so many numbers are not written as their columns are is one of its own kind."""


def read_sheet(table: Table, form: Form | None = None, notes: Sequence[str] = ()) -> Sheet:
    """Return a table as its checks see it.

    `form` says what columns hold where it is known; `notes` are the lines of text that stand
    outside the table, which may say of what it is and what was left out ("First figure omitted").
    """
    body = {
        (cell.row, cell.column): cell
        for cell in table.cells
        if cell.row >= table.header_rows and (cell.text.strip() or cell.alternatives)
    }
    heads = column_headers(table)
    columns = tuple(
        _column(heads[column], {at: cell.text for at, cell in body.items() if at[1] == column})
        for column in range(table.columns)
    )
    unlike = _unlike_rows(body, columns)
    entries: dict[Position, list[_Meant]] = {}
    for at in sorted(body):
        column = columns[at[1]]
        entries[at] = _candidates(
            body[at], column, at[0] in unlike, entries.get((at[0] - 1, at[1]))
        )
    scale = max(
        (decimals(each.number) for found in entries.values() for each in found if each.number),
        default=0,
    )
    return Sheet(
        table.rows,
        columns,
        table.header_rows,
        {at: _entry(found, scale) for at, found in entries.items()},
        scale,
    )


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


@dataclass(frozen=True, slots=True)
class _Meant:
    """A candidate before the sheet's scale is known."""

    text: str
    number: Decimal | None
    logprob: float


def _column(head: str, texts: Mapping[Position, str]) -> Column:
    said = {at: text for at, text in texts.items() if text.strip()}
    if not said:
        return Column("empty", head)
    telling = [
        text for text in said.values() if not (is_dash(text) or is_ditto(text) or is_trace(text))
    ]
    numbers = [number for text in telling if (number := read_number(text)) is not None]
    if not numbers or len(numbers) < NUMBERS * len(telling):
        return Column("text", head)
    ends = Counter(decimals(number) for number in numbers)
    shapes = Counter(_shape(text) for text in telling if read_number(text) is not None)
    pattern, count = shapes.most_common(1)[0]
    return Column(
        _kind(said, numbers),
        head,
        pattern if count >= SAME * shapes.total() else None,
        ends.most_common(1)[0][0],
    )


def _shape(text: str) -> str:
    number = read_number(text)
    return "" if number is None else re.sub(r"[0-9]", "d", format(abs(number), "f"))


def _kind(said: Mapping[Position, str], numbers: Sequence[Decimal]) -> Kind:
    del said
    if all(number == int(number) and 1 <= number <= 31 for number in numbers) and len(numbers) > 2:
        steps = [b - a for a, b in zip(numbers, numbers[1:], strict=False)]
        if steps.count(Decimal(1)) >= 0.5 * len(steps):
            return "day"
    return "number"


def _unlike_rows(body: Mapping[Position, Cell], columns: Sequence[Column]) -> set[int]:
    fits: dict[int, list[bool]] = {}
    for (row, column), cell in body.items():
        if columns[column].kind == "number" and read_number(cell.text) is not None:
            fits.setdefault(row, []).append(_fits(cell.text, columns[column]))
    return {row for row, fit in fits.items() if fit.count(False) > UNLIKE_ROW * len(fit)}


def _fits(text: str, column: Column) -> bool:
    number = read_number(text)
    if number is None:
        return False
    return _shape(text) == column.pattern if column.pattern else decimals(number) == column.decimals


def _candidates(
    cell: Cell, column: Column, unlike: bool, above: list[_Meant] | None
) -> list[_Meant]:
    found: dict[str, _Meant] = {}
    read = [(a.text, a.logprob) for a in cell.alternatives]
    if cell.text not in [text for text, _ in read]:
        read.insert(0, (cell.text, math.log(max(cell.confidence, LEAST))))
    for text, logprob in read:
        meant = _meant(text, logprob, column, above)
        key = meant.text if meant.number is None else str(meant.number)
        if key in found:
            first = found[key]
            both = min(0.0, math.log(math.exp(first.logprob) + math.exp(logprob)))
            found[key] = replace(first, logprob=both)
        else:
            found[key] = meant
    return sorted(found.values(), key=lambda each: -each.logprob)


def _meant(text: str, logprob: float, column: Column, above: list[_Meant] | None) -> _Meant:
    if column.kind in ("text", "empty"):
        return _Meant(text, None, logprob)
    if is_ditto(text) and above:
        return _Meant(text, above[0].number, logprob)
    if column.pattern and "." in column.pattern and shape(text) != column.pattern:
        text = fit_shape(text, column.pattern) or text
    number = read_number(text)
    if number is not None and decimals(number) > MOST_DECIMALS:
        number = None
    return _Meant(text, number, logprob)


def _entry(found: Sequence[_Meant], scale: int) -> Entry:
    candidates = tuple(
        Candidate(
            each.text,
            None if each.number is None else int(each.number.scaleb(scale)),
            each.logprob,
        )
        for each in found
    )
    best = found[0].number
    return Entry(candidates, 0 if best is None else decimals(best))
