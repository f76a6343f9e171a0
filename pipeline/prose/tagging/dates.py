"""Dates as letters and registers write them, in the seven languages of `pipeline.observations`
and in Korean."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator

from pipeline.observations.dates import MONTH_NAMES, MONTHS
from pipeline.page import Tag
from pipeline.prose.tagging.folding import folded

_YEAR = r"(?P<year>1[0-9]\d\d|20\d\d)"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_NAMED = rf"(?P<named>(?:{MONTH_NAMES})(?![a-z])\.?)"
_ORDINAL = r"(?: ?(?:st|nd|rd|th|ers?|eme|de|ten|[.oº°])(?![a-z]))?"
_GAP = r"[ ,.]{0,3}"
_OF = r"(?:(?:of|de|du|del|di|van|des|d'|den|dit|the|in the year|l'an)\b ?)?"

_PATTERNS = tuple(
    re.compile(rf"(?<![\w./-]){pattern}(?![\w/]|[.-]\d)")
    for pattern in (
        rf"{_YEAR}-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12]\d|3[01])",
        rf"{_DAY}{_ORDINAL}{_GAP}{_OF}{_NAMED}{_GAP}{_OF}{_YEAR}",
        rf"{_NAMED}{_GAP}{_OF}{_DAY}(?:st|nd|rd|th)?,? ?{_GAP}{_YEAR}",
        rf"{_YEAR}{_GAP}{_NAMED}{_GAP}{_DAY}",
        rf"{_DAY}\. ?(?P<month>0?[1-9]|1[0-2])\. ?{_YEAR}",
        rf"{_DAY}{_ORDINAL} ?{_OF}{_NAMED}(?!{_GAP}\d{{4}})",
        rf"{_NAMED} ?{_OF}{_DAY}(?:st|nd|rd|th)?(?!{_GAP}\d{{4}})",
        rf"{_NAMED}{_GAP}{_OF}{_YEAR}",
    )
)
"""From the fullest to the barest: what one finds is not looked at by those behind it."""

_KOREAN = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_YEAR} ?[년年] ?(?P<month>0?[1-9]|1[0-2]) ?[월月] ?{_DAY} ?[일日]",
        rf"{_YEAR} ?[년年] ?(?P<month>0?[1-9]|1[0-2]) ?[월月]",
        rf"(?<!\d)(?P<month>0?[1-9]|1[0-2]) ?[월月] ?{_DAY} ?[일日]",
        rf"(?<!\d){_YEAR}\. ?(?P<month>0?[1-9]|1[0-2])\. ?{_DAY}(?:\.|(?!\d))",
    )
)

_MAY_BE_WORDS = frozenset({"ago", "dez", "gen", "mag", "mar", "ott", "out", "set"})
"""Names of months that are words, too, and mean a month only where they are written large."""

_LEAP = 2000


def find_dates(text: str, language: str | None) -> list[Tag]:
    """Return the dates in a line, each with at least a month and a day or a year.

    `value` is `YYYY-MM-DD`, `YYYY-MM` or `--MM-DD`; days that no month has are no dates.
    """
    said = folded(text)
    east = language is None or language.partition("-")[0] in ("ko", "ja", "zh")
    found: list[Tag] = []
    for pattern in (*_PATTERNS, *(_KOREAN if east else ())):
        for match in pattern.finditer(said):
            tag = _tag(text, match)
            if tag and not any(t.start < tag.end and tag.start < t.end for t in found):
                found.append(tag)
    return sorted(found, key=lambda tag: tag.start)


def _tag(text: str, match: re.Match[str]) -> Tag | None:
    groups = match.groupdict()
    year = int(groups["year"]) if groups.get("year") else None
    day = int(groups["day"]) if groups.get("day") else None
    named = groups.get("named")
    if named is None:
        month = int(groups["month"])
    else:
        month = MONTHS[named.rstrip(".")]
        small = not text[match.start("named")].isupper()
        if small and named.rstrip(".") in _MAY_BE_WORDS and None in (year, day):
            return None
    if day is not None and day > calendar.monthrange(year or _LEAP, month)[1]:
        return None
    return Tag("date", match.start(), match.end(), "-".join(_parts(year, month, day)))


def _parts(year: int | None, month: int, day: int | None) -> Iterator[str]:
    yield "-" if year is None else f"{year:04d}"
    yield f"{month:02d}"
    if day is not None:
        yield f"{day:02d}"
