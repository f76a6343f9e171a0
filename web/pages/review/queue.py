"""The queue: one place at a time, the least certain first; Enter accepts, typing corrects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage import leases, review
from storage.corrections import Conflict, LinePlace, correct, withdraw
from storage.leases import Lease
from storage.review import Cursor, Item
from web.pages.page.correct import author
from web.pages.page.view import in_effect, named, place_of
from web.pages.showing.ink import cut_out
from web.pages.showing.signs import explain, status_of, tally
from web.problems import Problem
from web.reading import pages
from web.security.principal import Corrector, Reader
from web.site import Site, TheSite
from web.templating import render

router = APIRouter()

_ALTERNATIVES = 6

After = Annotated[str, Form(max_length=100)]


@router.get("/review")
def overview(request: Request, site: TheSite, who: Reader) -> Response:
    """Show how far the review of each collection is."""
    with site.reading() as connection:
        listed = [
            (each, review.progress(connection, each.id, who.name))
            for each in pages.collections(connection)
        ]
    return render(request, "review/overview.html", {"listed": listed})


@router.get("/review/{collection_id}")
def queue(request: Request, site: TheSite, who: Corrector, collection_id: int) -> Response:
    """Show the queue of a collection; its first item is asked for once the page is there."""
    author(who)
    with site.reading() as connection:
        name = pages.collection_name(connection, collection_id)
    return render(request, "review/queue.html", {"id": collection_id, "name": name})


@router.post("/review/{collection_id}/next")
def following(
    request: Request, site: TheSite, who: Corrector, collection_id: int, after: After = ""
) -> Response:
    """Give the next place that nobody else looks at."""
    return _next(request, site, who, collection_id, _cursor(after), said="")


@router.post("/review/{collection_id}/answer")
def answer(
    request: Request,
    site: TheSite,
    who: Corrector,
    collection_id: int,
    page: Annotated[int, Form()],
    run: Annotated[int, Form()],
    place: Annotated[str, Form(max_length=60)],
    was: Annotated[str, Form(max_length=10_000)] = "",
    answer: Annotated[str, Form(max_length=10_000)] = "",
    seen: Annotated[int | None, Form()] = None,
    after: After = "",
) -> Response:
    """Keep what was said of a place, accepted or corrected, and give the next one."""
    where = _place(place)
    name = author(who)
    try:
        with site.changing(who, "correction.make", page=page, place=place) as connection:
            before = _verified(connection, page, run)
            made = correct(connection, page, run, where, answer.strip(), name, seen)
            gained = _verified(connection, page, run) - before
    except Conflict as conflict:
        newest = conflict.newest
        said = (
            f"Not saved: {newest.author} says “{newest.text}” there by now."
            if newest
            else "Not saved: the correction that you saw was taken back."
        )
        return _next(request, site, who, collection_id, _cursor(after), said=said, bad=True)
    done = f"“{made.text}” " + ("accepted" if made.text == was else f"in place of “{was}”")
    more = f" · {gained - 1} other cells are verified with it" if gained > 1 else ""
    return _next(request, site, who, collection_id, _cursor(after), said=done + more)


@router.post("/review/{collection_id}/undo")
def undo(
    request: Request, site: TheSite, who: Corrector, collection_id: int, after: After = ""
) -> Response:
    """Take back one's newest answer in the collection, and show its place again."""
    name = author(who)
    with site.changing(who, "correction.withdraw", collection=collection_id) as connection:
        newest = connection.scalar(
            text(
                "select max(correction.id) from mill.correction"
                " join mill.page on page.id = page_id"
                " where collection_id = :collection and author = :name and withdrawn_at is null"
            ),
            {"collection": collection_id, "name": name},
        )
        if newest is None:
            raise Problem(404, "there is nothing of yours to undo in this collection")
        gone = withdraw(connection, newest, name)
        before = _cursor(after)
        item = Item(gone.page_id, gone.run_id, gone.made_at, before or Cursor())
        leases.take(connection, item.lease, name)
    return _show(request, site, who, collection_id, item, before, f"“{gone.text}” undone")


