"""Jobs: what runs, what failed and why, tried again at a key; how fast, and how sure."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from storage.jobs import Overview, failures, overview, progress, troubles
from storage.jobs.retrying import retry
from web.pages.showing.charts import Bars, bars
from web.problems import Problem
from web.reading import working
from web.security.principal import Operator, Reader
from web.site import TheSite
from web.templating import render

router = APIRouter()

_LISTED = 25
_FAILURES = 200


@router.get("/jobs")
def jobs(request: Request, site: TheSite, who: Reader) -> Response:
    """Show the jobs that run and the latest that ran, with charts."""
    with site.reading() as connection:
        context = _now(connection)
        ids = [each.job_id for each in context["jobs"]]
        context |= {
            "speed": _speed(working.throughput(connection, ids)),
            "sure": _sure(working.confidences(connection)),
            "quarantined": working.quarantined(connection),
            "operator": who.may("operator"),
        }
    return render(request, "jobs/jobs.html", context)


@router.get("/jobs/now")
def now(request: Request, site: TheSite, _who: Reader) -> Response:
    """Show what has become of the jobs meanwhile."""
    with site.reading() as connection:
        context = _now(connection)
    return render(request, "jobs/list.html", context)


@router.get("/jobs/{job_id}")
def job(request: Request, site: TheSite, who: Reader, job_id: int) -> Response:
    """Show one job: how far it is, what failed in it and why."""
    with site.reading() as connection:
        try:
            state = progress(connection, job_id)
        except LookupError:
            raise Problem(404, f"job {job_id}: no such job; see the list of jobs") from None
        failed = failures(connection, job_id)
        context = {
            "job_id": job_id,
            "progress": state,
            "failures": failed[:_FAILURES],
            "more": max(0, len(failed) - _FAILURES),
            "quarantined": working.quarantined(connection, job_id),
            "troubles": troubles(connection, job_id),
            "operator": who.may("operator"),
        }
    partial = request.headers.get("hx-request") == "true"
    return render(request, "jobs/job_now.html" if partial else "jobs/job.html", context)


@router.post("/jobs/{job_id}/retry")
def try_again(
    site: TheSite,
    who: Operator,
    job_id: int,
    page: Annotated[int | None, Form()] = None,
) -> Response:
    """Have what a job set aside, or one page of it, wait once more."""
    with site.changing(who, "job.retry", job=job_id, page=page) as connection:
        retry(connection, job_id, page)
    return RedirectResponse(f"/jobs/{job_id}", 303)


def _now(connection: Connection) -> dict[str, Any]:
    listed = overview(connection, _LISTED)
    return {
        "jobs": listed,
        "running": any(not each.progress.finished for each in listed),
        "troubles": {each.job_id: each for each in troubles(connection)},
        "share": share,
    }


def share(job: Overview) -> float:
    """Return what part of a job's pages is done or set aside, from 0 to 1."""
    pages = job.progress.pages
    total = sum(pages.values())
    return (pages.get("done", 0) + pages.get("quarantined", 0)) / total if total else 0.0


def _speed(found: working.Throughput) -> Bars | None:
    if found.first is None:
        return None
    starts = [
        found.first + timedelta(seconds=found.seconds * number)
        for number in range(len(found.counts))
    ]
    form = "%H:%M" if found.seconds < 86_400 and len(starts) * found.seconds < 86_400 else "%d %b"
    span = {60: "minute", 300: "5 minutes", 900: "quarter", 3600: "hour", 21_600: "6 hours"}
    said = [
        f"{start:%Y-%m-%d %H:%M}: {count} pages in that {span.get(found.seconds, 'day')}"
        for start, count in zip(starts, found.counts, strict=True)
    ]
    return bars(found.counts, [f"{start:{form}}" for start in starts], said)


def _sure(counts: list[int]) -> Bars | None:
    if not any(counts):
        return None
    said = [f"{5 * part} to {5 * part + 5} %: {count} pages" for part, count in enumerate(counts)]
    return bars(counts, [f"{5 * part} %" for part in range(20)], said)
