"""Corrections: what people say stands there; nobody overwrites another's unseen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from storage import catalogue, corrections
from storage.corrections import Conflict, Correction
from storage.corrections.making import hold
from web.api.common import etags
from web.api.common.etags import IfMatch, IfNoneMatch
from web.api.common.kinds import Id, LinePlace, PageId, Place
from web.problems import Problem, responses
from web.security.principal import Corrector, Principal, Reader
from web.site import TheSite

router = APIRouter(tags=["corrections"])


class NewCorrection(BaseModel):
    """What stands at a place, as somebody says who looked at it."""

    run_id: Id = Field(description="The run whose reading the author saw: `run_id` of the page.")
    place: Place
    text: str = Field(max_length=10_000, description="Empty where nothing stands there.")
    seen: Annotated[
        Id | None,
        Field(
            description="`correction` of the line or cell as the author saw it; null for none. "
            "Where it is another by now, nothing is written and the answer is 409."
        ),
    ]


@router.get(
    "/pages/{page_id}/corrections",
    responses={**responses(404), **etags.NOT_MODIFIED},
    response_model=list[Correction],
)
def list_corrections(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> list[Correction] | Response:
    """List all that was ever said of a page, oldest first; `in_effect` tells what stands."""
    with site.reading() as connection:
        etag = etags.quoted(catalogue.version(connection, page_id))
        known = etags.unchanged(if_none_match, etag)
        if known is not None:
            return known
        response.headers["ETag"] = etag
        return corrections.corrections_of(connection, page_id)


@router.post("/pages/{page_id}/corrections", status_code=201, responses=responses(404, 409, 412))
def correct(
    site: TheSite,
    who: Corrector,
    page_id: PageId,
    new: NewCorrection,
    response: Response,
    if_match: IfMatch = None,
) -> Correction:
    """Say what stands at a place; the tables it stands in are read together once more.

    `seen` protects the place. Who wants the whole page to be as they saw it sends its ETag as
    `If-Match`.
    """
    place = new.place
    where: corrections.Place = (
        corrections.LinePlace(place.number)
        if isinstance(place, LinePlace)
        else corrections.CellPlace(place.table, place.row, place.column)
    )
    about = {"page": page_id, **place.model_dump()}
    try:
        with site.changing(who, "correction.make", **about) as connection:
            hold(connection, page_id)
            etags.check(if_match, etags.quoted(catalogue.version(connection, page_id)))
            made = corrections.correct(
                connection, page_id, new.run_id, where, new.text, _author(who), new.seen
            )
            response.headers["ETag"] = etags.quoted(catalogue.version(connection, page_id))
    except Conflict as conflict:
        raise conflicting(conflict) from None
    return made


@router.post("/corrections/{correction_id}/withdraw", responses=responses(404))
def withdraw(
    site: TheSite,
    who: Corrector,
    correction_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> Correction:
    """Take a correction back: what was said before of its place stands again."""
    with site.changing(who, "correction.withdraw", correction=correction_id) as connection:
        return corrections.withdraw(connection, correction_id, _author(who))


def conflicting(conflict: Conflict) -> Problem:
    """Return the problem 409, with the correction that stands there by now as `newest`."""
    newest = conflict.newest
    said = None if newest is None else {"id": newest.id, "text": newest.text, "by": newest.author}
    return Problem(409, str(conflict), newest=said)


def _author(who: Principal) -> str:
    if who.name is None:
        raise Problem(401, "nobody is signed in; sign in to correct")
    return who.name