@router.post("/leases")
def hold(
    request: Request,
    site: TheSite,
    who: Corrector,
    page: Annotated[int, Form()],
    table: Annotated[int, Form()],
    column: Annotated[int, Form()],
) -> Response:
    """Renew the hold on what somebody looks at."""
    with site.database.begin() as connection:
        held = leases.take(connection, Lease(page, table, column), author(who))
    if not held:
        return render(request, "review/lost.html", status=409)
    return Response(status_code=204)


def _next(
    request: Request,
    site: Site,
    who: Corrector,
    collection_id: int,
    after: Cursor | None,
    said: str,
    bad: bool = False,
) -> Response:
    with site.database.begin() as connection:
        item = review.next_item(connection, collection_id, author(who), after)
    return _show(request, site, who, collection_id, item, after, said, bad)


def _show(
    request: Request,
    site: Site,
    who: Corrector,
    collection_id: int,
    item: Item | None,
    before: Cursor | None,
    said: str,
    bad: bool = False,
) -> Response:
    """Show an item; `before` is where the queue stood ahead of it, and where undoing leads back."""
    with site.reading() as connection:
        shown: dict[str, Any] = {
            "id": collection_id,
            "progress": review.progress(connection, collection_id, who.name),
            "said": said,
            "bad": bad,
            "item": item,
            "before": before or "",
        }
        if item is not None:
            shown |= _about(connection, item)
    return render(request, "review/item.html", shown)


def _about(connection: Connection, item: Item) -> Mapping[str, Any]:
    sheet = pages.sheet(connection, item.page_id)
    read = pages.transcription(connection, sheet, item.run_id)
    standing = in_effect(connection, item.page_id).get(item.place)
    size = (read.width, read.height)
    about: dict[str, Any] = {
        "page": sheet,
        "place": named(item.place),
        "seen": None if standing is None else standing.id,
        "tallied": tally(read.tables),
        "lease": item.lease,
    }
    if isinstance(item.place, LinePlace):
        line = read.lines[item.place.number]
        ink = cut_out(item.page_id, line.polygon, size, margin=1.2)
        return about | {
            "reading": line.text,
            "confidence": line.confidence,
            "status": line.status,
            "where": f"line {item.place.number + 1}",
            "checks": [],
            "ink": ink,
            "alternatives": [a.text for a in line.alternatives[:_ALTERNATIVES]],
            "column": None,
        }
    table = read.tables[item.place.table]
    cell = pages.at(table, item.place.row, item.place.column)
    if cell is None:
        raise BadInput(named(item.place), "no such cell", "go on to the next")
    height = max(20.0, cell.polygon[3][1] - cell.polygon[0][1])
    head, label = pages.heads(table)[cell.column], pages.labels(table)[cell.row]
    return about | {
        "reading": cell.text,
        "confidence": cell.confidence,
        "status": status_of(cell),
        "where": f"{head or f'column {cell.column + 1}'} · {label or f'row {cell.row + 1}'}",
        "checks": [explain(check) for check in cell.checks],
        "ink": cut_out(item.page_id, cell.polygon, size, margin=1.5, least_width=16 * height),
        "alternatives": [a.text for a in cell.alternatives[:_ALTERNATIVES]],
        "column": f"/pages/{item.page_id}/tables/{item.place.table}/columns/{cell.column}",
    }


def _verified(connection: Connection, page_id: int, run_id: int) -> int:
    """Count the verified cells of a reading."""
    return int(
        connection.execute(
            text(
                "select count(*) from mill.cell join mill.transcription"
                " on transcription.id = cell.transcription_id"
                " where page_id = :page and run_id = :run and status = 'verified'"
            ),
            {"page": page_id, "run": run_id},
        ).scalar_one()
    )


def _place(said: str) -> Any:
    try:
        return place_of(said)
    except ValueError:
        raise Problem(422, f"{said}: no place of a page; load the page anew") from None


def _cursor(said: str) -> Cursor | None:
    try:
        return Cursor.parse(said) if said else None
    except ValueError:
        raise Problem(422, f"{said}: no place in the queue; begin it anew") from None
