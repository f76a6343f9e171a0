"""Quality control of a series: one variable of one station in time. Flags; no value is changed.

Tests are named as in `pipeline.checks.limits`, whose sources they share.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from pipeline.checks.limits import (
    BOUNDED,
    COARSE,
    JUMPS,
    OTHER_SPREAD,
    SPREADS,
    range_flags,
    tolerance,
)
from pipeline.checks.units import to_standard

REPEATED = {True: 4, False: 6}
"""Equal values in a row that are too many, of days and of hours: dataresqc's defaults."""

OBSCURED = 9
"""Oktas: the code for a sky that cannot be seen (WMO-No. 306, table 2700)."""

FEWEST = 20
"""Fewer values say nothing of what is usual."""

SIDES = 2
SPIKE = 8.0
"""A value stands out that is so many robust standard deviations from the median of the two before
and the two after it, as such distances go in its series (after Hampel 1974; 3 is usual there, but
weather has its fronts)."""


def series_flags(
    times: Sequence[datetime],
    values: Sequence[float],
    variable: str,
    unit: str | None,
    *,
    daily: bool,
    latitude: float | None = None,
) -> list[tuple[str, ...]]:
    """Return, for each value, the tests that it fails; none is as good as no flag.

    `times` may be in any order, all naive or all with a zone. `variable` is named as in the Station
    Exchange Format, `unit` as UCUM has it; without a known unit only tests that need none are made.
    `daily`: one value a day; then only dates count. What is usual is judged by calendar month.
    """
    order = sorted(range(len(times)), key=lambda i: times[i])
    found: list[list[str]] = [[] for _ in times]
    if not order:
        return []
    start = times[order[0]]
    hours = [
        24.0 * (times[i].date() - start.date()).days
        if daily
        else (times[i] - start).total_seconds() / 3600
        for i in order
    ]
    ordered = [values[i] for i in order]
    for i, names in run_flags(hours, ordered, variable, unit, daily=daily).items():
        found[order[i]] += names
    for month in range(1, 13):
        those = [i for i in order if times[i].month == month]
        for k in outliers([values[i] for i in those], variable):
            found[those[k]].append("climatic_outliers")
    for i, value in enumerate(values):
        size = standard(value, variable, unit)
        if size is not None:
            found[i] += range_flags(
                variable, size, daily=daily, latitude=latitude, month=times[i].month
            )
    return [tuple(dict.fromkeys(names)) for names in found]


def run_flags(
    hours: Sequence[float], values: Sequence[float], variable: str, unit: str | None, *, daily: bool
) -> Mapping[int, tuple[str, ...]]:
    """Return, by index, the tests that values fail beside their neighbours in time.

    `hours` count from any moment and do not fall.
    """
    failed: dict[int, list[str]] = {}

    def fail(name: str, indices: Iterable[int]) -> None:
        for i in indices:
            if name not in failed.setdefault(i, []):
                failed[i].append(name)

    same = Counter(hours)
    twice = [i for i, hour in enumerate(hours) if same[hour] > 1]
    fail("duplicate_dates" if daily else "duplicate_times", twice)
    if variable not in COARSE:
        name = "daily_repetition" if daily else "subdaily_repetition"
        fail(name, repeated(values, REPEATED[daily], zeros=variable not in BOUNDED))
        if variable != "rr":
            fail("series_anomaly", anomalies(values))
    sizes = [standard(value, variable, unit) for value in values]
    for i in range(1, len(values)):
        before, size, gap = sizes[i - 1], sizes[i], hours[i] - hours[i - 1]
        if before is None or size is None:
            continue
        if daily and gap == 24 and abs(size - before) > JUMPS.get(variable, float("inf")):
            fail("temporal_coherence", (i - 1, i))
        most = None if daily else tolerance(variable, gap)
        if most is not None and abs(size - before) > most:
            fail("wmo_time_consistency", (i - 1, i))
    return {i: tuple(names) for i, names in failed.items()}


def standard(value: float, variable: str, unit: str | None) -> float | None:
    """Return a value in the unit of the limits; `None` where its unit is not known."""
    if unit is None:
        return value if variable in ("rh", "dd", "wind_force", "ss") else None
    if variable == "n" and unit == "{okta}" and value == OBSCURED:
        return 100.0
    return value if variable == "wind_force" else to_standard(value, unit)


def repeated(values: Sequence[float], fewest: int, *, zeros: bool = True) -> list[int]:
    """Return the indices of at least `fewest` equal values in a row; without `zeros`, not of 0."""
    found: list[int] = []
    start = 0
    for end in range(1, len(values) + 1):
        if end == len(values) or values[end] != values[start]:
            if end - start >= fewest and (zeros or values[start] != 0):
                found += range(start, end)
            start = end
    return found


def outliers(values: Sequence[float], variable: str) -> list[int]:
    """Return the indices of values far outside the quartiles: dataresqc climatic_outliers."""
    told = [v for v in values if v != 0 or variable not in BOUNDED]
    if len(told) < FEWEST:
        return []
    low, _, high = statistics.quantiles(told, n=4, method="inclusive")
    reach = SPREADS.get(variable, OTHER_SPREAD) * (high - low)
    if reach == 0:
        return []
    return [
        i
        for i, value in enumerate(values)
        if not low - reach <= value <= high + reach and (value != 0 or variable not in BOUNDED)
    ]


def anomalies(values: Sequence[float]) -> list[int]:
    """Return the indices of values that stand out from those just before and after them."""
    if len(values) < FEWEST:
        return []
    apart = []
    for i, value in enumerate(values):
        beside = [*values[max(0, i - SIDES) : i], *values[i + 1 : i + 1 + SIDES]]
        apart.append(abs(value - statistics.median(beside)))
    usual = 1.4826 * statistics.median(apart)
    return [i for i, distance in enumerate(apart) if usual > 0 and distance > SPIKE * usual]
