"""Questions about values: `temperature < -10 in 1947`, and the observations that answer them.

    question   = condition ("and" condition)* [time]
    condition  = what ("<" | "<=" | "=" | ">=" | ">" | "!=") number [unit]
               | what "between" number "and" number [unit]
    what       = "value" | a variable by name (temperature, pressure, rain, ...) or code (ta, p, rr)
    unit       = C | F | hPa | mb | mm | cm | in | inHg | mmHg | m/s | km/h | mph | kn | %
    time       = "in" year | "in" month year | "from" year ["to" year]

`value` looks at every cell that holds a number, as written; a variable at observations, whose row
and column say what and when. With a unit, values that were written in another one are converted;
without, numbers are compared as they were written.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from pipeline.checks.units import STANDARD
from pipeline.errors import BadInput
from pipeline.page import as_polygon
from storage.search import Hit

_TEMPERATURES = ("ta", "Tx", "Tn")
VARIABLES: dict[str, tuple[str, ...]] = {
    "temperature": _TEMPERATURES,
    "temp": _TEMPERATURES,
    "maximum": ("Tx",),
    "max": ("Tx",),
    "minimum": ("Tn",),
    "min": ("Tn",),
    "wet bulb": ("tb",),
    "dew point": ("td",),
    "pressure": ("p", "mslp"),
    "barometer": ("p", "mslp"),
    "rain": ("rr",),
    "rainfall": ("rr",),
    "precipitation": ("rr",),
    "snow": ("sd", "fs"),
    "sunshine": ("ss",),
    "humidity": ("rh",),
    "wind": ("w", "wind_force"),
    "wind direction": ("dd",),
    "cloud": ("n",),
    "clouds": ("n",),
    "visibility": ("vv",),
    "evaporation": ("eee",),
    "vapour": ("e",),
}
"""Words for variables, as the Station Exchange Format calls these."""

CODES = frozenset(code for codes in VARIABLES.values() for code in codes) | {
    *("atb", "Txs", "TGn", "TGs", "rrls", "sw", "fx", "fm", "t_snow", "Ts"),
}

NAMES = {
    "ta": "Air temperature",
    "Tx": "Maximum temperature",
    "Tn": "Minimum temperature",
    "tb": "Wet-bulb temperature",
    "td": "Dew point",
    "atb": "Temperature at the barometer",
    "Txs": "Maximum in the sun",
    "TGn": "Minimum on the grass",
    "p": "Pressure",
    "mslp": "Pressure at sea level",
    "rr": "Precipitation",
    "sd": "Snow depth",
    "fs": "Fresh snow",
    "ss": "Sunshine",
    "rh": "Relative humidity",
    "w": "Wind speed",
    "wind_force": "Wind force",
    "dd": "Wind direction",
    "n": "Cloud cover",
    "vv": "Visibility",
    "eee": "Evaporation",
    "e": "Vapour pressure",
}

_MONTHS = "january february march april may june july august september october november december"
_MONTH = {name[:3]: number for number, name in enumerate(_MONTHS.split(), 1)}

_UCUM = {
    "c": "Cel", "°c": "Cel", "celsius": "Cel",
    "f": "[degF]", "°f": "[degF]", "fahrenheit": "[degF]",
    "hpa": "hPa", "mb": "hPa", "mbar": "hPa",
    "mm": "mm", "cm": "cm", "in": "[in_i]", "inches": "[in_i]",
    "inhg": "[in_i'Hg]", "mmhg": "mm[Hg]",
    "m/s": "m/s", "km/h": "km/h", "mph": "[mi_i]/h", "kn": "[kn_i]",
    "%": "%",
}  # fmt: skip
"""What people write for units, in lower case, as UCUM writes it."""

_KINDS = (
    frozenset({"Cel", "[degF]", "[degRe]"}),
    frozenset({"hPa", "[in_i'Hg]", "mm[Hg]", "cm[Hg]", "[in_fr'Hg]", "[lne_fr'Hg]"}),
    frozenset({"mm", "cm", "[in_i]", "[in_fr]", "[lne_fr]", "[ft_i]"}),
    frozenset({"m/s", "km/h", "[mi_i]/h", "[kn_i]"}),
)
"""Units of the same thing, between which values are converted."""

_NUMBER = r"[-+−]?\d+(?:[.,·]\d+)?"
_UNIT = r"(?:\s*(?P<unit>°?[CF]\b|celsius|fahrenheit|hpa|mbar|mb|mmhg|inhg|mm|cm|inches|in(?!\s+(?:\d{3,4}|[a-z]{3,9}\s+\d{3,4})\b)|m/s|km/h|mph|kn|%)(?![\w/]))?"  # noqa: E501
_WHAT = r"(?P<what>[^\W\d]\w*(?: [^\W\d]\w*)?)"
_COMPARED = re.compile(
    rf"{_WHAT}\s*(?P<sign><=|>=|!=|<|>|=|≤|≥|≠)\s*(?P<number>{_NUMBER}){_UNIT}",
    re.I,
)
_BETWEEN = re.compile(
    rf"{_WHAT}\s+between\s+(?P<low>{_NUMBER})\s+and\s+(?P<high>{_NUMBER}){_UNIT}",
    re.I,
)
_YEAR = r"1[5-9]\d\d|20\d\d"
_TIMES = (
    re.compile(rf"in\s+(?P<year>{_YEAR})", re.I),
    re.compile(rf"in\s+(?P<month>[a-z]{{3,9}})\s+(?P<year>{_YEAR})", re.I),
    re.compile(
        rf"(?:from|since)\s+(?P<year>{_YEAR})(?:\s+(?:to|until)\s+(?P<last>{_YEAR}))?", re.I
    ),
)
_AND = re.compile(r"\s+and\s+|\s+", re.I)
_MEANT = re.compile(rf"[<>≤≥≠]|!=|=\s*{_NUMBER}|\bbetween\s+{_NUMBER}\s+and\b", re.I)
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "<>", "!=": "<>"}

_SECONDS = 20
_EXAMPLE = "write, say, temperature < -10 C in 1947, or value between 29 and 30"

_OBSERVED = """
    select collection.name as collection, observation.page, observation.page_id, 'cell' as kind,
        null::int as number, observation.table_number as table, observation.row_number as row,
        observation.column_number as column, observation.as_written as text, observation.value,
        observation.polygon, observation.confidence, run.name as run, 0::real as score, 0 as step
    from mill.observation
    join mill.page on page.id = observation.page_id and page.current_run_id = observation.run_id
    join mill.collection on collection.id = observation.collection_id
    join mill.run on run.id = observation.run_id
    where {conditions}
        and (cast(:collection as text) is null or collection.name = :collection)
    order by observation.date, observation.local_time, observation.page_id, table_number,
        row_number, column_number
    limit :limit
