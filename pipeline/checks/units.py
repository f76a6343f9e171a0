"""Units as heads of columns name them, as UCUM writes them (https://ucum.org, case sensitive)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

PRESSURE = frozenset({"p", "mslp"})
"""Variables (names of the Station Exchange Format) that a column of mercury measures."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit's UCUM code, its names in heads, and what it is worth: factor * x + offset.

    That is in degrees Celsius, hPa, mm, m/s, per cent, degrees or hours, whichever it measures.
    """

    code: str
    pattern: re.Pattern[str]
    factor: float = 1.0
    offset: float = 0.0


def _unit(code: str, *words: str, factor: float = 1.0, offset: float = 0.0) -> Unit:
    pattern = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(words)})(?![a-z0-9])")
    return Unit(code, pattern, factor, offset)


DEGREES = r"(?:°|deg(?:rees?|r?es)?\.?)"
PER = "(?:/|per|par|pro|por|p\\.)"
UNITS = (
    _unit("[degF]", rf"{DEGREES} ?f\w*", r"fah?r\w*", factor=5 / 9, offset=-160 / 9),
    _unit("[degRe]", rf"{DEGREES} ?r(?!educ)\w*", r"reaum\w*", factor=1.25),
    _unit(
        "Cel", rf"{DEGREES} ?c\b", rf"{DEGREES} ?cent\w*", r"cels\w*", r"centigr\w*", r"centes\w*"
    ),
    _unit("hPa", r"h\.? ?pa", "hectopascals?", r"m\.? ?b\.?", "mbars?", r"millib\w*"),
    _unit("m/s", r"m/s(?:ec)?", r"m\.? ?p\.? ?s\.?", rf"met\w*\.? ?{PER} ?se[ckg]\w*", "ms-1"),
    _unit("km/h", r"km\.?/ ?[hu]\w*", rf"k\w* ?{PER} ?(?:h|st|uur)\w*", factor=1 / 3.6),
    _unit("[mi_i]/h", r"m\.? ?p\.? ?h\.?", r"mi(?:les?)?\.? ?(?:per|an|/) ?h\w*", factor=0.44704),
    _unit(
        "[kn_i]",
        "kno?ts?",
        "kts?",
        "knoten",
        "noeuds",
        "nudos",
        "knoo?p\\w*",
        "nodi",
        factor=1852 / 3600,
    ),
    _unit("{Bft}", r"beauf\w*", "bft", r"0 ?[-–—] ?12"),
    _unit(
        "{okta}",
        r"okt\w*",
        "eighths?",
        "achtel",
        "huiti?emes",
        "octavos",
        r"0 ?[-–—] ?8",
        factor=12.5,
    ),
    _unit(
        "{tenth}",
        "tenths?",
        r"zehntel\w*",
        "di[zx]iemes",
        "decim[oai]s?",
        r"0 ?[-–—] ?10",
        factor=10.0,
    ),
    _unit("mm", r"m\.? ?m\.?", "m/m", r"mill?im\w*"),
    _unit("cm", r"cm\.?", "c/m", r"centim(?!es?\b)\w*", r"zentim\w*", factor=10.0),
    # A badly read `Ins.` is still one.
    _unit(
        "[in_i]", r"[il1j][nu]s\.?", "inch(?:es)?", r"in\.(?! ?[a-z])", r"in(?= ?\d)", factor=25.4
    ),
    _unit(
        "[in_i]", "pulgadas?", "polegadas?", "pollici", r"duim\w*", r"engl?\. ?zoll", factor=25.4
    ),
    _unit("[in_fr]", "pouces?", r"par\w*\.? ?zoll", factor=27.07),
    _unit("[lne_fr]", "lignes?", r"par\w*\.? ?lin\w*\.?", r"p\. ?l\.", factor=27.07 / 12),
    _unit("[ft_i]", "feet", r"ft\.?", factor=304.8),
    _unit(
        "%",
        "%",
        "per ?cents?",
        r"percent\w*",
        r"pct\.?",
        r"p\. ?c\.",
        r"p\. ?100",
        "pour ?cent",
        "0/0",
    ),
    _unit("%", r"pro[zc]ent\w*", r"proz\.?", "por ?ciento", "p[oe]r ?cento"),
    _unit("g/m3", rf"g\w*\.? ?{PER} ?(?:m3|cub\w*|kub\w*)"),
    _unit("h", r"h(?:ou)?rs\.?", "heures?", "stunden", r"std\.?", "uren", "horas", "ore"),
    _unit("deg", rf"{DEGREES}(?: from (?:true )?(?:n|north))"),
)

TEMPERATURE_LETTERS = {"c": "Cel", "f": "[degF]", "r": "[degRe]"}

HG = {
    "[in_i]": "[in_i'Hg]",
    "mm": "mm[Hg]",
    "cm": "cm[Hg]",
    "[in_fr]": "[in_fr'Hg]",
    "[lne_fr]": "[lne_fr'Hg]",
}
"""Lengths that stand for the pressure of a column of mercury; the French ones after UCUM's way."""

