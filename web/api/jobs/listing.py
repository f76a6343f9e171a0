"""Jobs: made by an upload, listed, watched, ended and tried again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage import jobs
from storage.jobs import Failure, Progress
from storage.jobs.pausing import pause, resume
from storage.jobs.retrying import retry
from web.api.common.kinds import JobId
from web.api.common.lists import Cursor, Limit, Listed, listed, read
from web.problems import responses
from web.security.principal import Operator, Principal, Reader
from web.site import Site, TheSite

router = APIRouter(tags=["jobs"])


class Job(BaseModel):
    """What somebody asked for; `sources` and `pages` count them by state."""

    id: int
    kind: str
    collection: str
    run: str | None
    state: str
    paused: bool
    created_at: datetime
    finished_at: datetime | None
    sources: dict[str, int]
    pages: dict[str, int]


class JobWithFailures(Job):
    """A job, with what failed in it: refused sources, then pages set aside."""

    failures: list[Failure] = Field(description="The first hundred.")
    failed: int


_FAILURES = 100

_JOBS = """
    select job.id, kind, collection.name as collection, run.name as run, state,
        paused_at is not null as paused, job.created_at, finished_at
    from mill.job join mill.collection on collection.id = collection_id
    left join mill.run on run.id = run_id
"""


@router.get("/jobs")
def list_jobs(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Listed[Job]:
    """List the jobs, newest first."""
    key = read(cursor, int)
    with site.reading() as connection:
        rows = connection.execute(
            text(
                f"{_JOBS} where cast(:before as bigint) is null or job.id < :before"
                " order by job.id desc limit :limit"
            ),
            {"before": int(key[0]) if key else None, "limit": limit + 1},
        ).all()
        found = [_job(row._asdict(), jobs.progress(connection, row.id)) for row in rows]
    return listed(found, limit, lambda job: [job.id], request, response)


@router.get("/jobs/{job_id}", responses=responses(404))
def get_job(site: TheSite, _who: Reader, job_id: JobId) -> JobWithFailures:
    """Say how far a job is, and what failed in it."""
    with site.reading() as connection:
        return describe(connection, job_id)


@router.post("/jobs/{job_id}/cancel", responses=responses(404))
def cancel_job(site: TheSite, who: Operator, job_id: JobId) -> JobWithFailures:
    """End a job: what is being read may finish, nothing more is begun; what was read stays."""
    return _change(site, who, "job.cancel", jobs.cancel, job_id)


@router.post("/jobs/{job_id}/retry", responses=responses(404))
def retry_job(site: TheSite, who: Operator, job_id: JobId) -> JobWithFailures:
    """Have a job's pages that were set aside, and its refused sources, wait once more."""
    return _change(site, who, "job.retry", retry, job_id)


@router.post("/jobs/{job_id}/pause", responses=responses(404))
def pause_job(site: TheSite, who: Operator, job_id: JobId) -> JobWithFailures:
    """Queue nothing more of a job until it is resumed; what is being read is read to its end."""
    return _change(site, who, "job.pause", pause, job_id)


@router.post("/jobs/{job_id}/resume", responses=responses(404))
def resume_job(site: TheSite, who: Operator, job_id: JobId) -> JobWithFailures:
    """Let a paused job go on where it was."""
    return _change(site, who, "job.resume", resume, job_id)


def _change(
    site: Site,
    who: Principal,
    action: str,
    change: Callable[[Connection, int], object],
    job_id: int,
) -> JobWithFailures:
    """Change a job, note it, and return what has become of it."""
    with site.changing(who, action, job=job_id) as connection:
        describe(connection, job_id)  # there is such a job
        change(connection, job_id)
        return describe(connection, job_id)


def describe(connection: Connection, job_id: int) -> JobWithFailures:
    """Return a job. Raises `BadInput` where there is none."""
    row = connection.execute(text(f"{_JOBS} where job.id = :job"), {"job": job_id}).one_or_none()
    if row is None:
        raise BadInput(f"job {job_id}", "no such job", "see `ledgermill status`")
    failures = jobs.failures(connection, job_id)
    job = _job(row._asdict(), jobs.progress(connection, job_id))
    return JobWithFailures(**job.model_dump(), failures=failures[:_FAILURES], failed=len(failures))


def _job(row: dict[str, object], progress: Progress) -> Job:
    return Job.model_validate({**row, "sources": progress.sources, "pages": progress.pages})
