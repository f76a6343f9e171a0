"""Values in the units that the Station Exchange Format publishes them in, no digit more or less.

Units and codes are those of Copernicus' dataresqc (https://doi.org/10.24381/RTOX-JR65); mercury is
at 0 °C and standard gravity, as a register says that was reduced to these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.checks.notation import decimals, read_number
from pipeline.checks.units import STANDARD, plain

_CELSIUS = "ta tb td Tx Tn Txs TGs Tns TGn atb t_snow Ts t_water ibt dep_dew t_air t_wet t_dew"
_UNITS: dict[str, tuple[str, frozenset[str], float]] = {}
"""Of a variable: its unit's name in the format, the units it can come in, and what one is worth in
the units of `pipeline.checks.units.STANDARD`."""


def _published(names: str, unit: str, sources: str, worth: float = 1.0) -> None:
    for name in names.split():
        _UNITS[name] = (unit, frozenset(sources.split()), worth)


_published(_CELSIUS, "C", "Cel [degF] [degRe]")
_published("p mslp e", "hPa", "hPa [in_i'Hg] mm[Hg] cm[Hg] [in_fr'Hg] [lne_fr'Hg]")
_published("rr rrls sw eee", "mm", "mm cm [in_i] [in_fr] [lne_fr] [ft_i]")
_published("sd fs", "cm", "mm cm [in_i] [in_fr] [lne_fr] [ft_i]", 10.0)
_published("w fx fm", "m/s", "m/s km/h [mi_i]/h [kn_i]")
_published("rh", "%", "%")
_published("n", "%", "% {okta} {tenth}")
_published("ss", "h", "h")
_published("dd", "degree", "deg")

_OWN = {"rh": "%", "ss": "h", "dd": "deg"}
"""Variables that come in one unit only, whether or not a head says so."""

_SYMBOLS = {
    "Cel": "C",
    "[degF]": "F",
    "[degRe]": "R",
    "[in_i'Hg]": "in",
    "[in_i]": "in",
    "mm[Hg]": "mm",
    "cm[Hg]": "cm",
    "[in_fr'Hg]": "Pin",
    "[in_fr]": "Pin",
    "[lne_fr'Hg]": "Pl",
    "[lne_fr]": "Pl",
    "[ft_i]": "ft",
    "[mi_i]/h": "mph",
    "[kn_i]": "kn",
}

_POINTS = "n nne ne ene e ese se sse s ssw sw wsw w wnw nw nnw"
COMPASS = {point: 22.5 * i for i, point in enumerate(_POINTS.split())}
NORTH = 360.0
"""A wind from the north; 0 is a calm."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """From one unit into the published one: factor * x + offset, `unit` its name there."""

    unit: str
    factor: float = 1.0
    offset: float = 0.0

    def __call__(self, value: float, places: int) -> str:
        """Return a value that is known to `places` decimals as it is published."""
        kept = places
        if self.factor != 1:
            step = self.factor * 10.0**-places
            kept = max(0, math.ceil(-math.log10(step) - 1e-9))
        said = f"{self.factor * value + self.offset:.{kept}f}"
        return said.removeprefix("-") if float(said) == 0 else said


def conversion(variable: str, unit: str | None) -> Conversion | None:
    """Return how a variable's values get into the format's unit; `None` where nobody can tell.

    A variable that the format asks for no unit of keeps its own.
    """
    unit = unit or _OWN.get(variable)
    if variable not in _UNITS:
        return None if unit is None else Conversion(symbol(unit))
    published, sources, worth = _UNITS[variable]
    if unit not in sources:
        return None
    factor, offset = STANDARD[unit]
    return Conversion(published, factor / worth, offset / worth)


def symbol(unit: str | None) -> str:
    """Return a unit as people write it behind a value (`F`, `in`), empty where there is none."""
    return _SYMBOLS.get(unit or "", re.sub(r"[{}\[\]|\s]", "", unit or ""))


def places_of(value: float, as_written: str) -> int:
    """Return to how many decimals a value is known: as many as were written, or as it has."""
    written = read_number(as_written)
    own = repr(value).partition(".")[2] if "e" not in repr(value) else ""
    return min(6, max(0 if own in ("", "0") else len(own), decimals(written) if written else 0))


def bearing(text: str, west: str) -> float | None:
    """Return a point of the compass in degrees, `None` where a text is none, 0 for a calm.

    Sixteen points and those between them (N by E). `O` is west where that is the `west` of the
    series it stands in (`o`: French and its neighbours), else the east of German and Dutch.
    """
    said = re.sub(r"[^a-z]", "", plain(text))
    if re.match(r"(calm|kalm|windst|c$)", said):
        return 0.0
    for name, point in (("nord|north|noord|norte", "n"), ("sud|sued|south|zuid|sur|sul", "s")):
        said = re.sub(name, point, said)
    for name, point in (("ouest|west|oeste|ovest", "w"), ("oost|ost|east|este|est", "e")):
        said = re.sub(name, point, said)
    said = said.replace("z", "s").replace("o", "w" if west == "o" else "e").replace("l", "e")
    if said in COMPASS:
        return COMPASS[said] or NORTH
    main, by, towards = said.replace("by", "b").partition("b")
    if by and main in COMPASS and towards in ("n", "e", "s", "w"):
        turn = (COMPASS[towards] - COMPASS[main] + 180) % 360 - 180
        return (COMPASS[main] + (11.25 if turn > 0 else -11.25)) % 360
    return None


def west_of(texts: Iterable[str]) -> str:
    """Return the letter that a series of points writes for west: `o` where no W stands in it."""
    return "w" if any("w" in plain(text) for text in texts) else "o"
