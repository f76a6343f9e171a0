"""What stopped moving, what is finished, and how far it all is."""

from __future__ import annotations

from sqlalchemy import Connection, text

from storage.jobs.counting import numbers, recount
from storage.jobs.records import Failure, Kind, Overview, Progress, on

_SHOWN = 100

_STATE = (
    "case when paused_at is not null and state in ('ingesting', 'running')"
    " then 'paused' else state end"
)


def stale_shards(connection: Connection, kind: Kind, seconds: float) -> list[str]:
    """Return the tokens whose worker has given no sign of life for so many seconds.

    Nobody can give one while Postgres is down, so those seconds count from its start at least.
    A sign of life from the future was given before the database's clock was set back, and counts
    as one of now.
    """
    connection.execute(
        on(
            kind,
            "update @work set heartbeat_at = clock_timestamp() where state in ('queued', 'running')"
            " and heartbeat_at > clock_timestamp() + interval '5 seconds'",
        )
    )
    rows = connection.execute(
        on(
            kind,
            "select shard from @work where state = 'running' group by shard"
            " having greatest(max(heartbeat_at), case when pg_postmaster_start_time()"
            " < clock_timestamp() then pg_postmaster_start_time() end)"
            " < clock_timestamp() - make_interval(secs => :seconds)",
        ),
        {"seconds": seconds},
    )
    return [row.shard for row in rows]


def finish_jobs(connection: Connection) -> list[int]:
    """Mark as done the jobs that have no work left; return their numbers."""
    rows = connection.execute(
        text(
            "update mill.job set state = 'done', finished_at = clock_timestamp()"
            " where state = 'running'"
            # Apart, each has an index that holds no other rows.
            " and not exists (select from mill.job_source s where s.job_id = job.id"
            " and s.state = 'pending')"
            " and not exists (select from mill.job_source s where s.job_id = job.id"
            " and s.state in ('queued', 'running'))"
            " and not exists (select from mill.job_page p where p.job_id = job.id"
            " and p.state = 'pending')"
            " and not exists (select from mill.job_page p where p.job_id = job.id"
            " and p.state in ('queued', 'running')) returning id"
        )
    )
    finished = [row.id for row in rows]
    for job_id in finished:
        recount(connection, job_id)
    return finished


def progress(connection: Connection, job_id: int) -> Progress:
    """Tell a job's sources and pages by state. Raises `LookupError` where there is no such job."""
    state = connection.execute(
        text(f"select {_STATE} from mill.job where id = :job"),  # noqa: S608 (ours)
        {"job": job_id},
    ).scalar_one_or_none()
    if state is None:
        raise LookupError(f"there is no job {job_id}")
    counts = numbers(connection, [job_id])[job_id]
    return Progress(str(state), counts["ingest"], counts["digitize"])


def failures(connection: Connection, job_id: int, most: int | None = None) -> list[Failure]:
    """Return what failed in a job: refused sources and parts of them, then pages set aside.

    With `most` no more than so many of each.
    """
    rows = connection.execute(
        text(
            "select source as what, reason, number, '' as entry from mill.job_source"
            " where job_id = :job and state = 'refused'"
            " union all select entry, reason, number, entry from mill.refused_entry"
            " where job_id = :job order by number, entry limit :most"
        ),
        {"job": job_id, "most": most},
    ).all()
    pages = connection.execute(
        text(
            "select coalesce((select min(dp.name) from mill.job_source s"
            " join mill.document_page dp using (document_id)"
            " where s.job_id = :job and dp.page_id = page.id), page.name) as what,"
            " quarantine.reason from mill.quarantine"
            " join mill.page on page.id = quarantine.page_id"
            " where quarantine.job_id = :job order by page.id limit :most"
        ),
        {"job": job_id, "most": most},
    ).all()
    return [Failure(row.what, row.reason or "") for row in [*rows, *pages]]


def overview(connection: Connection, most: int = 10) -> list[Overview]:
    """Return the jobs that are not finished and the latest that are, `most` at most, newest first.

    Of what failed in each the first `_SHOWN` are told: the numbers tell how many there are.
    """
    rows = connection.execute(
        text(
            f"select job.id, kind, collection.name, job.created_at, job.finished_at, {_STATE}"  # noqa: S608
            " as state, exists (select from mill.refused_entry where job_id = job.id)"
            " or exists (select from mill.job_source where job_id = job.id and state = 'refused')"
            " or exists (select from mill.quarantine where job_id = job.id) as failed from"
            " (select * from mill.job order by state in ('done', 'failed'), id desc limit :most)"
            " as job join mill.collection on collection.id = collection_id order by job.id desc"
        ),
        {"most": most},
    ).all()
    counts = numbers(connection, [row.id for row in rows])
    return [
        Overview(
            row.id,
            row.kind,
            row.name,
            row.created_at,
            row.finished_at,
            Progress(row.state, counts[row.id]["ingest"], counts[row.id]["digitize"]),
            failures(connection, row.id, _SHOWN) if row.failed else [],
        )
        for row in rows
    ]
