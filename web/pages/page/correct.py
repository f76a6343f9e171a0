"""Corrections in place: what is typed is laid on the page at once, and can be taken back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from pipeline.errors import BadInput
from storage.corrections import Conflict, Correction, corrections_of, withdraw
from storage.corrections import correct as lay_down
from web.pages.page.view import context, named, place_of
from web.problems import Problem
from web.reading import pages
from web.security.principal import Corrector
from web.site import Site, TheSite
from web.templating import render

router = APIRouter()


@router.post("/pages/{page_id}/corrections")
def correct(
    request: Request,
    site: TheSite,
    who: Corrector,
    page_id: int,
    place: Annotated[str, Form(max_length=60)],
    run: Annotated[int, Form()],
    text: Annotated[str, Form(max_length=10_000)] = "",
    seen: Annotated[int | None, Form()] = None,
) -> Response:
    """Say what stands at a place; where somebody else did meanwhile, show both and ask."""
    try:
        where = place_of(place)
    except ValueError:
        raise Problem(422, f"{place}: no place of a page; load the page anew") from None
    name = author(who)
    said = text.strip()
    try:
        with site.changing(who, "correction.make", page=page_id, place=place) as connection:
            made = lay_down(connection, page_id, run, where, said, name, seen)
    except Conflict as conflict:
        return render(
            request,
            "page/conflict.html",
            {
                "action": f"/pages/{page_id}/corrections",
                "run": run,
                "place": place,
                "mine": said,
                "newest": conflict.newest,
            },
            status=409,
        )
    return _after(request, site, page_id, who.name, f"corrected to “{said}”", made.id, where=place)


@router.post("/pages/{page_id}/corrections/{correction_id}/withdraw")
def take_back(
    request: Request, site: TheSite, who: Corrector, page_id: int, correction_id: int
) -> Response:
    """Take one correction back: what was there before stands again."""
    with site.changing(who, "correction.withdraw", page=page_id, id=correction_id) as connection:
        gone = withdraw(connection, correction_id, author(who))
        if gone.page_id != page_id:
            raise BadInput(
                f"correction {correction_id}", "no such one on this page", "load it anew"
            )
    place = named(gone.place or gone.made_at)
    return _after(request, site, page_id, who.name, "undone", None, where=place)


@router.post("/pages/{page_id}/undo")
def undo(request: Request, site: TheSite, who: Corrector, page_id: int) -> Response:
    """Take back the newest correction of one's own that stands on the page."""
    with site.changing(who, "correction.withdraw", page=page_id) as connection:
        gone = undo_newest(connection, page_id, author(who))
    place = named(gone.place or gone.made_at)
    return _after(request, site, page_id, who.name, "undone", None, where=place)


def undo_newest(connection: Connection, page_id: int, name: str) -> Correction:
    """Take back the newest correction by `name` that stands on a page, and return it."""
    mine = [
        each
        for each in corrections_of(connection, page_id)
        if each.in_effect and each.author == name
    ]
    if not mine:
        raise Problem(404, "there is no correction of yours on this page to undo")
    return withdraw(connection, max(mine, key=lambda each: each.id).id, name)


@router.get("/pages/{page_id}/now")
def now(request: Request, site: TheSite, who: Corrector, page_id: int) -> Response:
    """Show what stands on the page by now, others' corrections included."""
    return _after(request, site, page_id, who.name, "", None, where="")


def author(who: Corrector) -> str:
    """Return the name that a correction is made under. Raises `Problem` where there is none."""
    if who.name is None:
        raise Problem(401, "nobody is signed in; sign in to correct")
    return who.name


def _after(
    request: Request,
    site: Site,
    page_id: int,
    viewer: str | None,
    done: str,
    undone_by: int | None,
    where: str,
) -> Response:
    """Return the page's parts that may have changed, and what was done."""
    with site.reading() as connection:
        sheet = pages.sheet(connection, page_id)
        current = sheet.current
        if current is None:
            raise BadInput(sheet.name, "not yet read", "load the page anew")
        shown = context(connection, sheet, current.run_id, viewer)
    return render(
        request,
        "page/changed.html",
        shown | {"editable": True, "done": done, "undo": undone_by, "where": where},
    )