"""

_CELLS = """
    select collection.name as collection, page.name as page, page.id as page_id, 'cell' as kind,
        null::int as number, cell."table", cell."row", cell."column", cell.text, cell.value,
        array[cell.polygon[1:2], cell.polygon[3:4], cell.polygon[5:6], cell.polygon[7:8]]
            as polygon,
        cell.confidence, run.name as run, 0::real as score, 0 as step
    from mill.cell
    join mill.transcription on transcription.id = cell.transcription_id
    join mill.page on page.id = transcription.page_id
        and page.current_run_id = transcription.run_id
    join mill.collection on collection.id = page.collection_id
    join mill.run on run.id = transcription.run_id
    where {conditions}
        and (cast(:collection as text) is null or collection.name = :collection)
    limit :limit
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a value must be: `variables` is empty for any number in a cell; `unit` is UCUM's."""

    variables: tuple[str, ...]
    sign: str
    low: float
    high: float | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """Conditions that must all hold, of observations from `first` to before `end`."""

    conditions: tuple[Condition, ...]
    first: datetime.date | None = None
    end: datetime.date | None = None


def is_question(query: str) -> bool:
    """Tell whether a query asks for values, and not for words."""
    return _MEANT.search(query) is not None


def parse(query: str) -> Question:
    """Return the question that a query asks. Raises `BadInput`, with the remedy, where unclear."""
    conditions: list[Condition] = []
    first = end = None
    rest = query.strip()
    while rest:
        if found := _BETWEEN.match(rest):
            low, high = _number(found["low"]), _number(found["high"])
            if low > high:
                raise _wrong(query, f"{found['low']} is more than {found['high']}")
            conditions.append(
                Condition(_variables(query, found["what"]), "between", low, high, _unit(found))
            )
        elif found := _COMPARED.match(rest):
            sign = _SIGNS.get(found["sign"], found["sign"])
            conditions.append(
                Condition(
                    _variables(query, found["what"]),
                    sign,
                    _number(found["number"]),
                    unit=_unit(found),
                )
            )
        elif found := next(filter(None, (time.match(rest) for time in _TIMES)), None):
            if first is not None:
                raise _wrong(query, "it names two times")
            first, end = _time(query, found)
        else:
            raise _wrong(query, f"{rest.split()[0]!r} is not understood")
        rest = rest[found.end() :]
        joint = _AND.match(rest)
        if rest and not joint:
            raise _wrong(query, f"{rest.split()[0]!r} is not understood")
        rest = rest[joint.end() :] if joint else rest
    if not conditions:
        raise _wrong(query, "it compares no value")
    kinds = {bool(condition.variables) for condition in conditions}
    if len(kinds) > 1:
        raise _wrong(query, "it mixes `value` and variables")
    if first is not None and kinds == {False}:
        raise _wrong(query, "cells as such have no time; name a variable")
    if len(conditions) > 1 and len({condition.variables for condition in conditions}) > 1:
        raise _wrong(query, "one value cannot be of two variables")
    return Question(tuple(conditions), first, end)


