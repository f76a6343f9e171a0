"""A job's progress as it goes on: server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import asdict

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from pipeline.errors import BadInput, Unavailable
from storage import jobs
from storage.jobs import Progress
from web.api.common.kinds import JobId
from web.problems import responses
from web.security.principal import Reader
from web.site import Site, TheSite

router = APIRouter(tags=["jobs"])

_EVENT = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {"event": {"enum": ["progress", "end"]}, "data": {"type": "string"}},
}
_LOOK_SECONDS = 1.0
_ALIVE_SECONDS = 15.0
_LONGEST_SECONDS = 3600.0
"""After that a browser asks anew by itself."""


@router.get(
    "/jobs/{job_id}/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `progress` whenever it changes, and `end` once the job has "
            "ended; the data is JSON: state, sources and pages by state.",
            "content": {"text/event-stream": {"schema": _EVENT}},
        },
        **responses(404),
    },
)
async def watch_job(
    site: TheSite, _who: Reader, job_id: JobId, request: Request
) -> StreamingResponse:
    """Tell how far a job is, as it goes on."""
    first = await run_in_threadpool(_progress, site, job_id)
    return StreamingResponse(
        _events(site, job_id, first, request),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _events(
    site: Site, job_id: int, first: Progress, request: Request
) -> AsyncIterator[bytes]:
    begun = time.monotonic()
    said, at = first, begun
    yield _event("progress", first)
    while not said.finished and time.monotonic() - begun < _LONGEST_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS)
        if await request.is_disconnected():
            return
        try:
            progress = await run_in_threadpool(_progress, site, job_id)
        except Unavailable:
            progress = said
        if progress != said:
            yield _event("progress", progress)
            said, at = progress, time.monotonic()
        elif time.monotonic() - at > _ALIVE_SECONDS:
            yield b": still there\n\n"
            at = time.monotonic()
    if said.finished:
        yield _event("end", said)


def _event(name: str, progress: Progress) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), to_json(asdict(progress)))


def _progress(site: Site, job_id: int) -> Progress:
    with site.reading() as connection:
        try:
            return jobs.progress(connection, job_id)
        except LookupError:
            raise BadInput(f"job {job_id}", "no such job", "see `ledgermill status`") from None
