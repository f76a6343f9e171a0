"""The date of a page: from its name, its heads, or what its collection says of it."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.checks.units import plain
from pipeline.observations.station import Dates

_MONTHS = (
    "jan janv janvier january januar januari janeiro enero gennaio jaenner janner ene genn gen",
    "feb fev fevr fevrier february februar februari fevereiro febrero febbraio febr febb",
    "mar mars march marz maerz maart marco marzo mrt maer mrz",
    "apr avr avril april abril aprile abr",
    "may mai mei maio mayo maggio magg mag",
    "jun juin june juni junho junio giugno giu giug",
    "jul juil juillet july juli julho julio luglio lug juill lugl",
    "aug aout august augustus agosto ago agt augusti",
    "sep sept septembre september setembro septiembre settembre set sett setiembre 7bre",
    "oct okt octobre october oktober outubro octubre ottobre out ott 8bre",
    "nov novembre november novembro noviembre 9bre",
    "dec dez dic decembre december dezember dezembro diciembre dicembre xbre 10bre",
)
"""What the months are called and how they are shortened in English, French, German, Dutch,
Portuguese, Spanish and Italian, without accents."""

MONTHS = {word: n for n, words in enumerate(_MONTHS, 1) for word in words.split()}

MONTH_NAMES = "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True))
"""All of them for a regular expression, the longer first."""

_YEAR = r"(?P<year>1[5-9]\d\d|20\d\d)"
_MONTH = r"(?P<month>0?[1-9]|1[0-2])"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
_NAMED = rf"(?P<month>{MONTH_NAMES})\.?"
_BETWEEN = r"[-_./, ]{0,3}"
_ORDINAL = r"(?:st|nd|rd|th|er|e|\.|º|o)?"
_OF = r"(?:of|de|du|del|di|van|des|d'|the)?"

_WHOLE = tuple(
    re.compile(rf"(?<![a-z0-9]){pattern}(?![0-9a-z])")
    for pattern in (
        rf"{_YEAR}[-_./ ]?(?P<month>0[1-9]|1[0-2])[-_./ ]?(?P<day>0[1-9]|[12]\d|3[01])",
        rf"{_YEAR}[-_./ ]{_MONTH}[-_./ ]{_DAY}",
        rf"{_DAY}[-_./ ]{_MONTH}[-_./ ]{_YEAR}",
        rf"{_DAY}{_ORDINAL}{_BETWEEN}{_OF}{_BETWEEN}{_NAMED}{_BETWEEN}{_OF}{_BETWEEN}{_YEAR}",
        rf"{_NAMED}{_BETWEEN}{_OF}{_BETWEEN}{_DAY}(?:st|nd|rd|th)?{_BETWEEN}{_YEAR}",
        rf"{_YEAR}{_BETWEEN}{_NAMED}{_BETWEEN}{_DAY}",
        rf"{_YEAR}[-_./ ]?(?P<month>0[1-9]|1[0-2])",
        rf"{_YEAR}[-_./ ]{_MONTH}",
        rf"{_MONTH}[-_./ ]{_YEAR}",
        rf"{_NAMED}{_BETWEEN}{_OF}{_BETWEEN}{_YEAR}",
        rf"{_YEAR}{_BETWEEN}{_NAMED}",
    )
)
"""From the fullest to the barest; of two that fit, the one that says more counts."""

_ONLY_YEAR = re.compile(rf"(?<![0-9.,]){_YEAR}(?![0-9]|[.,]\d)")
_ONLY_MONTH = re.compile(rf"(?<![a-z0-9]){_NAMED}(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class PageDate:
    """What a page's observations have in common: a year, with its month or its day where known."""

    year: int
    month: int | None = None
    day: int | None = None

    @property
    def first(self) -> datetime.date:
        """The first day that it may be."""
        return datetime.date(self.year, self.month or 1, self.day or 1)


def find_date(
    page: str, texts: Sequence[str] = (), dates: Dates | None = None, document: str | None = None
) -> PageDate | None:
    """Return the date of a page, `None` where nothing tells it.

    What the collection says of it counts first, then the page's name, then that of the `document`
    it came in, then the `texts` on it: a month and a year together, or one of each alone. A name
    that only says the year is helped out by the month in the texts. Where the collection has a
    pattern for names, no date is looked for in others.
    """
    said = dates or Dates()
    if page in said.pages:
        parts = [int(part) for part in said.pages[page].split("-")]
        return _made(parts[0], *parts[1:])
    if said.pattern is not None:
        found = re.search(said.pattern, page)
        return _of_groups(found) if found else _helped(None, texts)
    for name in (page, document or ""):
        whole = _whole(name)
        if whole is not None:
            return whole
    return _helped(_year_of(page) or _year_of(document or ""), texts)


def month_of(text: str) -> int | None:
    """Return the month whose name or abbreviation a text is, in seven languages; else `None`."""
    return MONTHS.get(re.sub(r"[\s.:,]+", "", plain(text)))


def _helped(year: int | None, texts: Sequence[str]) -> PageDate | None:
    for text in texts:
        whole = _whole(text)
        if whole is not None and year in (None, whole.year):
            return whole
    years = {int(y) for text in texts for y in _ONLY_YEAR.findall(plain(text))}
    months = {MONTHS[m] for text in texts for m in _months_in(text)}
    if year is None and len(years) == 1:
        year = years.pop()
    if year is None:
        return None
    return PageDate(year, months.pop() if len(months) == 1 else None)


def _months_in(text: str) -> list[str]:
    """Return the names of months in a text; `out`, `set` or `mar` only where little else stands."""
    said = plain(text)
    found: list[str] = _ONLY_MONTH.findall(said)
    return found if len(said.split()) <= 4 else [month for month in found if len(month) > 4]


def _year_of(name: str) -> int | None:
    years = set(_ONLY_YEAR.findall(plain(name)))
    return int(years.pop()) if len(years) == 1 else None


def _whole(text: str) -> PageDate | None:
    said = plain(text)
    for pattern in _WHOLE:
        for found in pattern.finditer(said):
            date = _of_groups(found)
            if date is not None and date.month is not None:
                return date
    return None


def _of_groups(found: re.Match[str]) -> PageDate | None:
    groups = found.groupdict()
    year, month, day = (groups.get(name) for name in ("year", "month", "day"))
    if year is None or not year.isdecimal():
        return None
    number = None
    if month is not None:
        number = int(month) if month.isdecimal() else month_of(month)
        if number is None:
            return None
    if day is not None and not day.isdecimal():
        return None
    return _made(int(year), number, None if day is None else int(day))


def _made(year: int, month: int | None = None, day: int | None = None) -> PageDate | None:
    if not 1 <= year <= 9999 or (month is not None and not 1 <= month <= 12):
        return None
    if day is not None and (month is None or not 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    return PageDate(year, month, day)
