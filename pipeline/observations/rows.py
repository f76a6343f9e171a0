"""What the rows of a table stand for: days, months and hours in their label columns."""

from __future__ import annotations

import calendar
import datetime
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.checks.notation import is_ditto, read_day, read_hour
from pipeline.checks.sheet import Column, Kind
from pipeline.observations.dates import PageDate, month_of
from pipeline.page import Cell

_T = TypeVar("_T")

_LATE, _EARLY = 20, 10
_WRAPPED = 6
"""Where a month ends and another begins among the rows: the days before and after it, and how much
more the days must then be in order."""

_REACH = 100
"""How many days back the one before a day is looked for."""


_SUMMED = 2
"""Rows of sums and means that may follow the days of a month."""

_WORD = 3
"""Letters in a label that make it a word rather than what is left of a number."""


@dataclass(frozen=True, slots=True)
class Axis:
    """What one row or column stands for; `None` where it does not say.

    `date` is a day, or the first day of the month that it is of; `days` are added to the date of
    the other axis, and lead to no other month. `minutes` are the local time after midnight, to
    1440.
    """

    date: datetime.date | None = None
    days: int | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The cells below the heads by row and column, and the `columns` from number `first` on."""

    rows: int
    columns: Sequence[Column]
    cells: Mapping[tuple[int, int], Cell]
    first: int

    def labels(self, kind: Kind) -> list[Cell | None] | None:
        """Return the cells of the first column of a kind, one a row; `None` without such.

        An hour that stands behind what was measured is that of something else, as of a gust.
        """
        for i, column in enumerate(self.columns, self.first):
            if column.kind == kind:
                return [self.cells.get((row, i)) for row in range(self.rows)]
            if kind == "hour" and column.kind in ("number", "direction"):
                break
        return None


def find_rows(body: Body, date: PageDate | None, across: Sequence[Axis]) -> tuple[Axis, ...]:
    """Return what each row stands for; rows of totals and means, and heads, stand for nothing.

    `across` is what the columns stand for: where they are months, a row is a day of each; where
    they are days, a row is a month. A page of one day has it in every row that tells an hour.
    """
    minutes = _minutes(body)
    days = _days(body, minutes)
    if date is not None and date.month is not None and date.day is None:
        days = _counted(body, days, calendar.monthrange(date.year, date.month)[1])
    if any(axis.date for axis in across):
        return tuple(
            Axis(None, day - 1, time) if day is not None else Axis()
            for day, time in zip(days, minutes, strict=True)
        )
    if date is None:
        return (Axis(),) * body.rows
    months = _months(body, date)
    if any(axis.days is not None for axis in across):
        return tuple(
            Axis(datetime.date(date.year, month, 1), None, time) if month else Axis()
            for month, time in zip(_of_columns(months, date, minutes), minutes, strict=True)
        )
    if date.day is not None and not any(days):
        return tuple(Axis() if time is None else Axis(date.first, None, time) for time in minutes)
    return tuple(
        Axis() if day is None else Axis(day, None, time)
        for day, time in zip(_dates(days, months, date), minutes, strict=True)
    )


def _of_columns(
    months: Sequence[int | None], date: PageDate, minutes: Sequence[int | None]
) -> list[int | None]:
    """Return the month of each row of a table whose columns are days."""
    if any(months):
        return list(months)
    return [date.month if time is not None else None for time in minutes]


def _minutes(body: Body) -> list[int | None]:
    labels = body.labels("hour")
    if labels is None:
        return [None] * body.rows
    return _read(labels, _minutes_of)


def _minutes_of(cell: Cell) -> int | None:
    hour = read_hour(cell.text)
    return None if hour is None else round(hour * 60)


def _read(labels: Sequence[Cell | None], of: Callable[[Cell], _T | None]) -> list[_T | None]:
    """Return what each label says; a ditto says what the one above it does."""
    found: list[_T | None] = []
    for cell in labels:
        if cell is None or not cell.text.strip():
            found.append(None)
        elif is_ditto(cell.text):
            found.append(next((each for each in reversed(found) if each is not None), None))
        else:
            found.append(of(cell))
    return found


def _days(body: Body, minutes: Sequence[int | None]) -> list[int | None]:
    """Return the day of the month of each row; after the month's end it goes on with 32.

    A day that does not rise is not believed. One that is missing between others is counted where
    each has a row of its own; a row that only tells a later hour is of the day above it.
    """
    labels = body.labels("day")
    if labels is None:
        return [None] * body.rows
    found = _read(labels, _day_of)
    for row in range(1, body.rows):
        label, time, before = labels[row], minutes[row], minutes[row - 1]
        blank = label is None or not label.text.strip()
        if blank and time is not None and before is not None and before < time:
            found[row] = found[row - 1]
    kept = _rising(found, strict=not any(minutes))
    return kept if any(minutes) else _filled(kept)


def _counted(body: Body, days: list[int | None], month: int) -> list[int | None]:
    """Return the days, counted where few can be read but there are as many rows as in the `month`.

    A row of sums and one of means may follow.
    """
    numbers = [i for i, c in enumerate(body.columns, body.first) if c.kind == "number"]
    rows = [row for row in range(body.rows) if any(_has_value(body, row, i) for i in numbers)]
    known = [row for row in rows if days[row] is not None]
    if len(known) > month / 2 or not 0 <= len(rows) - month <= _SUMMED or len(numbers) < 2:
        return days
    first = body.cells.get((rows[month - 1], body.first))
    if first is not None and sum(c.isalpha() for c in first.text) >= _WORD:
        return days  # the last of so many rows is no day
    counted: list[int | None] = [None] * body.rows
    for day, row in enumerate(rows[:month], 1):
        counted[row] = day
    agreed = sum(days[row] == counted[row] for row in known)
    return counted if 2 * agreed >= len(known) else days


def _has_value(body: Body, row: int, column: int) -> bool:
    cell = body.cells.get((row, column))
    return cell is not None and cell.value is not None


def _day_of(cell: Cell) -> int | None:
    if cell.value is not None and cell.value in range(1, 32):
        return int(cell.value)
    return read_day(cell.text)


def _rising(days: Sequence[int | None], strict: bool) -> list[int | None]:
    """Return the days without those that break their order; a second month counts from 32."""
    told = [(row, day) for row, day in enumerate(days) if day is not None]
    best, score = _longest(told, strict)
    for at in range(1, len(told)):
        if told[at - 1][1] >= _LATE and told[at][1] <= _EARLY:
            wrapped = told[:at] + [(row, day + 31) for row, day in told[at:]]
            kept, other = _longest(wrapped, strict)
            if other >= score + _WRAPPED:
                best, score = kept, other
    result: list[int | None] = [None] * len(days)
    for row, day in best:
        result[row] = day
    return result


def _longest(told: Sequence[tuple[int, int]], strict: bool) -> tuple[list[tuple[int, int]], int]:
    """Return the rising rows and days that are most, and in step with each other; and how many.

    A day counts twice where it is as many days after the one before as there are rows between.
    """
    scores: list[int] = []
    before: list[int | None] = []
    for i, (row, day) in enumerate(told):
        score, last = 1, None
        for j in range(i - 1, max(-1, i - _REACH), -1):
            above, earlier = told[j]
            if earlier < day or (earlier == day and not strict):
                reached = scores[j] + 1 + (day - earlier == row - above)
                if reached > score:
                    score, last = reached, j
        scores.append(score)
        before.append(last)
    if not scores:
        return [], 0
    at: int | None = max(range(len(scores)), key=scores.__getitem__)
    most = scores[at or 0]
    kept = []
    while at is not None:
        kept.append(told[at])
        at = before[at]
    return kept[::-1], most


def _filled(days: list[int | None]) -> list[int | None]:
    """Return the days, missing ones counted where as many rows as days lie between two others."""
    known = [row for row, day in enumerate(days) if day is not None]
    for above, below in itertools.pairwise(known):
        first, last = days[above], days[below]
        if first is not None and last is not None and last - first == below - above:
            days[above:below] = range(first, last)
    return days


def _months(body: Body, date: PageDate) -> list[int | None]:
    """Return the month that stands in each row; that of a page of one month is not looked for."""
    found: list[int | None] = [None] * body.rows
    labels = range(body.first, body.first + len(body.columns))
    for (row, column), cell in body.cells.items():
        if column in labels and found[row] is None and cell.text[:1].isalpha():
            found[row] = month_of(cell.text)
    several = len({month for month in found if month}) > (0 if date.month is None else 1)
    return found if several else [None] * body.rows


def _dates(
    days: Sequence[int | None], months: Sequence[int | None], date: PageDate
) -> list[datetime.date | None]:
    """Return the date of each row; a day that its month does not have is none."""
    dates: list[datetime.date | None] = []
    year, month, last = date.year, date.month, None
    for day, named in zip(days, months, strict=True):
        if named is not None:
            year += last is not None and named < last
            month = last = named
        dates.append(_date(year, month, day, turns=last is None))
    return dates


def _date(year: int, month: int | None, day: int | None, turns: bool) -> datetime.date | None:
    """Return a date; a day beyond 31 is of the month after, unless its month is named (`turns`)."""
    if day is None or month is None:
        return None
    if day > 31:
        day -= 31
        if turns:
            year, month = year + month // 12, month % 12 + 1
    fits = year <= datetime.MAXYEAR and day <= calendar.monthrange(year, month)[1]
    return datetime.date(year, month, day) if fits else None
