"""What ledgers leave out because everyone knew it: the point, and the first figures.

A column of mercury is written 9.373 for 29.373 and 0.124 for 30.124, under "First figure omitted";
760.3 as 60.3 under "700 +"; a temperature 287 for 28.7. What was left out is put back only where
the sheet itself tells: in words, or because nothing else would be possible, or because elsewhere
it was written out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from pipeline.checks.notation import decimals
from pipeline.checks.sheet import Lead
from pipeline.checks.units import PRESSURE, plain, to_standard

OMITTED = re.compile(
    r"(?:figure|figuro|chiffre|ziffer|zahl|cijfer|cifra|algarismo|digit|decimal|stelle)s?\w*.*"
    r"(?:omit|omis|suppr|weggel|fortgel|ausgel|abgek|suprim|elid|tralasc|left out|cut off)|"
    r"(?:omit|omis|suppr|weggel|fortgel|ausgel|suprim|tralasc)\w*.*"
    r"(?:figure|chiffre|ziffer|zahl|cijfer|cifra|algarismo|digit)"
)
FIRST = r"(?:[2-9]\d{2}|1000|2[5-9]|3[01])"
BASE = re.compile(
    rf"(?<![\d.,])({FIRST})\s*(?:mm|mb|hpa|in(?:s|ches)?|millim\w*)?\.?\s*\+|"
    rf"\+\s*({FIRST})(?![\d.,])"
)

POINTED = re.compile(r"[+-]?(\d+)(?:\.(\d+))?")

USUAL = {
    "[in_i'Hg]": (Decimal("25.5"), Decimal("31.5")),
    "mm[Hg]": (Decimal(700), Decimal(800)),
    "hPa": (Decimal(950), Decimal(1050)),
}
"""Between what barometers mostly stand; near the middle the omitted figures are looked for."""

LEAST_PRESSURE = 400.0
"""hPa: less is hardly met with at the ground (WMO No. 305, VI.7); what is less was cut short."""

INCHES = (Decimal("7.5"), Decimal("1.5"))
"""From 27.5 to 31.5 inches without the first figure: at least 7.5, or at most 1.5."""

MOST = 0.9
"""Share of the short numbers that must be impossible as they stand; a tenth may be misread."""

SOME = 0.3
"""Share of the numbers that must be short; the others are written out."""

OFTEN = 0.2
"""Share of the short numbers that have so many figures before the point, at least."""

FEWEST = 20
"""Fewer numbers prove nothing of their kind."""

VOTES, RARELY, AGREED = 3, 0.01, 0.7
"""How many numbers, and what share of all and of those that say something, tell of a point."""


def says_omitted(text: str) -> bool:
    """Return whether a head or title says that first figures are omitted."""
    return OMITTED.search(plain(text)) is not None


def base_of(text: str) -> Decimal | None:
    """Return what a head or title says is to be added (`700 +`), `None` where it says nothing."""
    match = BASE.search(plain(text))
    return Decimal(match[1] or match[2]) if match else None


def find_lead(
    numbers: Sequence[Decimal],
    variable: str | None,
    unit: str | None,
    said: str,
    limits: tuple[float, float] | None,
) -> Lead | None:
    """Return what the numbers of like columns leave out in front, `None` where they are whole.

    `said` are heads and titles that speak of them, `limits` what a form says is possible, else it
    is what barometers show in that `unit`. It needs the word, or that nearly all numbers would be
    impossible as they stand.
    """
    low, high = map(_decimal, limits) if limits else USUAL.get(unit or "", (None, None))
    short = [n for n in numbers if n >= 0 and (low is None or high is None or not low <= n <= high)]
    if not short or len(short) < SOME * len(numbers):
        return None
    counts = Counter(map(_figures, short))
    often = [each for each, count in counts.items() if count >= OFTEN * len(short)]
    figures = max(often, default=counts.most_common(1)[0][0])
    base = base_of(said)
    if base is not None and _share(number < base / 2 for number in short) >= MOST:
        return Lead(base, Decimal(0), figures)
    if low is None or high is None or (variable not in PRESSURE and limits is None):
        return None
    centre = (low + high) / 2
    # A page that shows 2.1 to 9.8 left out as much of 1002.1 as one that shows 98.4, too.
    period = max(Decimal(10) ** figures, Decimal(10) ** _figures(high - low - 1))
    figures = _figures(period - 1)
    if period > centre:
        return None
    short = [number for number in short if number < period]
    if limits:
        impossible = _share(number < low for number in short) >= MOST
    else:
        impossible = _below_all_pressure(short, unit)
    if not says_omitted(said) and not impossible:
        return None
    return Lead(_nearest(_middle(short, period), centre, period), period, figures)


def looks_like_inches(numbers: Sequence[Decimal]) -> bool:
    """Return whether numbers can be nothing but inches of mercury without their first figure.

    They have three decimals, one figure before, and lie where 27.5 to 31.5 would, on both sides of
    30 or mostly above 27.5.
    """
    if len(numbers) < FEWEST or _share(decimals(n) == 3 for n in numbers) < MOST:
        return False
    high, low = INCHES
    within = _share(high <= n < 10 or 0 <= n <= low for n in numbers)
    return within >= MOST and _share(high <= n < 10 for n in numbers) >= 0.1


def implied_decimals(columns: Iterable[Sequence[str]]) -> int:
    """Return how many decimals whole numbers have whose point was mostly left out; 0: none.

    `columns` are the texts of those columns of a sheet in which most numbers have no point. A few
    that have one, always in the same place, give it away, and so does 05 among longer numbers.
    """
    votes: Counter[int] = Counter()
    count = 0
    for texts in columns:
        read = [match for text in texts if (match := POINTED.fullmatch(text))]
        count += len(read)
        longest = max((len(match[1]) for match in read if not match[2]), default=0)
        for match in read:
            if match[2]:
                votes[len(match[2])] += 1
            elif match[1][0] == "0" and match[1].strip("0") and len(match[1]) < longest:
                votes[len(match[1]) - 1] += 1
    places, most = votes.most_common(1)[0] if votes else (0, 0)
    return places if most >= max(VOTES, RARELY * count, AGREED * votes.total()) else 0


def restore(number: Decimal, lead: Lead) -> Decimal:
    """Return the number that was meant: with its first figures, where it is written without."""
    if number < 0 or _figures(number) > lead.figures:
        return number
    if not lead.period:
        return number + lead.centre
    return _nearest(number, lead.centre, lead.period)


def _nearest(number: Decimal, centre: Decimal, period: Decimal) -> Decimal:
    return number + period * round((centre - number) / period)


def _middle(numbers: Sequence[Decimal], period: Decimal) -> Decimal:
    """Return the median of numbers on a circle, cut where the circle is emptiest."""
    ordered = sorted(number % period for number in numbers)
    gaps = [
        ((ordered[0] + period - ordered[-1]) if i == len(ordered) - 1 else ordered[i + 1] - each, i)
        for i, each in enumerate(ordered)
    ]
    cut = max(gaps)[1] + 1
    unrolled = ordered[cut:] + [number + period for number in ordered[:cut]]
    return unrolled[len(unrolled) // 2]


def _decimal(number: float) -> Decimal:
    return Decimal(str(number))


def _below_all_pressure(numbers: Sequence[Decimal], unit: str | None) -> bool:
    pressures = [to_standard(float(number), unit or "") for number in numbers]
    return _share(each is not None and each < LEAST_PRESSURE for each in pressures) >= MOST


def _figures(number: Decimal) -> int:
    """Return how many figures stand before the point; none of `.381`, one of `0.381`."""
    return len(str(int(abs(number))))


def _share(those: Iterable[bool]) -> float:
    each = list(those)
    return sum(each) / len(each) if each else 0.0
