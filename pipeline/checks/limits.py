"""What values can be: limits by variable, latitude and season, with their sources.

Values are in °C, hPa, mm (snow as well), m/s, per cent, degrees or hours: see `units.to_standard`.
Tests are named as Copernicus' dataresqc names them, so that a flag means the same to whoever reads
a Station Exchange Format file (https://github.com/c3s-data-rescue-service/dataresqc).
"""

from __future__ import annotations

from itertools import product
from typing import Literal

Range = tuple[float, float]
Season = Literal["winter", "summer"]

_SEASONS: tuple[Season, ...] = ("winter", "summer")
INFINITE = float("inf")

IMPOSSIBLE: dict[str, Range] = {
    "rh": (0, 100),
    "n": (0, 100),
    "dd": (0, 360),
    "ss": (0, 24),
    "wind_force": (0, 12),
    **dict.fromkeys(("rr", "eee", "sd", "fs", "w", "e", "vv"), (0, INFINITE)),
}
"""What these variables cannot leave: by definition, and (n, rh) as dataresqc impossible_values."""

TEMPERATURES = frozenset({"ta", "tb", "Tx", "Tn"})

GROSS: dict[tuple[str, bool, Season], Range] = {
    ("mslp", False, "winter"): (910, 1080),
    ("mslp", False, "summer"): (900, 1080),
    ("mslp", True, "winter"): (940, 1080),
    ("mslp", True, "summer"): (950, 1080),
    ("ta", False, "winter"): (-30, 50),
    ("ta", False, "summer"): (-20, 50),
    ("ta", True, "winter"): (-80, 35),
    ("ta", True, "summer"): (-30, 40),
    ("td", False, "winter"): (-35, 35),
    ("td", False, "summer"): (-25, 35),
    ("td", True, "winter"): (-85, 30),
    ("td", True, "summer"): (-35, 35),
    ("w", False, "winter"): (0, 60),
    ("w", False, "summer"): (0, 90),
    ("w", True, "winter"): (0, 50),
    ("w", True, "summer"): (0, 40),
    **{("p", high, season): (400, 1080) for high, season in product((False, True), _SEASONS)},
}
"""Beyond these a value is suspect: by variable, whether further than 45 degrees from the equator,
and season. WMO, 1993: Guide on the Global Data-processing System (No. 305), VI.6 to VI.8."""

DAILY: dict[str, Range] = {
    "Tx": (-30, 45),
    "Tn": (-40, 30),
    "rr": (0, 200),
    "w": (0, 30),
    "sd": (0, 2000),
    "fs": (0, 1000),
}
"""dataresqc daily_out_of_range, its defaults; those of temperatures suit 45 degrees and less."""

SUBDAILY: dict[str, Range] = {"ta": (-40, 45), "rr": (0, 100), "w": (0, 50), "sd": (0, 2000)}
"""dataresqc subdaily_out_of_range, its defaults, of temperature those of day and night."""

JUMPS: dict[str, float] = {"Tx": 20, "Tn": 20, "w": 15, "sd": 500}
"""Most that a day differs from the day before: dataresqc temporal_coherence, its defaults."""

TOLERANCES: dict[str, tuple[tuple[float, float], ...]] = {
    "ta": ((1, 4), (2, 7), (3, 9), (6, 15), (12, 25)),
    "td": ((1, 4), (2, 6), (3, 8), (6, 12), (12, 20)),
    "p": ((1, 3), (2, 6), (3, 9), (6, 18), (12, 36)),
}
"""Hours, and the most by which a value changes in them. WMO No. 305, VI.21."""

SPREADS: dict[str, float] = {"rr": 5, "ta": 3, "Tx": 3, "Tn": 3, "tb": 3, "td": 3}
OTHER_SPREAD = 4.0
"""Interquartile ranges beyond the quartiles: dataresqc climatic_outliers, its defaults."""

COARSE = frozenset({"n", "dd", "wind_force", "vv"})
"""Estimated in so few steps that they often repeat."""

BOUNDED = frozenset({"rr", "sd", "fs", "eee", "ss", "w", "n", "rh", "wind_force"})
"""Of these a nought says that there was nothing, and may well repeat."""


def range_flags(
    variable: str,
    value: float,
    *,
    daily: bool | None = None,
    latitude: float | None = None,
    month: int | None = None,
) -> tuple[str, ...]:
    """Return which tests of its own size a value fails.

    Where `latitude` (degrees north) or `month` (1 to 12) is not known, it is the widest limits that
    count; `daily` says whether values are of a day or an hour.
    """
    failed = []
    if _outside(value, IMPOSSIBLE.get(variable)):
        failed.append("impossible_values")
    if _outside(value, gross_limits(variable, latitude, month)):
        failed.append("wmo_gross_errors")
    if daily is not None and not failed:
        limits = (DAILY if daily else SUBDAILY).get(variable)
        mild = latitude is not None and abs(latitude) <= 45
        if _outside(value, limits) and (mild or variable not in TEMPERATURES):
            failed.append("daily_out_of_range" if daily else "subdaily_out_of_range")
    return tuple(failed)


def gross_limits(variable: str, latitude: float | None, month: int | None) -> Range | None:
    """Return between what a variable is not suspect; `None` for one that has no limits."""
    name = "ta" if variable in TEMPERATURES else variable
    bands = (False, True) if latitude is None else (abs(latitude) > 45,)
    seasons = _SEASONS if latitude is None or month is None else (_season(latitude, month),)
    ranges = [GROSS[key] for key in product((name,), bands, seasons) if key in GROSS]
    return (min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def tolerance(variable: str, hours: float) -> float | None:
    """Return by how much a variable changes in up to 12 hours; `None` beyond, or if not known."""
    name = "p" if variable == "mslp" else "ta" if variable == "tb" else variable
    steps = TOLERANCES.get(name, ())
    return next((most for limit, most in steps if 0 < hours <= limit), None)


def _season(latitude: float, month: int) -> Season:
    northern_winter = month in (1, 2, 3, 10, 11, 12)
    return "winter" if northern_winter == (latitude >= 0) else "summer"


def _outside(value: float, limits: Range | None) -> bool:
    return limits is not None and not limits[0] <= value <= limits[1]
