"""How ledgers write a number, and how they write that there is none.

Nothing here knows of columns: `pipeline.checks.kinds` decides what a text means in its place.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from pipeline.tables.values import MINUS, NUMBER, plain_number

FRACTIONS = {
    "½": "1/2", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
    "⅓": "1/3", "⅔": "2/3", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5", "⅙": "1/6", "⅚": "5/6",
}  # fmt: skip

THIRDS = Decimal("0.001")
"""To what a fraction is rounded that no decimal fraction equals."""

MIXED = re.compile(r"([+-]?)(\d{0,5}?)[ -]*(\d{1,2})[/⁄](\d{1,2})")
GROUPED = re.compile(r"[+-]?\d{1,3}(?:([., '’])\d{3})+(?!\1)[.,·]\d+")
DEGREES = re.compile(r"(?<=\d)\s*[°º˚]\s*\.?(?=\d)")
AROUND = " \t\n()[]{}<>|*†‡§?!:;'’\"°º˚_"
POINTS = ".,·•∙⋅・˙"
AFTER = re.compile(
    r"(?<=[\d½¼¾])\s*(?:mm|cm|ins?|inch(?:es)?|hpa|mb|m/s|km/h|kt|%|[°º˚]\s*[cfr]|[cfr])\.?$", re.I
)

DASHES = re.compile(r"[-–—−‐_=~.·•∙…\s]+|[/\\|]{2,}|n\.?\s?[ad]\.?", re.I)
DITTO = re.compile(
    r"""["“”„‟〃″‶]|['’‘`´′,‚]{2}|[„”“"]\s*[„”“"]|d[o0º°]\.?|dto\.?|ditt?o\.?|id(?:em)?\.?|desgl\.?|iid\.?""",
    re.I,
)
TRACE = re.compile(
    r"tr(?:ace)?s?\.?|t\.?|sp(?:ur(?:en)?)?\.?|gttes?\.?|gouttes?|quelques gouttes|gutt?\.?|ssp\.?"
    r"|inap(?:\.|reci[aá]vel|reciable)?|ind\.?|tracce|gocce|vest[ií]gios?|sporen?",
    re.I,
)
NIL = re.compile(r"nil|none|nul|null|nihil|nichts|rien|néant|neant|nada|niets|nulla", re.I)


POINT = r"(?:[nsz]{0,2}[ewol]|[ewol][nsz][ewol]|[nsz])"
WORD = (
    r"(?:nord|north|noord|norte|sud|sued|south|sur|zuid|"
    r"est|east|ost|oost|este|ouest|west|oeste|ovest)"
)
COMPASS = re.compile(rf"{POINT}(?: ?(?:b|by|zu|t|z) ?{POINT})?|{WORD}(?:[ -]?{WORD}){{0,2}}")
CALM = re.compile(
    r"c|calm[aeo]?s?|windstill\w*|stil(?:le?|te)?|kalm|still|var\w*|veranderlijk|umlaufend|"
    r"ver[aä]nderlich|airs?|light airs?|lt airs?"
)
BEHIND = re.compile(r"[\s.,/-]*\d{1,2}(?:[-–]\d{1,2})?$")
MONTH_DAY = re.compile(r"(?:[^\W\d]{1,9}\.?[\s,]*)?(\d{1,2})\.?[\s,]*(?:[^\W\d]{1,9}|º)?\.?")
DATE = re.compile(r"(\d{1,2}) ?[/-] ?(?:\d{1,2}|[IVX]{1,4})(?: ?[/-] ?\d{2,4})?")
CLOCK = re.compile(
    r"(\d{1,2})(?: ?(?:[:.h]|uhr|u\.?) ?([0-5]\d))?"
    r" ?(?:h|hrs?|o'?clock|uhr|u|heures?|uur|horas?)?\.? ?([ap]|mat|soir|vm|nm|v|n)?\.? ?m?\.?"
)
NOON = re.compile(r"noon|mid-?day|midi|mittags?|middag|meio[- ]dia|mediod[ií]a|mezzogiorno|m\.?")
MIDNIGHT = re.compile(
    r"mid-? ?night\.?|minuit|mitternachts?|middernacht|meia[- ]noite|medianoche|mezzanotte|mdt\.?"
)


