"""A station: where and by which clock the pages of a collection were written, as a TOML file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from pipeline.errors import BadInput

Statistic = Literal["point", "mean", "maximum", "minimum", "sum"]
"""How a value was made of what was observed, as the Station Exchange Format names it."""

SOLAR = "solar"
_OFFSET = re.compile(r"([+-])(\d{1,2}):?([0-5]\d)?")
_CLOCK = re.compile(r"([01]?\d|2[0-4]):?([0-5]\d)")
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")

TEMPLATE = """\
# A station: the pages of one collection were written there.
id = "MY_STATION"          # letters, digits, . _ -
name = "My station"
latitude = 56.8169         # degrees north
longitude = -5.1117        # degrees east
altitude = 12              # metres; leave it out where it is not known
# The clock of the observers: an IANA zone ("Europe/London"), hours from UTC ("+01:00"),
# or "solar" for local mean time by the longitude.
time = "solar"
source = ""                # of the register: an archive, a project
link = ""

# [meta]                   # for every file's head
# Observer = "A. Name"
# [meta.p]                 # for that of one variable
# PTC = "Y"

# [dates]                  # where page names or heads do not tell them by themselves
# pattern = '(?P<year>\\d{4})_(?P<month>\\d\\d)'
# [dates.pages]
# IMG_0001 = "1898-01"

# [[columns]]              # where heads do not say what a column holds
# head = "barom"           # a pattern that its head holds; or: number = 3, counted from 0
# variable = "p"           # "" leaves the column out
# unit = "[in_i'Hg]"
# statistic = "point"
# hour = "09:00"
# [[columns]]              # 24 columns of hours, from 1 to midnight, that have no heads
# number = 1
# last = 24
# hour = "01:00"
# every = "01:00"
"""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ObservedColumn(_Frozen):
    """What the columns hold whose head matches `head`, or those from `number` (from 0) to `last`.

    What is `None` is told by the page; an empty `variable` leaves the columns out. `unit` is
    UCUM's, `hour` the local time of the observation, `HH:MM`; where each column is of a later hour
    than the one before it, `every` says by how much.
    """

    head: str | None = None
    number: int | None = Field(None, ge=0)
    last: int | None = Field(None, ge=0)
    variable: str | None = Field(None, pattern=r"^[A-Za-z0-9_]*$")
    unit: str | None = Field(None, min_length=1)
    statistic: Statistic | None = None
    hour: str | None = None
    every: str | None = None

    @field_validator("head")
    @classmethod
    def _is_pattern(cls, head: str | None) -> str | None:
        return None if head is None else _checked(head)

    @field_validator("hour", "every")
    @classmethod
    def _is_clock(cls, hour: str | None) -> str | None:
        if hour is not None and (_CLOCK.fullmatch(hour) is None or minutes_of(hour) > 1440):
            raise ValueError(f"{hour!r} is no time of day; write it as 09:00")
        return hour

    @model_validator(mode="after")
    def _ends_in_a_day(self) -> ObservedColumn:
        if self.number is None and (self.last is not None or self.every is not None):
            raise ValueError("last and every need the number of the first column")
        if self.number is not None and self.last is not None:
            if self.last < self.number:
                raise ValueError("the last column stands before the first")
            if (self.minutes_of(self.last) or 0) > 1440:
                raise ValueError("the last column's hour is after midnight")
        return self

    def minutes_of(self, number: int) -> int | None:
        """Return the local time of a column that this speaks of, in minutes after midnight."""
        if self.hour is None:
            return None
        later = number - (self.number or 0) if self.every is not None else 0
        return minutes_of(self.hour) + later * minutes_of(self.every or "0:00")

    def speaks_of(self, number: int, head: str) -> bool:
        """Return whether this is said of column `number`, above which `head` stands."""
        if self.head is None and self.number is None:
            return False
        named = self.head is None or re.search(self.head, head, re.I) is not None
        if self.number is None:
            return named
        last = self.number if self.last is None else self.last
        return named and self.number <= number <= last


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one column; `None` where nothing is. `minutes` are those of local time."""

    variable: str | None = None
    unit: str | None = None
    statistic: Statistic | None = None
    minutes: int | None = None


