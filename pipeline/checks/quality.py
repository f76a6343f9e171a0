"""Quality control of a page: what its values cannot be, or hardly are. Flags; nothing is changed.

The tests, their names and their limits are those of `pipeline.checks.limits`. A page says neither
its latitude nor its month: where they are not given, the widest limits count.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.checks.headers import hour_of
from pipeline.checks.limits import BOUNDED, COARSE, range_flags
from pipeline.checks.series import outliers, run_flags, standard
from pipeline.checks.sheet import Column, Position, Sheet
from pipeline.checks.variables import find_statistic

SAME_DAYS = 5
"""Rows in which neighbouring columns agree that are too many: dataresqc duplicate_columns."""

SEVERAL = 0.5
"""Where more of the days stand there twice, each has several rows."""


def flags(
    sheet: Sheet,
    values: Mapping[Position, float],
    *,
    latitude: float | None = None,
    month: int | None = None,
) -> Mapping[Position, tuple[str, ...]]:
    """Return, by place, the tests that `values` fail, each as `qc:` and its name.

    `values` are in the units of their columns. Only columns whose variable is known are tested, and
    only rows of observations: sums and means are left alone. `latitude` is in degrees north.
    """
    failed: dict[Position, list[str]] = {}
    rows = _observations(sheet, values)
    numbers = [i for i, c in enumerate(sheet.columns) if c.kind == "number"]
    told = [i for i in numbers if sheet.columns[i].variable and _is_observed(sheet.columns[i])]
    for name, place in (
        *_by_limits(sheet, values, rows, numbers, latitude, month),
        *_by_order(sheet, values, rows),
        *_by_time(sheet, values, rows, told),
        *_by_copies(sheet, values, rows, told),
        *_by_dates(sheet, values),
    ):
        names = failed.setdefault(place, [])
        if f"qc:{name}" not in names:
            names.append(f"qc:{name}")
    return {place: tuple(names) for place, names in failed.items()}


Found = Iterator[tuple[str, Position]]


def _is_observed(column: Column) -> bool:
    return find_statistic(column.header) is None


def _observations(sheet: Sheet, values: Mapping[Position, float]) -> dict[int, float | None]:
    """Return the rows of observations and their time, in hours of the month where it is known.

    Where the page numbers its days, rows without a day and without an hour are sums and means;
    elsewhere, those that a word calls so.
    """
    computed = {
        row
        for (row, i), entry in sheet.entries.items()
        if sheet.columns[i].kind == "text" and entry.candidates
        if find_statistic(entry.candidates[0].text)
    }
    days = [i for i, c in enumerate(sheet.columns) if c.kind == "day"]
    clocks = [i for i, c in enumerate(sheet.columns) if c.kind == "hour"]
    rows: dict[int, float | None] = {}
    day: float | None = None
    for row in range(sheet.header_rows, sheet.rows):
        found = [values[row, i] for i in days if (row, i) in values]
        hour = [values[row, i] for i in clocks if (row, i) in values]
        if not days and not clocks:
            if row not in computed:
                rows[row] = None
        elif found or (hour and (day is not None or not days)):
            day = found[0] if found else day
            rows[row] = 24 * (day or 0) + (hour[0] if hour else 0)
    return rows


def _by_limits(
    sheet: Sheet,
    values: Mapping[Position, float],
    rows: Mapping[int, float | None],
    numbers: Sequence[int],
    latitude: float | None,
    month: int | None,
) -> Found:
    for i in numbers:
        column = sheet.columns[i]
        places = [(row, i) for row in rows if (row, i) in values]
        for place in places:
            if column.limits and not column.limits[0] <= values[place] <= column.limits[1]:
                yield "limits", place
        if column.variable is None or find_statistic(column.header) == "sum":
            continue
        timed = any(rows[row] is not None for row, _ in places)
        daily = not _is_subdaily(sheet, column) if timed else None
        for place in places:
            size = standard(values[place], column.variable, column.unit)
            if size is not None:
                for name in range_flags(
                    column.variable, size, daily=daily, latitude=latitude, month=month
                ):
                    yield name, place
        for k in outliers([values[place] for place in places], column.variable):
            yield "climatic_outliers", places[k]


def _is_subdaily(sheet: Sheet, column: Column) -> bool:
    clocks = any(each.kind == "hour" for each in sheet.columns)
    return clocks or hour_of(column.header) is not None


def _by_order(
    sheet: Sheet, values: Mapping[Position, float], rows: Mapping[int, float | None]
) -> Found:
    """Yield what is greater than it can be beside another: max >= mean >= min, wet <= dry."""
    for upper, lower in _ordered(sheet.columns):
        for row in rows:
            high, low = (row, upper), (row, lower)
            if high in values and low in values and values[high] < values[low]:
                yield "internal_consistency", high
                yield "internal_consistency", low


def _ordered(columns: Sequence[Column]) -> list[tuple[int, int]]:
    """Return pairs of columns of which the first is never less than the second."""
    pairs = []
    means = [i for i, c in enumerate(columns) if c.variable in ("ta", "Tx", "Tn") and _is_mean(c)]
    for top, bottom in _nearest(columns, "Tx", "Tn"):
        pairs.append((top, bottom))
        inside = [i for i in means if abs(i - top) <= 2 or abs(i - bottom) <= 2]
        if len(inside) == 1:
            pairs += [(top, inside[0]), (inside[0], bottom)]
    for dry, wet in (*_nearest(columns, "ta", "tb"), *_nearest(columns, "ta", "td")):
        if hour_of(columns[dry].header) == hour_of(columns[wet].header):
            pairs.append((dry, wet))
    return [(a, b) for a, b in pairs if columns[a].unit == columns[b].unit]


def _is_mean(column: Column) -> bool:
    return find_statistic(column.header) == "mean"


def _nearest(columns: Sequence[Column], first: str, second: str) -> list[tuple[int, int]]:
    """Return the columns of two variables, each of the second with the nearest of the first."""
    ones = [i for i, c in enumerate(columns) if c.variable == first and _is_observed(c)]
    others = [i for i, c in enumerate(columns) if c.variable == second and _is_observed(c)]
    return [(min(ones, key=lambda i: abs(i - other)), other) for other in others if ones]


def _by_time(
    sheet: Sheet,
    values: Mapping[Position, float],
    rows: Mapping[int, float | None],
    told: Sequence[int],
) -> Found:
    """Yield what does not go with the values before and after it."""
    for run in _runs(sheet, values, rows, told):
        found = run_flags(
            run.hours, [values[p] for p in run.places], run.variable, run.unit, daily=run.daily
        )
        for i, names in found.items():
            for name in names:
                if not name.startswith("duplicate"):
                    yield name, run.places[i]


@dataclass(frozen=True, slots=True)
class _Run:
    """The values of one variable in the order of their time."""

    variable: str
    unit: str | None
    daily: bool
    hours: list[float]
    places: list[Position]


def _runs(
    sheet: Sheet,
    values: Mapping[Position, float],
    rows: Mapping[int, float | None],
    told: Sequence[int],
) -> Iterator[_Run]:
    """Yield a run for each column, but one for all columns that only differ by their hour."""
    groups: dict[tuple[str, str | None, str], list[int]] = {}
    for i in told:
        column = sheet.columns[i]
        rest = "" if hour_of(column.header) is not None else str(i)
        groups.setdefault((column.variable or "", column.unit, rest), []).append(i)
    for (variable, unit, _), columns in groups.items():
        points = sorted(
            (time + float(hour_of(sheet.columns[i].header) or 0), (row, i))
            for row, time in rows.items()
            for i in columns
            if time is not None and (row, i) in values
        )
        hours = [time for time, _ in points]
        # Two instruments read at the same hours are two runs.
        if len(set(hours)) == len(hours) > 1:
            daily = all(b - a >= 24 for a, b in itertools.pairwise(hours))
            yield _Run(variable, unit, daily, hours, [place for _, place in points])


def _by_copies(
    sheet: Sheet,
    values: Mapping[Position, float],
    rows: Mapping[int, float | None],
    told: Sequence[int],
) -> Found:
    """Yield what agrees with the column beside it for days on end."""
    for a, b in itertools.pairwise(told):
        variable = sheet.columns[a].variable
        if variable != sheet.columns[b].variable or variable in COARSE:
            continue
        run: list[int] = []
        for row in (*rows, -1):
            one, other = values.get((row, a)), values.get((row, b))
            if one is not None and one == other and (one != 0 or variable not in BOUNDED):
                run.append(row)
                continue
            if len(run) >= SAME_DAYS:
                yield from (("duplicate_columns", (r, i)) for r in run for i in (a, b))
            run = []


def _by_dates(sheet: Sheet, values: Mapping[Position, float]) -> Found:
    """Yield days that stand there twice on a page that has one row a day."""
    if any(column.kind == "hour" for column in sheet.columns):
        return
    for i, column in enumerate(sheet.columns):
        places = [(row, i) for row in range(sheet.rows) if (row, i) in values]
        count = Counter(values[place] for place in places)
        twice = [place for place in places if count[values[place]] > 1]
        if column.kind == "day" and len(twice) <= SEVERAL * len(places):
            yield from (("duplicate_dates", place) for place in twice)
