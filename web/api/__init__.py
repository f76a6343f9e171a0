"""The HTTP API, below `/api/v1`: what it takes and answers is in `/api/v1/openapi.json`."""

from __future__ import annotations

from fastapi import APIRouter

from web.api.asking import export, recognize, runs, search, sql
from web.api.jobs import events, listing, uploads
from web.api.library import collections, corrections, pages
from web.api.people import users
from web.problems import responses
from workers.settings import Settings

router = APIRouter(prefix="/api/v1", responses=responses())
for part in (
    *(collections, pages, corrections),
    *(search, sql, export, runs, recognize),
    *(listing, events, uploads),
    users,
):
    router.include_router(part.router)

outside = APIRouter(include_in_schema=False)
"""The same recognizer where services like this have it."""
outside.include_router(recognize.router)


def longer_bodies(settings: Settings) -> dict[str, int]:
    """Return the paths that take uploads, and how many bytes they take."""
    return {
        "/api/v1/jobs": settings.max_bytes,
        "/api/v1/recognize": recognize.MOST_BYTES,
        "/recognize": recognize.MOST_BYTES,
    }