def find(
    connection: Connection, query: str, collection: str | None = None, limit: int = 300
) -> list[Hit]:
    """Return the cells that answer a question, by time, at most `limit`.

    Raises `BadInput` where the question is not understood.
    """
    question = parse(query)
    parameters: dict[str, Any] = {"collection": collection, "limit": limit}
    observed = bool(question.conditions[0].variables)
    said = [
        _statement(condition, number, parameters)
        for number, condition in enumerate(question.conditions)
    ]
    if observed:
        said.append("observation.variable = any(:variables)")
        parameters["variables"] = list(question.conditions[0].variables)
    if question.first is not None:
        said.append("observation.date >= :first and observation.date < :end")
        parameters |= {"first": question.first, "end": question.end}
    connection.execute(text(f"set local statement_timeout = '{_SECONDS}s'"))
    statement = (_OBSERVED if observed else _CELLS).format(conditions=" and ".join(said))
    return [
        Hit(**{**row, "polygon": as_polygon(row["polygon"])})
        for row in connection.execute(text(statement), parameters).mappings()
    ]


def _statement(condition: Condition, number: int, parameters: dict[str, Any]) -> str:
    """Return a condition as SQL, its numbers among the parameters, for each unit there may be."""
    value = "observation.value" if condition.variables else "cell.value"
    unit = "observation.unit" if condition.variables else "cell.unit"
    if condition.unit is None:
        return _compared(value, condition, f"n{number}", parameters)
    kind = next((kind for kind in _KINDS if condition.unit in kind), frozenset({condition.unit}))
    choices = []
    for place, code in enumerate(sorted(kind)):
        name = f"n{number}_{place}"
        parameters[f"{name}_unit"] = code
        compared = _compared(value, condition, name, parameters, code)
        choices.append(f"({unit} = :{name}_unit and {compared})")
    return f"({' or '.join(choices)})"


def _compared(
    value: str,
    condition: Condition,
    name: str,
    parameters: dict[str, Any],
    written: str | None = None,
) -> str:
    def among(number: float) -> float:
        if written is None or condition.unit is None or written == condition.unit:
            return number
        ours, theirs = STANDARD[condition.unit], STANDARD[written]
        return (number * ours[0] + ours[1] - theirs[1]) / theirs[0]

    parameters[name] = among(condition.low)
    if condition.high is None:
        return f"{value} {condition.sign} :{name}"
    parameters[f"{name}_high"] = among(condition.high)
    return f"{value} between :{name} and :{name}_high"


def _variables(query: str, what: str) -> tuple[str, ...]:
    words = what.strip()
    if words.lower() in ("value", "cell", "number"):
        return ()
    if words in CODES:
        return (words,)
    known = VARIABLES.get(words.lower())
    if known is None:
        named = ", ".join(sorted(name for name in VARIABLES if " " not in name))
        raise BadInput(repr(query), f"{words!r} is no variable", f"name one of: value, {named}")
    return known


def _unit(found: re.Match[str]) -> str | None:
    return None if found["unit"] is None else _UCUM[found["unit"].lower()]


def _number(written: str) -> float:
    return float(written.replace("−", "-").replace(",", ".").replace("·", "."))


def _time(query: str, found: re.Match[str]) -> tuple[datetime.date, datetime.date]:
    said = found.groupdict()
    year = int(said["year"])
    last = int(said.get("last") or (year if "month" in said or "last" not in said else 2100))
    if said.get("month"):
        month = _MONTH.get(said["month"].lower()[:3])
        if month is None:
            raise _wrong(query, f"{said['month']!r} is no month")
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        return datetime.date(year, month, 1), datetime.date(*following, 1)
    if last < year:
        raise _wrong(query, f"{last} is before {year}")
    return datetime.date(year, 1, 1), datetime.date(last + 1, 1, 1)


def _wrong(query: str, reason: str) -> BadInput:
    return BadInput(repr(query), reason, _EXAMPLE)
