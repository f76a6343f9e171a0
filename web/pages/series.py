"""Series: a variable of a collection over time, flags marked; a point leads to its ink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from web.lanes import slowly
from web.pages.showing.charts import Frame, frame
from web.pages.showing.signs import UNITS
from web.reading import measured, pages, series
from web.reading.series import Value, Variable
from web.security.principal import Reader
from web.site import TheSite
from web.templating import environment, render

router = APIRouter()

_DOTS = 1_500
"""Points drawn one by one; of more only the flagged ones are, and a line of the rest."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value as it is drawn; `said` describes it, `place` is where its ink is."""

    x: float
    y: float
    said: str
    address: str
    place: str
    flagged: bool


def named(variable: Variable) -> str:
    """Return what a variable is called, with how it was taken and its unit."""
    name = measured.NAMES.get(variable.variable, variable.variable)
    told = variable.statistic == "point" or variable.variable in ("Tx", "Tn", "TGn", "Txs")
    unit = UNITS.get(variable.unit or "", variable.unit)
    return name + ("" if told else f", {variable.statistic}") + (f", {unit}" if unit else "")


environment.globals["named_variable"] = named


@router.get("/series")
@slowly
def show(
    request: Request,
    site: TheSite,
    _who: Reader,
    collection: Annotated[int | None, Query(ge=1)] = None,
    variable: Annotated[str | None, Query(max_length=100)] = None,
    first: Annotated[str | None, Query(max_length=10)] = None,
    last: Annotated[str | None, Query(max_length=10)] = None,
) -> Response:
    """Show the series of a collection's variable; the first of both where none is named."""
    context: dict[str, Any] = {
        "chart": None,
        "points": (),
        "paths": (),
        "values": 0,
        "known": (),
        "chosen": None,
    }
    with site.reading() as connection:
        collections = pages.collections(connection)
        ids = [each.id for each in collections]
        chosen = collection if collection in ids else (ids[0] if ids else None)
        context |= {"collections": collections, "collection": chosen}
        context |= {"first": first or "", "last": last or "", "cut": False, "flagged": 0}
        if chosen is not None:
            known = series.variables(connection, chosen)
            context["known"] = known
            wanted = next((each for each in known if each.key == variable), None)
            wanted = wanted or (known[0] if known else None)
            if wanted is not None:
                found = series.values(connection, chosen, wanted, _day(first), _day(last))
                context |= {"chosen": wanted, "values": len(found)}
                if found:
                    drawn = frame([v.time for v in found], [v.value for v in found])
                    points = _points(found, drawn, UNITS.get(wanted.unit or "", wanted.unit))
                    context |= {
                        "chart": drawn,
                        "points": points,
                        "paths": _paths(found, drawn),
                        "cut": len(found) == series.MOST,
                        "flagged": sum(bool(value.flags) for value in found),
                    }
    return render(request, "series/series.html", context)


def _points(values: Sequence[Value], drawn: Frame, unit: str | None) -> list[Point]:
    shown = values if len(values) <= _DOTS else [v for v in values if v.flags][:_DOTS]
    return [
        Point(
            drawn.x(value.time),
            drawn.y(value.value),
            f"{_when(value)}: {value.value:g}{f' {unit}' if unit else ''}"
            + (f", flagged: {', '.join(value.flags).replace('_', ' ')}" if value.flags else ""),
            f"/pages/{value.page_id}?cell={value.table},{value.row},{value.column}",
            f"/pages/{value.page_id}/places/cell-{value.table}-{value.row}-{value.column}?look=true",
            bool(value.flags),
        )
        for value in shown
    ]


def _paths(values: Sequence[Value], drawn: Frame) -> list[str]:
    """Return lines through the values, broken where time is missing; drawn no finer than seen."""
    gaps = [(b.time - a.time).total_seconds() for a, b in pairwise(values)]
    longest = 4 * median(gaps) if gaps else 0
    paths: list[list[str]] = [[]]
    last: Value | None = None
    for value in _thinned(values, drawn):
        if last is not None and (value.time - last.time) > timedelta(seconds=max(longest, 86_400)):
            paths.append([])
        paths[-1].append(f"{drawn.x(value.time)},{drawn.y(value.value)}")
        last = value
    return [" ".join(path) for path in paths if len(path) > 1]


def _thinned(values: Sequence[Value], drawn: Frame) -> list[Value]:
    """Return the lowest and highest value of each pixel's width, in the order of time."""
    if len(values) <= _DOTS:
        return list(values)
    columns: dict[int, list[Value]] = {}
    for value in values:
        columns.setdefault(int(drawn.x(value.time)), []).append(value)
    kept = []
    for column in columns.values():
        ends = {id(v): v for v in (min(column, key=_value), max(column, key=_value))}
        kept += sorted(ends.values(), key=lambda value: value.time)
    return kept


def _value(value: Value) -> float:
    return value.value


def _when(value: Value) -> str:
    if value.local_time is None:
        return value.date.isoformat()
    return f"{value.time:%Y-%m-%d %H:%M}"


def _day(said: str | None) -> date | None:
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        return None
