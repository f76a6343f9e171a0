"""How many sources and pages there are in each state: kept as they change, never counted to tell.

Triggers add to `mill.job_count` what a statement changes, in its own transaction: whatever is
killed, delivered twice or rolled back, the sums are those of the rows. Here they are told, put
together where they have become many, and held against the rows once a job is done.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from storage.jobs.records import TABLES, Kind, on

_MANY = 100
"""Rows of a job that are worth putting together."""


def numbers(
    connection: Connection, job_ids: Sequence[int]
) -> dict[int, dict[Kind, dict[str, int]]]:
    """Return the numbers of jobs' sources and pages by state (states without any left out)."""
    rows = connection.execute(
        text(
            "select job_id, kind, state, sum(n) as n from mill.job_count where job_id = any(:jobs)"
            " group by job_id, kind, state having sum(n) <> 0"
        ),
        {"jobs": list(job_ids)},
    )
    found: dict[int, dict[Kind, dict[str, int]]] = {
        job_id: {kind: {} for kind in TABLES} for job_id in job_ids
    }
    for row in rows:
        found[row.job_id][row.kind][row.state] = int(row.n)
    return found


def tidy_counts(connection: Connection) -> None:
    """Put the counts of each job together; safe at any time, and by several at once."""
    connection.execute(
        text(
            "with many as ("
            "  select job_id from mill.job_count group by job_id having count(*) > :many"
            "), gone as (delete from mill.job_count where job_id in (select job_id from many)"
            " returning job_id, kind, state, n)"
            " insert into mill.job_count (job_id, kind, state, n)"
            " select job_id, kind, state, sum(n) from gone group by job_id, kind, state"
            " having sum(n) <> 0"
        ),
        {"many": _MANY},
    )


def recount(connection: Connection, job_id: int) -> int:
    """Hold a job's counts against its rows, mend them, and return how many were wrong.

    They can be only if somebody changed rows with the triggers off. One at a time for a job: the
    caller holds a lock on it.
    """
    wrong = 0
    for kind in TABLES:
        # One statement sees rows and counts at the same moment.
        mended = connection.execute(
            on(
                kind,
                "insert into mill.job_count (job_id, kind, state, n)"
                " select :job, :kind, state, sum(n) from ("
                " select state, count(*) as n from @work where job_id = :job group by state"
                " union all select state, -n from mill.job_count"
                " where job_id = :job and kind = :kind"
                ") as difference group by state having sum(n) <> 0",
            ),
            {"job": job_id, "kind": kind},
        )
        wrong += int(mended.rowcount)
    return wrong
