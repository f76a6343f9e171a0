"""One page: its scan beside its transcription, corrected in place, compared, taken out."""

from __future__ import annotations

from fastapi import APIRouter

from web.pages.page import compare, correct, export, show

router = APIRouter()
for part in (show, correct, compare, export):
    router.include_router(part.router)