@lru_cache(maxsize=16384)
def read_number(text: str) -> Decimal | None:
    """Return the number that a text says, exactly as many decimals as are written; else `None`.

    Understood are raised dots and commas, any minus sign, fractions (12½, 12 1/2), 12°.3, marks
    around a number (brackets, footnotes) and a unit behind it. `nil` and its like are zero. A comma
    or point before three digits groups thousands only where a decimal mark follows.
    """
    number = plain_number(text)
    if NUMBER.fullmatch(number):
        return Decimal(number)
    text = text.strip()
    if NIL.fullmatch(text):
        return Decimal(0)
    if not has_figures(text) and not set(text) & set(FRACTIONS):
        return None
    fraction = _fraction(text)
    if fraction is not None:
        return fraction
    number = plain_number(_bare(text))
    return Decimal(number) if NUMBER.fullmatch(number) else None


def has_figures(text: str) -> bool:
    """Tell whether a text has figures: it was meant for a number, or one is in it."""
    return any(character.isdecimal() for character in text)


def _bare(text: str) -> str:
    """Return a text without marks around its number, its unit and the grouping of thousands."""
    text = AFTER.sub("", text.strip(AROUND))
    text = DEGREES.sub(".", text).strip(AROUND)
    grouped = GROUPED.fullmatch(text)
    text = text.replace(grouped[1], "") if grouped else text
    text = text.rstrip(POINTS + " -–—−‐")
    inner = text.lstrip(POINTS)
    # A point before the number is its decimal mark, unless it has another.
    return inner if any(point in inner for point in POINTS) else text


def _fraction(text: str) -> Decimal | None:
    for sign, ratio in FRACTIONS.items():
        text = text.replace(sign, f" {ratio}")
    match = MIXED.fullmatch(text.strip(AROUND).translate(MINUS))
    if match is None or int(match[4]) == 0 or int(match[3]) >= int(match[4]):
        return None
    part = Decimal(int(match[3])) / int(match[4])
    part = part.quantize(THIRDS) if decimals(part) > 4 else part
    whole = Decimal(match[2] or 0) + part
    return -whole if match[1] == "-" else whole


def is_dash(text: str) -> bool:
    """Return whether a text only says that there is no value: dashes, dots, slashes."""
    return bool(text.strip()) and DASHES.fullmatch(text.strip()) is not None


def is_ditto(text: str) -> bool:
    """Return whether a text repeats what stands above it: ditto marks, `do.`, `id.`."""
    return DITTO.fullmatch(text.strip()) is not None


def is_trace(text: str) -> bool:
    """Return whether a text says that rain fell, too little to be measured."""
    return TRACE.fullmatch(text.strip()) is not None


@lru_cache(maxsize=4096)
def read_day(text: str) -> int | None:
    """Return the day of the month that a text says: 5, 5th, Mon. 5, 1er, 5/3/99; else `None`."""
    match = MONTH_DAY.fullmatch(text.strip()) or DATE.fullmatch(text.strip())
    return int(match[1]) if match and 1 <= int(match[1]) <= 31 else None


@lru_cache(maxsize=4096)
def read_hour(text: str) -> Decimal | None:
    """Return the hour of the day, 0 to 24, that a text says: 7, 14:30, 9 a.m., Noon, Mid-night.

    Minutes are hundredths of an hour, rounded. 12 a.m. is 0, 12 p.m. 12, as clocks say; midnight
    is 24, the end of the day.
    """
    said = text.strip().casefold()
    if NOON.fullmatch(said):
        return Decimal(12)
    if MIDNIGHT.fullmatch(said):
        return Decimal(24)
    match = CLOCK.fullmatch(said)
    if match is None or int(match[1]) > 24:
        return None
    hour = int(match[1])
    if match[3] in ("p", "soir", "nm", "n") and hour < 12:
        hour += 12
    elif match[3] in ("a", "mat", "vm", "v") and hour == 12:
        hour = 0
    minutes = Decimal(int(match[2] or 0)) / 60
    return hour + (round(minutes, 2) if minutes else Decimal(0))


@lru_cache(maxsize=4096)
def is_direction(text: str) -> bool:
    """Return whether a text is a point of the compass, in any of seven languages, or calm.

    A force may stand behind it: SW. 3.
    """
    said = re.sub(r"[.\s]+", " ", text.strip().casefold()).strip()
    said = BEHIND.sub("", said) if len(said) > 1 else said
    joined = said.replace(" ", "")
    return any(
        form.fullmatch(each) is not None for form in (COMPASS, CALM) for each in (said, joined)
    )


def decimals(number: Decimal) -> int:
    """Return how many digits a number has after its point."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def shape_of(number: Decimal) -> str:
    """Return a number's pattern without its sign: `dd.d`."""
    return re.sub(r"[0-9]", "d", format(abs(number), "f"))
