"""Review: the least certain places one by one, or a column as a sheet."""

from __future__ import annotations

from fastapi import APIRouter

from web.pages.review import column, queue

router = APIRouter()
for part in (queue, column):
    router.include_router(part.router)
