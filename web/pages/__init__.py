"""The pages: search, page, review, jobs, series, SQL."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from web.pages import jobs, learning, page, review, search, series, sql
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(include_in_schema=False)
for part in (search, page, review, jobs, learning, series, sql):
    router.include_router(part.router)


@router.get("/")
async def front(request: Request, site: TheSite, who: Reader) -> Response:
    """Show where to look, and what there is."""
    return await search.search(request, site, who, search.Asked("", False, {}))
