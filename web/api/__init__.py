"""The HTTP API, below `/api/v1`."""

from __future__ import annotations

from fastapi import APIRouter

from web.api import me
from web.problems import responses
from workers.settings import Settings

router = APIRouter(prefix="/api/v1", responses=responses())
router.include_router(me.router)


def longer_bodies(settings: Settings) -> dict[str, int]:
    """Return the paths that take uploads, and how many bytes they take."""
    return {"/api/v1/jobs": settings.max_bytes}
