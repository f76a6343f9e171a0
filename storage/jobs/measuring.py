"""How much work there is and how long it has waited, for whoever watches over many jobs at once."""

from __future__ import annotations

from sqlalchemy import Connection, text

from storage.jobs.records import Kind

# When the first work that waits in each open job became work: pages are numbered in that order.
_OLDEST: dict[Kind, str] = {
    "ingest": (
        "select extract(epoch from clock_timestamp() - min(job.created_at)) from mill.job"
        " where state in ('ingesting', 'running') and paused_at is null"
        " and exists (select from mill.job_source s where s.job_id = job.id"
        " and s.state in ('pending', 'queued'))"
    ),
    "digitize": (
        "select extract(epoch from clock_timestamp()"
        " - min(greatest(job.created_at, page.created_at))) from mill.job, lateral ("
        " (select page_id from mill.job_page p where p.job_id = job.id and p.state = 'pending'"
        " order by page_id limit 1) union all"
        " (select page_id from mill.job_page p where p.job_id = job.id and p.state = 'queued'"
        " order by page_id limit 1)"
        ") as first join mill.page on page.id = first.page_id"
        " where job.state in ('ingesting', 'running') and paused_at is null"
    ),
}

# Of each open job the first in line: were anything moving, it would be gone soon.
_OVERDUE: dict[Kind, str] = {
    "ingest": (
        "select exists (select from mill.job, lateral ("
        " (select heartbeat_at, not_before from mill.job_source s where s.job_id = job.id"
        " and s.state = 'pending' and (not_before is null or not_before <= clock_timestamp())"
        " order by number limit 1) union all"
        " (select heartbeat_at, not_before from mill.job_source s where s.job_id = job.id"
        " and s.state = 'queued' order by heartbeat_at limit 1)) as first"
        " where job.state in ('ingesting', 'running') and paused_at is null"
        " and not exists (select from mill.trouble t where t.job_id = job.id"
        " and t.kind = 'ingest' and t.held_until is not null)"
        " and greatest(job.created_at, first.heartbeat_at, first.not_before)"
        " < clock_timestamp() - make_interval(secs => :seconds))"
    ),
    "digitize": (
        "select exists (select from mill.job, lateral ("
        " (select page_id, heartbeat_at, not_before from mill.job_page p where p.job_id = job.id"
        " and p.state = 'pending' and (not_before is null or not_before <= clock_timestamp())"
        " order by page_id limit 1) union all"
        " (select page_id, heartbeat_at, not_before from mill.job_page p where p.job_id = job.id"
        " and p.state = 'queued' order by heartbeat_at limit 1)"
        ") as first join mill.page on page.id = first.page_id"
        " where job.state in ('ingesting', 'running') and paused_at is null"
        " and not exists (select from mill.trouble t where t.job_id = job.id"
        " and t.kind = 'digitize' and t.held_until is not null)"
        " and greatest(job.created_at, page.created_at, first.heartbeat_at, first.not_before)"
        " < clock_timestamp() - make_interval(secs => :seconds))"
    ),
}


def counts(connection: Connection, kind: Kind) -> dict[str, int]:
    """Tell how much work of all jobs that are not finished there is, by state."""
    rows = connection.execute(
        text(
            "select c.state, sum(n) as n from mill.job_count c join mill.job on job.id = c.job_id"
            " where job.state in ('ingesting', 'running') and c.kind = :kind"
            " group by c.state having sum(n) <> 0"
        ),
        {"kind": kind},
    )
    return {row.state: int(row.n) for row in rows}


def quarantined(connection: Connection) -> int:
    """Count the pages that are set aside, in whatever job."""
    return int(connection.execute(text("select count(*) from mill.quarantine")).scalar_one())


def oldest_waiting(connection: Connection, kind: Kind) -> float:
    """Return for how many seconds the oldest work that nobody is at has been asked for; 0 if none.

    A page counts from when it came into its job, a source from its job's beginning.
    """
    return max(0.0, float(connection.execute(text(_OLDEST[kind])).scalar_one() or 0))


def waits_longer(connection: Connection, kind: Kind, seconds: float) -> bool:
    """Tell whether the first in line of any job has been left alone for so many seconds.

    What was put back counts from then, what is to be tried later from that time. Jobs that are
    held do not count: it is no worker's fault that nothing of them is done.
    """
    found = connection.execute(text(_OVERDUE[kind]), {"seconds": seconds})
    return bool(found.scalar_one())
