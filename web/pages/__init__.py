"""The pages: search, page, review, jobs, series, SQL."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from web.security.principal import Reader
from web.templating import render

router = APIRouter(include_in_schema=False)


@router.get("/")
def front(request: Request, _who: Reader) -> Response:
    return render(request, "front.html")
