"""What the workers do and have done: failures with their pictures, throughput, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

_MOST = 200
_RECENT = 20_000

_QUARANTINED = """
    select quarantine.job_id, page.id as page_id, page.name as page, collection.name as collection,
        quarantine.reason, quarantine.created_at as at, job_page.attempts
    from mill.quarantine
    join mill.page on page.id = quarantine.page_id
    join mill.collection on collection.id = page.collection_id
    join mill.job_page on job_page.job_id = quarantine.job_id
        and job_page.page_id = quarantine.page_id
    where cast(:job as bigint) is null or quarantine.job_id = :job
    order by quarantine.created_at desc limit :limit
"""

_FINISHED = """
    select date_bin(make_interval(secs => :step), finished_at, timestamptz '2000-01-01') as start,
        count(*) as pages
    from mill.job_page
    where job_id = any(:jobs) and state = 'done' and finished_at is not null
        and finished_at > clock_timestamp() - interval '7 days'
    group by 1 order by 1
"""

_SPAN = """
    select min(finished_at) as first, max(finished_at) as last
    from mill.job_page
    where job_id = any(:jobs) and state = 'done'
        and finished_at > clock_timestamp() - interval '7 days'
"""

_CONFIDENCES = """
    select least(19, floor(confidence * 20))::int as part, count(*) as pages
    from (
        select transcription.confidence from mill.transcription
        join mill.page on page.id = transcription.page_id
            and page.current_run_id = transcription.run_id
        where transcription.confidence is not null
        order by transcription.id desc limit :limit
    ) as recent
    group by part
"""

_STEPS = (60, 300, 900, 3600, 6 * 3600, 86_400)
"""Seconds that a bar of the throughput may stand for."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A page that was set aside, and why."""

    job_id: int
    page_id: int
    page: str
    collection: str
    reason: str
    at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Throughput:
    """Pages finished in spans of `seconds`, from `first` on, without gaps."""

    first: datetime | None
    seconds: int
    counts: list[int]


def quarantined(connection: Connection, job_id: int | None = None) -> list[Quarantined]:
    """Return the pages that a job, or any job, set aside, the latest first."""
    rows = connection.execute(text(_QUARANTINED), {"job": job_id, "limit": _MOST})
    return [Quarantined(**row) for row in rows.mappings()]


def throughput(connection: Connection, jobs: Sequence[int]) -> Throughput:
    """Return how fast pages of some jobs were finished within the last week."""
    key = {"jobs": list(jobs)}
    span = connection.execute(text(_SPAN), key).one()
    if span.first is None:
        return Throughput(None, _STEPS[0], [])
    length = (span.last - span.first).total_seconds()
    step = next((step for step in _STEPS if length / step <= 48), _STEPS[-1])
    rows = connection.execute(text(_FINISHED), {**key, "step": step}).all()
    first = rows[0].start
    width = timedelta(seconds=step)
    counts = [0] * (round((rows[-1].start - first) / width) + 1)
    for row in rows:
        counts[round((row.start - first) / width)] = row.pages
    return Throughput(first, step, counts)


def confidences(connection: Connection) -> list[int]:
    """Count the latest read pages by confidence, in twenty parts from 0 to 1."""
    counts = [0] * 20
    for part, pages in connection.execute(text(_CONFIDENCES), {"limit": _RECENT}):
        counts[part] = pages
    return counts
