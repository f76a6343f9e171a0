"""A page as it is read: scan, transcription, and what is known of a place on it."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from pipeline.errors import BadInput
from pipeline.page import Table
from storage.corrections import CellPlace, LinePlace, Place, corrections_of
from web.api.common import etags
from web.lanes import slowly
from web.pages.page.view import context, named, place_of
from web.pages.showing.ink import cut_out, thumbnail
from web.pages.showing.signs import SIGNS, UNITS, explain, status_of
from web.problems import Problem
from web.reading import pages
from web.reading.pages import Sheet
from web.reading.relations import Relation, relations
from web.security.principal import Reader
from web.site import TheSite
from web.templating import BUILD, environment, render

router = APIRouter()

environment.globals |= {"signs": SIGNS, "thumbnail": thumbnail, "units": UNITS}

_ALTERNATIVES = 6

RunId = Annotated[int | None, Query(alias="run", ge=1)]


@router.get("/collections/{collection_id}")
def collection(
    request: Request,
    site: TheSite,
    _who: Reader,
    collection_id: int,
    after: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Show the pages of a collection, some at once."""
    with site.reading() as connection:
        name = pages.collection_name(connection, collection_id)
        listed = pages.pages_of(connection, collection_id, after)
    return render(
        request,
        "page/collection.html",
        {"name": name, "id": collection_id, "pages": listed, "after": after},
    )


@router.get("/pages/{page_id}")
def page(request: Request, site: TheSite, who: Reader, page_id: int, run: RunId = None) -> Response:
    """Show a page as its current run read it, or as another did."""
    with site.at_once() as connection:
        sheet = pages.sheet(connection, page_id)
        run_id = _run(sheet, run)
        if run_id is None:
            return render(request, "page/unread.html", {"page": sheet})
        etag = etags.of(sheet, run_id, who, BUILD)
        known = etags.unchanged(request.headers.get("if-none-match"), etag)
        if known is not None:
            return known
        shown = context(connection, sheet, run_id, who.name)
    shown["editable"] = _editable(sheet, run_id, who)
    return render(request, "page/page.html", shown, headers={"ETag": etag})


@router.get("/pages/{page_id}/places/{said}")
def place(
    request: Request,
    site: TheSite,
    who: Reader,
    page_id: int,
    said: str,
    run: RunId = None,
    look: bool = False,
) -> Response:
    """Show what is known of a place: its ink, what else it may say, what checks and people said.

    With `look` it is only to be looked at, from elsewhere, and leads to its page.
    """
    with site.reading() as connection:
        sheet = pages.sheet(connection, page_id)
        run_id = _run(sheet, run)
        if run_id is None:
            raise BadInput(sheet.name, "not yet read", "wait for its job")
        transcription = pages.transcription(connection, sheet, run_id)
        where = _place(said)
        history = [
            each
            for each in corrections_of(connection, page_id)
            if (each.place or each.made_at) == where
        ]
    shown: dict[str, Any] = {
        "page": sheet,
        "run_id": run_id,
        "place": named(where),
        "history": history,
        "look": look,
        "editable": not look and _editable(sheet, run_id, who),
    }
    size = (transcription.width, transcription.height)
    if isinstance(where, LinePlace):
        if where.number >= len(transcription.lines):
            raise BadInput(said, "no such line", "load the page anew")
        line = transcription.lines[where.number]
        shown |= {"line": line, "cell": None, "ink": cut_out(page_id, line.polygon, size)}
        alternatives = line.alternatives
    else:
        table, cell = _cell(transcription.tables, where)
        wider = 6 * max(20.0, cell.polygon[3][1] - cell.polygon[0][1])
        shown |= {
            "line": None,
            "cell": cell,
            "status": status_of(cell),
            "head": pages.heads(table)[cell.column],
            "label": pages.labels(table)[cell.row],
            "checks": [explain(check) for check in cell.checks],
            "ink": cut_out(page_id, cell.polygon, size, least_width=wider),
        }
        alternatives = cell.alternatives
    shown["alternatives"] = [
        (each.text, math.exp(each.logprob)) for each in alternatives[:_ALTERNATIVES]
    ]
    return render(request, "page/place.html", shown)


@router.get("/pages/{page_id}/relations/{number}")
@slowly
def relations_of(
    request: Request, site: TheSite, _who: Reader, page_id: int, number: int, run: RunId = None
) -> Response:
    """Show what must add up in a table, and which cells that concerns."""
    with site.reading() as connection:
        sheet = pages.sheet(connection, page_id)
        run_id = _run(sheet, run)
        if run_id is None:
            raise BadInput(sheet.name, "not yet read", "wait for its job")
        transcription = pages.transcription(connection, sheet, run_id)
    if number >= len(transcription.tables):
        raise BadInput(f"table {number}", "no such table", "load the page anew")
    notes = tuple(line.text for line in transcription.lines)
    found = _relations(replace(transcription.tables[number], relations=()), notes)
    return render(
        request, "page/relations.html", {"page": sheet, "number": number, "relations": found}
    )


@lru_cache(maxsize=32)
def _relations(table: Table, notes: tuple[str, ...]) -> tuple[Relation, ...]:
    return tuple(relations(table, pages.heads(table), pages.labels(table), notes))


def _run(sheet: Sheet, asked: int | None) -> int | None:
    if asked is not None:
        return sheet.reading(asked).run_id
    return None if sheet.current is None else sheet.current.run_id


def _editable(sheet: Sheet, run_id: int, who: Reader) -> bool:
    return who.may("corrector") and who.name is not None and sheet.reading(run_id).current


def _place(said: str) -> Place:
    try:
        return place_of(said)
    except ValueError:
        raise Problem(404, f"{said}: no place of a page; load the page anew") from None


def _cell(tables: tuple[Table, ...], where: CellPlace) -> tuple[Table, Any]:
    if where.table < len(tables):
        table = tables[where.table]
        found = pages.at(table, where.row, where.column)
        if found is not None:
            return table, found
    raise BadInput(named(where), "no such cell", "load the page anew")
