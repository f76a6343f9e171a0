"""From a table's cells to numbers with rivals: what each column holds, and what its cells may say.

A column is judged as a whole: by its head, by how most of its cells are written, and by what the
sheet says of them. A cell is then read in that light (`pipeline.checks.meaning`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.checks.headers import column_headers
from pipeline.checks.meaning import (
    Meant,
    Writing,
    find_meanings,
    fits,
    to_entry,
    writing_of,
)
from pipeline.checks.naming import name_columns
from pipeline.checks.notation import (
    decimals,
    is_dash,
    is_direction,
    is_ditto,
    is_trace,
    read_day,
    read_hour,
    read_number,
    shape_of,
)
from pipeline.checks.restore import (
    base_of,
    find_lead,
    implied_decimals,
    looks_like_inches,
    says_omitted,
)
from pipeline.checks.sheet import Column, Kind, Position, Sheet
from pipeline.checks.units import PRESSURE
from pipeline.checks.variables import find_variable, is_day, is_hour
from pipeline.forms.form import Form, FormColumn
from pipeline.page import Cell, Table
from pipeline.tables.values import plain_number

NUMBERS = 0.5
"""Share of a column's cells with something to say that must be numbers for it to hold numbers."""

SAME = 0.85
"""Share of a column's numbers that are written alike where the column has a pattern."""

WHOLE = 0.7
"""Share of a column's numbers without a point where their point may have been left out."""

UNLIKE_ROW = 0.5
"""A row of which so many numbers are not written as their columns are is one of its own kind."""

INCHES_WHOLE = (Decimal("25.5"), Decimal("31.5"))
"""Inches of mercury as barometers show them, up to some 1,300 m above the sea."""

UNDIVIDED = frozenset({"rh", "n", "dd", "w", "wind_force", "vv"})
"""Variables that are whole numbers where they are written so."""


def read_sheet(table: Table, form: Form | None = None, notes: Sequence[str] = ()) -> Sheet:
    """Return a table as its checks see it: what its columns hold, and what its cells may say.

    `form` says what columns hold where it is known, if it has as many. `notes` are the lines of
    text that stand outside the table, which may say what it is of and what was left out
    ("BAROMETER. First figure omitted."). Cells keep their texts as written; values are as they
    were meant.
    """
    body = {
        (cell.row, cell.column): cell
        for cell in table.cells
        if cell.row >= table.header_rows and _has_ink(cell)
    }
    said = _said(table, body, form)
    title = " ".join(notes)
    columns = name_columns([_column(each) for each in said], [each.form for each in said], title)
    columns = _pointed(_restored(columns, said, title), said)
    unlike = _unlike_rows(body, columns)
    writings = [_writing(column, i, body, unlike) for i, column in enumerate(columns)]
    found: dict[Position, list[Meant]] = {}
    for at in sorted(body):
        above = found.get((at[0] - 1, at[1]))
        found[at] = find_meanings(body[at], writings[at[1]], above, at[0] in unlike)
    scale = max(
        (decimals(each[0].number) for each in found.values() if each and each[0].number),
        default=0,
    )
    scale = max(scale, *(column.decimals for column in columns))
    entries = {at: to_entry(each, scale) for at, each in found.items()}
    return Sheet(table.rows, tuple(columns), table.header_rows, entries, scale)


def _place(item: tuple[Position, Cell]) -> Position:
    return item[0]


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


def _said(table: Table, body: Mapping[Position, Cell], form: Form | None) -> list[_Said]:
    known = form.columns if form and len(form.columns) == table.columns else ()
    said = [
        _Said(head, known[i] if known else FormColumn(), [])
        for i, head in enumerate(column_headers(table))
    ]
    for (_, column), cell in sorted(body.items(), key=_place):
        if cell.text.strip():
            said[column].texts.append(cell.text)
    return said


@dataclass(frozen=True, slots=True)
class _Said:
    """What is known of a column before it is judged; `texts` are its filled cells from the top."""

    head: str
    form: FormColumn
    texts: list[str]

    def telling(self) -> list[str]:
        """Return the texts that say what kind the column is: no dashes, dittos, traces of rain."""
        return [t for t in self.texts if not (is_dash(t) or is_ditto(t) or is_trace(t))]

    def numbers(self) -> list[Decimal]:
        return [n for text in self.texts if (n := read_number(text)) is not None]


def _column(said: _Said) -> Column:
    head = said.head or said.form.name
    kind = _kind(said)
    if kind not in ("number", "day", "hour"):
        return Column(kind, head)
    numbers = said.numbers()
    places = Counter(map(decimals, numbers))
    pattern = said.form.pattern if kind == "number" else None
    if pattern is None and numbers:
        shapes = Counter(map(shape_of, numbers))
        best, count = shapes.most_common(1)[0]
        pattern = best if count >= SAME * shapes.total() and shapes.total() > 2 else None
    usual = places.most_common(1)[0][0] if places else 0
    if said.form.pattern:
        usual = len(said.form.pattern.partition(".")[2])
    return Column(kind, head, pattern, usual)


def _kind(said: _Said) -> Kind:
    role = said.form.role
    if role == "total" or role == "mean":
        return "number"
    if role is not None:
        return role
    telling = said.telling()
    if not said.texts:
        return "empty"
    head = said.head or said.form.name
    if _holds(telling, [read_day(t) for t in telling]) and _counts_days(telling, head):
        return "day"
    if _holds(telling, [read_hour(t) for t in telling]) and _tells_hours(telling, head):
        return "hour"
    if _holds(telling, [is_direction(t) or None for t in telling]):
        return "direction"
    numbers = [read_number(text) for text in telling]
    return "number" if _holds(telling, numbers) or _only_signs(said, telling) else "text"


