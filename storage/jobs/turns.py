"""Whose turn it is: workers are shared fairly between the jobs that wait."""

from __future__ import annotations

from sqlalchemy import Connection

from storage.jobs.records import Kind, on


def turn(connection: Connection, kind: Kind, run_id: int | None = None) -> str | None:
    """Return the token of the shard to take next, of all that are queued; None if there is none.

    The most urgent job comes first, of equally urgent ones the one that was served longest ago:
    so a job of five pages waits for one shard of another's hundred thousand. A message of the
    broker says only that something waits, in whatever order they come. Another worker may take
    the shard before `claim` does; then ask again.

    With a run, the shard is only returned where it is to be read by it, and no page of it was tried
    before: one that ends its process must not take others along.
    """
    return connection.execute(
        on(
            kind,
            "with queued as (select job_id, (array_agg(shard order by @number))[1] as shard"
            " from @work w where state = 'queued' and not exists (select from @work r"
            " where r.shard = w.shard and r.state = 'running') group by job_id),"
            " next as (select job_id, shard from queued join mill.job on job.id = job_id"
            " order by priority, served_at nulls first, job_id limit 1)"
            " update mill.job set served_at = clock_timestamp() from next"
            " where job.id = next.job_id and (cast(:run as bigint) is null or (run_id = :run"
            " and not exists (select from @work w where w.shard = next.shard and attempts > 0)))"
            " returning next.shard",
        ),
        {"run": run_id},
    ).scalar_one_or_none()
