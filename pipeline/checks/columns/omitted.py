"""Which columns of a table leave out first figures or points, and which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from pipeline.checks.columns.evidence import Evidence
from pipeline.checks.columns.restore import (
    base_of,
    find_lead,
    implied_decimals,
    looks_like_inches,
    says_omitted,
)
from pipeline.checks.notation import decimals
from pipeline.checks.sheet import Column
from pipeline.checks.units import PRESSURE
from pipeline.tables.values import plain_number

WHOLE = 0.7
"""Share of a column's numbers without a point where their point may have been left out."""

UNDIVIDED = frozenset({"rh", "n", "dd", "w", "wind_force", "vv"})
"""Variables that are whole numbers where they are written so."""


def with_omissions(columns: Sequence[Column], seen: Sequence[Evidence], title: str) -> list[Column]:
    """Return the columns with the first figures and the decimals that their numbers leave out.

    `title` is what stands outside the table; it speaks of pressures.
    """
    return _with_decimals(_with_leads(columns, seen, title), seen)


def _with_leads(columns: Sequence[Column], seen: Sequence[Evidence], title: str) -> list[Column]:
    """Return the columns with the first figures that they leave out."""
    pooled = [
        n for c, e in zip(columns, seen, strict=True) if _maybe_inches(c) for n in e.numbers()
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
        numbers = [number for i in group for number in seen[i].numbers()]
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


def _with_decimals(columns: Sequence[Column], seen: Sequence[Evidence]) -> list[Column]:
    """Return the columns with the decimals of numbers whose point is left out throughout.

    It is left out on the whole sheet or not at all, so that columns stay comparable.
    """
    divided = [c.kind == "number" and c.variable not in UNDIVIDED for c in columns]
    texts = [
        [plain_number(text) for text in each.texts]
        for each, may_be in zip(seen, divided, strict=True)
        if may_be and sum(not decimals(n) for n in each.numbers()) >= WHOLE * len(each.numbers())
    ]
    implied = implied_decimals(texts)
    return [
        replace(column, implied=implied, decimals=implied)
        if implied and may_be and column.decimals in (0, implied)
        else column
        for column, may_be in zip(columns, divided, strict=True)
    ]