class Dates(_Frozen):
    """Where the dates of pages stand.

    `pattern` is searched in a page's name; its groups `year`, `month` and `day` are numbers, or
    `month` a name. `pages` says the dates of single pages: 1898, 1898-01, 1898-01-31.
    """

    pattern: str | None = None
    pages: dict[str, str] = {}

    @field_validator("pattern")
    @classmethod
    def _is_pattern(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        named = set(re.compile(_checked(pattern)).groupindex)
        if not named or named - {"year", "month", "day"}:
            raise ValueError("name its groups (?P<year>…), (?P<month>…) and (?P<day>…)")
        return pattern

    @field_validator("pages")
    @classmethod
    def _are_dates(cls, pages: dict[str, str]) -> dict[str, str]:
        for page, date in pages.items():
            if _DATE.fullmatch(date) is None:
                raise ValueError(f"{page}: {date!r} is no date; write 1898, 1898-01 or 1898-01-31")
        return pages


class Station(_Frozen):
    """Where a collection's pages were written: degrees north and east, metres above the sea.

    `time` is the observers' clock: an IANA zone, hours from UTC (`+01:00`), or `solar` for the
    mean time of the longitude. `meta` goes into the head of exported files, that of a variable's
    name into its own only.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    name: str = ""
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)
    altitude: float | None = Field(None, ge=-500, le=9000)
    time: str
    source: str = ""
    link: str = ""
    meta: dict[str, str | dict[str, str]] = {}
    dates: Dates = Dates()
    columns: tuple[ObservedColumn, ...] = ()

    @field_validator("time")
    @classmethod
    def _is_clock(cls, time: str) -> str:
        offset = _offset(time)
        if offset is None and time != SOLAR and not re.fullmatch(r"[A-Za-z][\w+/-]*", time):
            raise ValueError(f'{time!r} is no clock; write "Europe/London", "+01:00" or "solar"')
        if offset is not None and abs(offset) > timedelta(hours=15):
            raise ValueError(f"{time!r} is no clock: no place is so far from UTC")
        return time

    @property
    def offset(self) -> timedelta | None:
        """How far the clock is ahead of UTC, to the second; `None` where a zone says it."""
        if self.time == SOLAR:
            return timedelta(seconds=round(self.longitude * 240))
        return _offset(self.time)

    @property
    def zone(self) -> str | None:
        """The IANA zone of the clock, `None` where it is a fixed time from UTC."""
        return self.time if self.offset is None else None

    def said_of(self, number: int, head: str) -> Said:
        """Return all that is said of column `number` under `head`; the first to say it counts."""
        said = Said()
        for each in self.columns:
            if each.speaks_of(number, head):
                said = Said(
                    each.variable if said.variable is None else said.variable,
                    said.unit or each.unit,
                    said.statistic or each.statistic,
                    each.minutes_of(number) if said.minutes is None else said.minutes,
                )
        return said


def parse_station(text: str, what: str) -> Station:
    """Return the station that a TOML text says; `what` is the name of its file.

    Raises `BadInput` with the reason where it does not say one.
    """
    try:
        return Station.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(what, f"is no TOML ({error})", "mend it") from error
    except ValidationError as error:
        raise BadInput(what, f"says no station ({_reason(error)})", "mend it") from error


def minutes_of(clock: str) -> int:
    """Return `HH:MM` in minutes after midnight."""
    found = _CLOCK.fullmatch(clock)
    assert found is not None
    return int(found[1]) * 60 + int(found[2])


def _offset(time: str) -> timedelta | None:
    if time.upper() in ("UTC", "GMT", "Z"):
        return timedelta(0)
    found = _OFFSET.fullmatch(time)
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return -offset if found[1] == "-" else offset


def _checked(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern ({error})") from None
    return pattern


def _reason(error: ValidationError) -> str:
    said = []
    for mistake in error.errors()[:3]:
        place = ".".join(str(part) for part in mistake["loc"])
        message = mistake["msg"].removeprefix("Value error, ")
        said.append(f"{place}: {message}" if place else message)
    return "; ".join(said)
