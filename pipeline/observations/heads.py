"""What heads of columns say of time: hours (9 a.m., 7h, Noon, 1 to 24 in a row), days, months."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pipeline.checks.notation import read_hour
from pipeline.checks.units import plain
from pipeline.checks.variables import is_hour
from pipeline.observations.dates import month_of
from pipeline.page import Table

_BEFORE_NOON = re.compile(
    r"\b(?:a\.? ?m\.?|mornings?|forenoon|matin|avant[- ]midi|v\.? ?m\.?|vormittags?|morgens?|fruh|"
    r"voormiddag|'s morgens|manha|manana|mattin[ao])(?![a-z])"
)
_AFTER_NOON = re.compile(
    r"\b(?:p\.? ?m\.?|evenings?|afternoon|soir|apres[- ]midi|n\.? ?m\.?|nachmittags?|abends?|"
    r"namiddag|avond|'s avonds|tarde|noite|noche|pomeriggio|sera)(?![a-z])"
)
_CLOCK = re.compile(
    r"(?<![a-z0-9.,])(?:"
    r"\d{1,2}(?: ?[:.h] ?[0-5]\d)? ?(?:h(?:ou)?rs?|hours?|heures?|horas?|h|uhr|uur|u|o'?clock)?"
    r"(?:\.? ?(?:[apvn]\.? ?m\b\.?|mat(?:in)?\b|soir\b))?"
    r"|noon|mid-?day|midi|mittags?|mid-? ?night|minuit|mitternachts?|middernacht"
    r"|mediodia|medianoche|mezzogiorno|mezzanotte)(?![a-z0-9])"
)
_DAYS = 31
_HOURS = 24
_STEPS = (1, 2, 3, 4, 6, 8, 12)
_COUNTED = 12
"""So many bare numbers in a row, each one more than the last, are the hours of a day."""

_FEWEST, _MOST = 3, 0.6
"""How many heads must agree on a row of hours, and which share: they are small and badly read."""


def head_levels(table: Table) -> list[list[str]]:
    """Return the texts above each column from the top down, those of spans included."""
    levels: list[list[str]] = [[] for _ in range(table.columns)]
    heads = (cell for cell in table.cells if cell.row < table.header_rows and cell.text.strip())
    for cell in sorted(heads, key=lambda cell: (cell.row, cell.column)):
        for column in range(cell.column, min(cell.column + cell.column_span, table.columns)):
            levels[column].append(" ".join(cell.text.split()))
    return levels


def column_months(levels: Sequence[Sequence[str]]) -> list[int | None]:
    """Return the month that each column is of, where at least two months stand above columns."""
    found = [
        next((m for text in reversed(texts) if (m := month_of(text)) is not None), None)
        for texts in levels
    ]
    return found if len({month for month in found if month}) > 1 else [None] * len(found)


def column_days(levels: Sequence[Sequence[str]]) -> list[int | None]:
    """Return the day of the month that each column is of, where all days of one stand there."""
    found = [_bare(texts, _DAYS) for texts in levels]
    days = [day for day in found if day]
    counted = days == list(range(1, len(days) + 1)) and len(days) >= 28
    return found if counted else [None] * len(found)


def column_minutes(
    levels: Sequence[Sequence[str]], variables: Sequence[str | None], notes: str = ""
) -> list[int | None]:
    """Return the local time that each column's heads name, in minutes after midnight.

    `levels` are the texts above each column from the top down. A bare number is an hour where the
    heads or the `notes` around the table speak of hours, where twelve stand in a row, or where
    neighbours of one variable have numbers that rise otherwise than columns are numbered. Where
    most of them rise by one step, the others are counted. Midnight that ends a day is 1440.
    """
    found = [_clear(texts) for texts in levels]
    bare = [_bare(texts) for texts in levels]
    spoken = is_hour(notes)
    for first, last in _runs(bare, variables):
        named = spoken or any(is_hour(text) for i in range(first, last) for text in levels[i])
        for i, hour in enumerate(_hours(bare[first:last], named), first):
            if found[i] is None and hour is not None:
                found[i] = _in_half(60 * hour, levels[i])
    return found


def _hours(numbers: Sequence[int | None], named: bool) -> list[int | None]:
    """Return the hours that bare numbers above neighbouring columns are, `None` where they are not.

    `named`: something says that they are hours.
    """
    size = len(numbers)
    for step in _STEPS:
        starts = Counter(n - step * i for i, n in enumerate(numbers) if n is not None)
        [(start, votes)] = starts.most_common(1)
        counted = [start + step * i for i in range(size)]
        agreed = votes >= max(_FEWEST, _MOST * size) and start >= 0 and counted[-1] <= _HOURS
        if agreed and (step > 1 or named or size >= _COUNTED):
            return list(counted)
    told = [n for n in numbers if n is not None]
    steps = {b - a for a, b in itertools.pairwise(told)}
    rising = len(told) > 1 and min(steps) > 0 and steps != {1}
    return list(numbers) if named or rising else [None] * size


def _clear(texts: Sequence[str]) -> int | None:
    """Return the time that a column's heads name beyond doubt: with an h, a.m., noon, midnight."""
    for text in reversed(texts):
        minutes = None if _is_number(text) else _spelled(text)
        if minutes is not None:
            return _in_half(minutes, [text])
    hour = _bare(texts)
    halved = [text for text in texts if _half(text) is not None]
    return _in_half(60 * hour, halved) if hour is not None and hour <= 12 and halved else None


def _spelled(text: str) -> int | None:
    """Return the time that a head is or ends in; 24 hours in a longer head are a length of time."""
    text = re.sub(r"(?<=\d) ?h\. ?(?=\d)", "h", text)
    whole = read_hour(text) if len(re.findall(r"\w", text)) > 1 else None
    if whole is not None:
        return round(whole * 60)
    for found in _CLOCK.finditer(plain(text)):
        hour = None if _is_number(found[0]) else read_hour(found[0])
        if hour is not None and not (hour == _HOURS and found[0][0].isdigit()):
            return round(hour * 60)
    return None


def _half(text: str) -> Literal["before", "after"] | None:
    """Return whether a text says that it is before or after noon."""
    said = plain(text)
    before, after = _BEFORE_NOON.search(said), _AFTER_NOON.search(said)
    if bool(before) == bool(after):
        return None
    return "before" if before else "after"


def _in_half(minutes: int, texts: Sequence[str]) -> int:
    """Return a time, if it is one of twelve hours, moved to the half of the day that is named."""
    noon = 60 * _HOURS // 2
    half = next((named for text in texts if (named := _half(text)) is not None), None)
    if half is None or minutes >= noon + 60:
        return minutes
    return minutes % noon + (noon if half == "after" else 0)


def _bare(texts: Sequence[str], most: int = _HOURS) -> int | None:
    """Return the whole number to `most` that begins the lowest level that has one."""
    for text in reversed(texts):
        found = re.match(r"\W*(\d{1,2})(?![\d.,/:]|\w{5})", text)
        if found is not None and int(found[1]) <= most:
            return int(found[1])
    return None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\d{1,2}", text.strip(" .")) is not None


def _runs(bare: Sequence[int | None], variables: Sequence[str | None]) -> list[tuple[int, int]]:
    """Return the stretches of neighbouring columns of one variable, with a number but for a few."""
    runs = []
    first = 0
    for i in range(1, len(bare) + 1):
        if i == len(bare) or variables[i] != variables[first]:
            if variables[first] is not None and any(n is not None for n in bare[first:i]):
                runs.append((first, i))
            first = i
    return runs
