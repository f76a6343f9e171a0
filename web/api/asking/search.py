"""Search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from storage.search import Hit
from storage.search import search as find
from web.api.common.kinds import InCollection
from web.api.common.lists import Listed, link
from web.lanes import searching
from web.problems import responses
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(tags=["search"])


@router.get("/search", responses=responses(404))
@searching
def search(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            description='Words, "a phrase", one or other, -not; a number finds its cells.',
        ),
    ],
    fuzzy: Annotated[bool, Query(description="Also words that are spelled nearly so.")] = False,
    collection: InCollection = None,
    cursor: Annotated[
        str | None, Query(max_length=500, description="`next` of the part before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=300, description="Hits at most.")] = 20,
) -> Listed[Hit]:
    """Find lines and cells, the best first."""
    with site.reading() as connection:
        hits = find(
            connection, q, fuzzy=fuzzy, collection=collection, limit=limit + 1, after=cursor
        )
    following = hits[limit - 1].cursor if len(hits) > limit else None
    link(following, request, response)
    return Listed(items=hits[:limit], next=following)
