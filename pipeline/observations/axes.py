"""What the rows and columns of a table stand for: days, hours, and what was measured."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.checks.headers import column_headers
from pipeline.checks.kinds import read_columns
from pipeline.checks.sheet import Column
from pipeline.checks.variables import find_statistic, find_variable
from pipeline.forms.form import Form
from pipeline.observations.dates import PageDate
from pipeline.observations.heads import column_days, column_minutes, column_months, head_levels
from pipeline.observations.rows import Axis, Body, find_rows
from pipeline.observations.station import Said, Station, Statistic
from pipeline.page import Cell, Table

MADE_BY: dict[str, Statistic] = {
    "Tx": "maximum",
    "Txs": "maximum",
    "TGs": "maximum",
    "Tn": "minimum",
    "Tns": "minimum",
    "TGn": "minimum",
    **dict.fromkeys(("rr", "rrls", "fs", "eee", "ss"), "sum"),
}
"""Variables that no clock reading gives, and how they come about."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a column holds: a variable of the Station Exchange Format, its unit (UCUM), how made."""

    variable: str
    unit: str | None
    statistic: Statistic


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a table whose columns share one column of days, from `first` to `last` column.

    `rows` has an axis for each row of the table, `columns` one for each of the part's columns,
    `measured` what each of these holds, `None` where nothing or nobody knows. `unknown` are the
    heads of columns of numbers of which nobody knows.
    """

    first: int
    last: int
    rows: tuple[Axis, ...]
    columns: tuple[Axis, ...]
    measured: tuple[Measured | None, ...]
    unknown: tuple[str, ...] = ()


def find_parts(
    table: Table,
    date: PageDate | None,
    notes: Sequence[str] = (),
    station: Station | None = None,
    form: Form | None = None,
) -> tuple[Part, ...]:
    """Return what a table's rows and columns stand for, in as many parts as it has days' columns.

    A part without a measured column, or without a day, is left out. `notes` are the lines of text
    around the table. What the station's file says of a column counts before what stands above it.
    """
    columns = _titled(read_columns(table, form, notes), table, notes)
    said = [
        station.said_of(i, head) if station else Said()
        for i, head in enumerate(column_headers(table))
    ]
    cells = {(cell.row, cell.column): cell for cell in table.cells if cell.row >= table.header_rows}
    measured = [_measured(i, each, said[i], cells) for i, each in enumerate(columns)]
    across = _across(_levels(table, form), measured, said, date, notes)
    if any(axis.days is not None for axis in across):  # the others are totals of these
        pairs = zip(measured, across, strict=True)
        measured = [None if axis.days is None else each for each, axis in pairs]
    parts = []
    for first, last in _bounds(columns):
        span = slice(first, last + 1)
        rows = find_rows(Body(table.rows, columns[span], cells, first), date, across[span])
        dated = any(axis.date for axis in (*rows, *across[span]))
        if any(measured[span]) and dated and any(row != Axis() for row in rows):
            unknown = _unknown(columns[span], said[span], measured[span])
            parts.append(Part(first, last, rows, across[span], tuple(measured[span]), unknown))
    return tuple(parts)


def _titled(columns: Sequence[Column], table: Table, notes: Sequence[str]) -> list[Column]:
    """Return the columns, those of months and days given what the title says that they hold."""
    levels = head_levels(table)
    times = zip(column_months(levels), column_days(levels), strict=True)
    variable = find_variable(" ".join(notes))
    return [
        replace(column, variable=variable)
        if any(time) and column.kind == "number" and column.variable is None
        else column
        for column, time in zip(columns, times, strict=True)
    ]


def _unknown(
    columns: Sequence[Column], said: Sequence[Said], measured: Sequence[Measured | None]
) -> tuple[str, ...]:
    """Return the heads of the columns of numbers that nobody says a variable of.

    Those before the first that somebody does label the rows.
    """
    first = next(i for i, each in enumerate(measured) if each is not None)
    return tuple(
        column.header
        for column, more in list(zip(columns, said, strict=True))[first:]
        if column.kind == "number"
        and column.variable is None
        and more.variable is None
        and find_statistic(column.header) is None
    )


def _levels(table: Table, form: Form | None) -> list[list[str]]:
    """Return the texts above each column, what its form calls it first: some pages leave it out."""
    levels = head_levels(table)
    if form is None or len(form.columns) != table.columns:
        return levels
    return [[column.name, *level] for column, level in zip(form.columns, levels, strict=True)]


def _across(
    levels: Sequence[Sequence[str]],
    measured: Sequence[Measured | None],
    said: Sequence[Said],
    date: PageDate | None,
    notes: Sequence[str],
) -> tuple[Axis, ...]:
    """Return what each column stands for by its heads: a month, a day or an hour."""
    months, days = column_months(levels), column_days(levels)
    variables = [
        each.variable if each and days[i] is None and each.statistic != "mean" else None
        for i, each in enumerate(measured)
    ]
    minutes = column_minutes(levels, variables, " ".join(notes))
    axes = []
    for i, day in enumerate(days):
        month = months[i]
        first = datetime.date(date.year, month, 1) if date is not None and month else None
        time = said[i].minutes
        if time is None and variables[i] is not None:
            time = minutes[i]
        axes.append(Axis(first, None if day is None else day - 1, time))
    return tuple(axes)


def _measured(
    number: int,
    column: Column,
    said: Said,
    cells: Mapping[tuple[int, int], Cell],
) -> Measured | None:
    variable = said.variable if said.variable is not None else column.variable
    if not variable:
        return None
    statistic = said.statistic
    if statistic is None:
        made = find_statistic(column.header)
        if made == "range" or (made == "sum" and variable not in MADE_BY):
            return None
        statistic = "mean" if made == "mean" else MADE_BY.get(variable, "point")
    units = Counter(
        cell.unit
        for (_, column_number), cell in cells.items()
        if column_number == number and cell.unit
    )
    unit = said.unit or (units.most_common(1)[0][0] if units else column.unit)
    return Measured(variable, unit, statistic)


def _bounds(columns: Sequence[Column]) -> list[tuple[int, int]]:
    """Return the first and last column of each part: a part begins where a column has days.

    Columns before the first of these belong to it, all of them where no column has days.
    """
    starts = [i for i, column in enumerate(columns) if column.kind == "day"]
    # Days that stand at both edges of a table are the same days.
    inner = [i for i in starts[1:] if any(_holds(c) for c in columns[i + 1 :])]
    edges = [0, *inner, len(columns)]
    return [(a, b - 1) for a, b in itertools.pairwise(edges) if b > a]


def _holds(column: Column) -> bool:
    return column.kind in ("number", "direction")