MM_HG = 1.333224
"""hPa in a millimetre of mercury at 0 °C and standard gravity."""

_DEGREES = frozenset({"Cel", "[degF]", "[degRe]"})
_MERCURY = frozenset({*HG.values(), "hPa"})
_LENGTHS = frozenset({"mm", "cm", "[in_i]", "[in_fr]", "[lne_fr]", "[ft_i]"})
_SPEEDS = frozenset({"m/s", "km/h", "[mi_i]/h", "[kn_i]"})
MEASURED: dict[str, frozenset[str]] = {
    **dict.fromkeys(("ta", "tb", "td", "Tx", "Tn", "atb", "TGn", "Txs"), _DEGREES),
    **dict.fromkeys(("p", "mslp", "e"), _MERCURY),
    **dict.fromkeys(("rr", "eee", "sd", "fs"), _LENGTHS),
    "rh": frozenset({"%"}),
    "w": _SPEEDS,
    "wind_force": frozenset({"{Bft}", "{okta}", "{tenth}"}),
    "dd": frozenset({"deg"}),
    "n": frozenset({"%", "{okta}", "{tenth}"}),
    "ss": frozenset({"h"}),
}
"""The units in which a variable can be measured: what else stands in a head is not its unit."""

STANDARD = {unit.code: (unit.factor, unit.offset) for unit in UNITS} | {
    "[in_i'Hg]": (25.4 * MM_HG, 0.0),
    "mm[Hg]": (MM_HG, 0.0),
    "cm[Hg]": (10 * MM_HG, 0.0),
    "[in_fr'Hg]": (27.07 * MM_HG, 0.0),
    "[lne_fr'Hg]": (27.07 / 12 * MM_HG, 0.0),
}  # fmt: skip
"""Of each unit, the factor and offset that turn a value into °C, hPa, mm, m/s, % or hours."""


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return a head's text in lower case without accents, its blanks single."""
    spread = unicodedata.normalize("NFKD", text.replace("º", "°").replace("˚", "°")).casefold()
    return " ".join("".join(c for c in spread if not unicodedata.combining(c)).split())


def find_unit(head: str) -> str | None:
    """Return the UCUM code of the unit that a column's head names, `None` where it names none.

    A length is returned as one: `of_variable` says where it stands for a pressure.
    """
    text = plain(head)
    for unit in UNITS:
        if unit.pattern.search(text):
            return unit.code
    last = re.search(r"(?:^|[\s(\[])([cfr])\.?[)\]]?$", text)
    return TEMPERATURE_LETTERS[last[1]] if last else None


def of_variable(unit: str | None, variable: str | None) -> str | None:
    """Return the unit that a head means where its column holds `variable`."""
    if variable in PRESSURE or variable == "e":
        unit = HG.get(unit or "", unit)
    if unit is None or variable not in MEASURED:
        return None if unit == "h" else unit
    return unit if unit in MEASURED[variable] else None


def to_standard(value: float, unit: str) -> float | None:
    """Return a value in °C, hPa, mm, m/s, %, degrees or hours; `None` for a unit not known."""
    if unit not in STANDARD:
        return None
    factor, offset = STANDARD[unit]
    return factor * value + offset
