"""Series: the observations of one variable at one station in time, and what is odd about them."""

from __future__ import annotations

import datetime
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pipeline.checks.series import series_flags
from pipeline.checks.units import STANDARD, to_standard
from storage.observations import Observation

_MIDNIGHT = datetime.time()


@dataclass(frozen=True, slots=True)
class Series:
    """The observations of one variable at one station, made in one way, in the order of time."""

    observations: list[Observation]

    @property
    def first(self) -> Observation:
        return self.observations[0]

    @property
    def daily(self) -> bool:
        """Whether a value is of a day rather than of a moment."""
        return self.first.period != "0" or all(o.local_time is None for o in self.observations)


def split(observations: Iterable[Observation]) -> Iterator[Series]:
    """Yield observations that come series by series as such, with the flags of the whole series.

    The flags that a value got on its own page stay and come first.
    """
    for _, group in itertools.groupby(observations, _key):
        series = Series(sorted(group, key=moment))
        flags = _flags(series)
        yield Series(
            [
                replace(each, flags=list(dict.fromkeys((*each.flags, *more)))) if more else each
                for each, more in zip(series.observations, flags, strict=True)
            ]
        )


def moment(observation: Observation) -> datetime.datetime:
    """Return when an observation was made: in UTC, or on its local day where no hour is known."""
    if observation.utc is not None:
        return observation.utc
    start = datetime.datetime.combine(observation.date, _MIDNIGHT)
    return start + (observation.local_time or datetime.timedelta())


def _key(observation: Observation) -> tuple[str, str | None, str, str]:
    return (
        observation.collection,
        observation.station,
        observation.variable,
        observation.statistic,
    )


def _flags(series: Series) -> list[tuple[str, ...]]:
    """Return the tests that each value fails beside the others of its series."""
    found: list[tuple[str, ...]] = [()] * len(series.observations)
    unit, values = _in_one_unit(series)
    told = [i for i, value in enumerate(values) if value is not None]
    flags = series_flags(
        [moment(series.observations[i]) for i in told],
        [value for value in values if value is not None],
        series.first.variable,
        unit,
        daily=series.daily,
        latitude=series.first.latitude,
    )
    for i, names in zip(told, flags, strict=True):
        found[i] = names
    return found


def _in_one_unit(series: Series) -> tuple[str | None, list[float | None]]:
    """Return a series' values in the unit that most have, `None` for those that cannot be."""
    told = [o for o in series.observations if o.value is not None and o.status != "rejected"]
    units = Counter(o.unit for o in told)
    usual = units.most_common(1)[0][0] if units else None
    factor, offset = STANDARD.get(usual or "", (1.0, 0.0))
    values: list[float | None] = []
    for each in series.observations:
        value = each.value if each.status != "rejected" else None
        if value is not None and each.unit != usual:
            size = to_standard(value, each.unit) if each.unit and usual in STANDARD else None
            value = None if size is None else (size - offset) / factor
        values.append(value)
    return usual, values