def _holds(telling: Sequence[str], found: Sequence[object]) -> bool:
    return bool(telling) and sum(each is not None for each in found) >= NUMBERS * len(telling)


def _only_signs(said: _Said, telling: Sequence[str]) -> bool:
    """Return whether a column has nothing but dashes and traces, and a head that measures."""
    return not telling and find_variable(said.head) is not None


def _counts_days(telling: Sequence[str], head: str) -> bool:
    days = [day for text in telling if (day := read_day(text)) is not None]
    steps = [b - a for a, b in itertools.pairwise(days)]
    if not steps or is_hour(head):
        return False
    ones, forward = steps.count(1) / len(steps), sum(step > 0 for step in steps) / len(steps)
    named = is_day(head) and find_variable(head) is None
    hours = sorted(days) == list(range(1, 25)) and not named
    return not hours and ((ones >= 0.6 and len(days) >= 4) or (named and forward >= 0.6))


def _tells_hours(telling: Sequence[str], head: str) -> bool:
    if is_hour(head) and find_variable(head) is None:
        return True
    clocks = sum(read_number(text) is None and read_hour(text) is not None for text in telling)
    if clocks >= NUMBERS * len(telling):
        return True
    hours = [hour for text in telling if (hour := read_hour(text)) is not None]
    steps = [b - a for a, b in itertools.pairwise(hours)]
    return len(hours) in (24, 25) and steps.count(Decimal(1)) >= SAME * len(steps)


def _restored(columns: Sequence[Column], said: Sequence[_Said], title: str) -> list[Column]:
    """Return the columns with the first figures that they leave out."""
    pooled = [
        n for c, e in zip(columns, said, strict=True) if _maybe_inches(c) for n in e.numbers()
    ]
    if looks_like_inches(pooled):
        named = Counter(column.variable for column in columns if column.variable in PRESSURE)
        variable = named.most_common(1)[0][0] if named else "p"
        columns = [
            replace(column, variable=variable, unit="[in_i'Hg]")
            if _maybe_inches(column)
            else column
            for column in columns
        ]
    groups: dict[Hashable, list[int]] = {}
    words = []
    for i, column in enumerate(columns):
        titled = title if column.variable in PRESSURE else ""
        words.append(f"{column.header} {titled}")
        if column.kind == "number":
            told = says_omitted(words[i]), base_of(words[i])
            key = column.variable, column.unit, told, column.limits
            groups.setdefault(key, []).append(i)
    restored = list(columns)
    for group in groups.values():
        numbers = [number for i in group for number in said[i].numbers()]
        first = columns[group[0]]
        lead = find_lead(numbers, first.variable, first.unit, words[group[0]], first.limits)
        for i in group:
            restored[i] = replace(columns[i], lead=lead)
    return restored


def _maybe_inches(column: Column) -> bool:
    return (
        column.kind == "number"
        and (column.variable is None or (column.variable in PRESSURE and column.unit is None))
        and column.unit in (None, "[in_i]")
        and column.decimals == 3
    )


def _pointed(columns: Sequence[Column], said: Sequence[_Said]) -> list[Column]:
    """Return the columns with the decimals of numbers whose point is left out throughout.

    It is left out on the whole sheet or not at all, so that columns stay comparable.
    """
    divided = [c.kind == "number" and c.variable not in UNDIVIDED for c in columns]
    texts = [
        [plain_number(text) for text in each.texts]
        for each, may_be in zip(said, divided, strict=True)
        if may_be and sum(not decimals(n) for n in each.numbers()) >= WHOLE * len(each.numbers())
    ]
    implied = implied_decimals(texts)
    return [
        replace(column, implied=implied, decimals=implied)
        if implied and may_be and column.decimals in (0, implied)
        else column
        for column, may_be in zip(columns, divided, strict=True)
    ]


def _unlike_rows(body: Mapping[Position, Cell], columns: Sequence[Column]) -> set[int]:
    """Return the rows most of whose numbers are written unlike their columns': totals, means."""
    alike: dict[int, list[bool]] = {}
    for (row, column), cell in body.items():
        number = read_number(cell.text) if columns[column].kind == "number" else None
        if number is not None:
            alike.setdefault(row, []).append(fits(number, columns[column]))
    return {row for row, each in alike.items() if each.count(False) > UNLIKE_ROW * len(each)}


def _writing(
    column: Column, index: int, body: Mapping[Position, Cell], unlike: set[int]
) -> Writing:
    if column.kind != "number":
        return Writing(column, 0.0)
    texts = [
        c.text
        for (row, i), c in sorted(body.items(), key=_place)
        if i == index and row not in unlike
    ]
    numbers = [number for text in texts if (number := read_number(text)) is not None]
    return writing_of(column, numbers, _is_anchored(column, texts))


def _is_anchored(column: Column, texts: Sequence[str]) -> bool:
    """Return whether inches of mercury are written out only now and then: 29.93, .95, .97."""
    if column.variable not in (*PRESSURE, None) or column.decimals < 2:
        return False
    numbers = [number for text in texts if (number := read_number(text)) is not None]
    whole = [number for number in numbers if number >= 1]
    short = sum(plain_number(text).startswith(".") for text in texts)
    return (
        bool(whole)
        and short >= 0.5 * len(numbers)
        and all(INCHES_WHOLE[0] <= number <= INCHES_WHOLE[1] for number in whole)
    )
