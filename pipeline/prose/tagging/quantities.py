"""Numbers with a unit behind them: the units of `pipeline.checks.units`, as prose has them."""

from __future__ import annotations

import re

from pipeline.checks.units import UNITS, Unit
from pipeline.page import Tag
from pipeline.prose.tagging.folding import folded

_NUMBER = re.compile(r"(?<![\w.,])(?P<sign>[-−+] ?)?(?P<number>\d{1,7}(?:[.,·]\d{1,6})?) ?")
_DEGREES = re.compile(r"°|º|deg(?:re(?:s|es?)?|rees?)?\b\.?|grad\b|도(?!\w)")
_TEMPERATURES = {"c": "Cel", "f": "[degF]", "r": "[degRe]"}
_SCALE = re.compile(r"\s?([cfr])(?![a-z])")
_KOREAN = (
    ("밀리미터", "mm"),
    ("센티미터", "cm"),
    ("섭씨도", "Cel"),
    ("퍼센트", "%"),
    ("미터", "m"),
)
_MORE = (
    ("[in_i]", re.compile(r"ins?\.(?!\w)")),
    ("m", re.compile(r"m(?:et(?:er|re)s?)?\b\.?")),
    ("kg", re.compile(r"k\.?g(?:r)?s?\b\.?")),
    ("km", re.compile(r"k\.?m\b\.?|kilomet(?:er|re)s?\b")),
)

_IN_HEADS = frozenset({"{Bft}", "{okta}", "{tenth}"})
"""Units that only heads of columns name."""


def find_quantities(text: str) -> list[Tag]:
    """Return the quantities in a line; `value` is the unit's UCUM code.

    A degree without a scale is a degree of angle or of temperature, nobody says which: `deg`.
    """
    said = folded(text)
    found = []
    for match in _NUMBER.finditer(said):
        unit = _unit(said, match.end())
        if unit is not None:
            code, end = unit
            if code == "deg" and len(match["number"]) == 1:
                continue  # 1°, 2° and 3° count what is listed
            number = float(re.sub("[,·]", ".", match["number"]))
            negative = (match["sign"] or "").strip() in ("-", "−")
            found.append(Tag("quantity", match.start(), end, code, -number if negative else number))
    return found


def _unit(said: str, start: int) -> tuple[str, int] | None:
    """Return the code and the end of the longest unit that begins at a place of a text."""
    ends: list[tuple[int, str]] = []
    degrees = _DEGREES.match(said, start)
    if degrees:
        scale = _SCALE.match(said, degrees.end())
        ends.append((scale.end(), _TEMPERATURES[scale[1]]) if scale else (degrees.end(), "deg"))
    ends += [(end, u.code) for u in UNITS if (end := _end(u, said, start)) is not None]
    ends += [(m.end(), code) for code, more in _MORE if (m := more.match(said, start))]
    ends += [(start + len(w), code) for w, code in _KOREAN if said.startswith(w, start)]
    if not ends:
        return None
    end, code = max(ends, key=lambda found: found[0])
    return code, end


def _end(unit: Unit, said: str, start: int) -> int | None:
    if unit.code in _IN_HEADS:
        return None
    # Right behind a figure is no beginning of a word to the pattern: it is asked from there on.
    match = unit.pattern.match(said[start : start + 24])
    return start + match.end() if match and match.end() else None
