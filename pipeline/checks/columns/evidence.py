"""What a column holds, judged as a whole: by its head and by how most of its cells are written."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

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
from pipeline.checks.sheet import Column, Kind
from pipeline.checks.variables import find_variable, is_day, is_hour
from pipeline.forms.form import FormColumn

NUMBERS = 0.5
"""Share of a column's cells with something to say that must be numbers for it to hold numbers."""

SAME = 0.85
"""Share of a column's numbers that are written alike where the column has a pattern."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge a column by; `texts` are its filled cells from the top."""

    head: str
    form: FormColumn
    texts: list[str]

    def telling(self) -> list[str]:
        """Return the texts that say what kind the column is: no dashes, dittos, traces of rain."""
        return [t for t in self.texts if not (is_dash(t) or is_ditto(t) or is_trace(t))]

    def numbers(self) -> list[Decimal]:
        """Return the numbers among the texts."""
        return [n for text in self.texts if (n := read_number(text)) is not None]


def judge_column(seen: Evidence) -> Column:
    """Return a column's kind, head, pattern and decimals; a form knows better than its cells."""
    head = seen.head or seen.form.name
    kind = _kind(seen)
    if kind not in ("number", "day", "hour"):
        return Column(kind, head)
    numbers = seen.numbers()
    usual = _most(map(decimals, numbers))[0] or 0
    known = seen.form.pattern if kind == "number" else None
    if known is not None:
        places = len(known.partition(".")[2])
        if places and not usual:  # the form knows of a point that nobody wrote
            return Column(kind, head, known.replace(".", ""), places, implied=places)
        return Column(kind, head, known, places)
    pattern, share = _most(map(shape_of, numbers))
    agreed = share >= SAME and len(numbers) > 2
    return Column(kind, head, pattern if agreed else None, usual)


Thing = TypeVar("Thing")


def _most(things: Iterable[Thing]) -> tuple[Thing | None, float]:
    """Return the most frequent of things and its share; `None` of none."""
    counts = Counter(things)
    if not counts:
        return None, 0.0
    thing, count = counts.most_common(1)[0]
    return thing, count / counts.total()


def _kind(seen: Evidence) -> Kind:
    role = seen.form.role
    if role == "total" or role == "mean":
        return "number"
    if role is not None:
        return role
    telling = seen.telling()
    if not seen.texts:
        return "empty"
    head = seen.head or seen.form.name
    if _holds(telling, [read_day(t) for t in telling]) and _counts_days(telling, head):
        return "day"
    if _holds(telling, [read_hour(t) for t in telling]) and _tells_hours(telling, head):
        return "hour"
    if _holds(telling, [is_direction(t) or None for t in telling]):
        return "direction"
    numbers = [read_number(text) for text in telling]
    return "number" if _holds(telling, numbers) or _only_signs(seen, telling) else "text"


def _holds(telling: Sequence[str], found: Sequence[object]) -> bool:
    return bool(telling) and sum(each is not None for each in found) >= NUMBERS * len(telling)


def _only_signs(seen: Evidence, telling: Sequence[str]) -> bool:
    """Return whether a column has nothing but dashes and traces, and a head that measures."""
    return not telling and find_variable(seen.head) is not None


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
