"""Make a job, list what it holds, and give it up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import Connection, text

from storage.jobs.records import TABLES, NewSource, on


def create(
    connection: Connection,
    kind: Literal["ingest", "reprocess", "export"],
    collection_id: int,
    run_id: int | None,
    priority: int = 5,
    options: dict[str, Any] | None = None,
) -> int:
    """Add a job in state `ingesting` and return its number; `run_id` is how its pages are read."""
    statement = text(
        "insert into mill.job (kind, collection_id, run_id, priority, options)"
        " values (:kind, :collection, :run, :priority, cast(:options as jsonb)) returning id"
    )
    return int(
        connection.execute(
            statement,
            {
                "kind": kind,
                "collection": collection_id,
                "run": run_id,
                "priority": priority,
                "options": json.dumps(options or {}),
            },
        ).scalar_one()
    )


def ensure_collection(connection: Connection, name: str, language: str = "simple") -> int:
    """Return the collection of that name, made if there is none.

    `language` is a Postgres text search configuration, and only counts for a new collection.
    """
    connection.execute(
        text(
            "insert into mill.collection (name, language)"
            " values (:name, cast(:language as regconfig)) on conflict (name) do nothing"
        ),
        {"name": name, "language": language},
    )
    return int(
        connection.execute(
            text("select id from mill.collection where name = :name"), {"name": name}
        ).scalar_one()
    )


def add_sources(connection: Connection, job_id: int, sources: Sequence[NewSource]) -> None:
    """List sources of a job, numbered in order.

    A lock on the job makes those wait who list at the same time: a client, and the workers that
    find lists among its sources.
    """
    if not sources:
        return
    connection.execute(
        text(
            "update mill.job set listed_at = clock_timestamp(),"
            # Its client was given up, and goes on after all.
            " state = case state when 'done' then 'running' else state end,"
            " finished_at = case state when 'done' then null else finished_at end where id = :job"
        ),
        {"job": job_id},
    )
    connection.execute(
        text(
            "insert into mill.job_source (job_id, number, source, sha256, state, reason, address,"
            " details) select :job, coalesce((select max(number) from mill.job_source"
            " where job_id = :job), 0) + new.number, new.source, new.sha256,"
            " case when new.reason is null then 'pending' else 'refused' end, new.reason,"
            " new.address, cast(new.details as jsonb)"
            " from unnest(cast(:sources as text[]), cast(:digests as text[]),"
            " cast(:reasons as text[]), cast(:addresses as text[]), cast(:details as text[]))"
            " with ordinality as new (source, sha256, reason, address, details, number)"
        ),
        {
            "job": job_id,
            "sources": [source.source for source in sources],
            "digests": [source.sha256 for source in sources],
            "reasons": [source.reason for source in sources],
            "addresses": [source.address for source in sources],
            "details": [source.details and json.dumps(source.details) for source in sources],
        },
    )


def listed(connection: Connection, job_id: int) -> int:
    """Return how many sources the client has listed; those that lists of them name count not."""
    return int(
        connection.execute(
            text(
                "select count(*) from mill.job_source where job_id = :job"
                " and (details -> 'within') is null"
            ),
            {"job": job_id},
        ).scalar_one()
    )


def add_pages(connection: Connection, job_id: int, page_ids: Sequence[int]) -> None:
    """Make pages part of a job; those that its run has read already start as `done`.

    Call this in the transaction that calls `source_stored`, so that a job is never found
    finished between the two. A page that the job has already stays as it is.
    """
    connection.execute(
        text(
            "insert into mill.job_page (job_id, page_id, state, finished_at)"
            " select job.id, page.id, case when read.done then 'done' else 'pending' end,"
            " case when read.done then clock_timestamp() end"
            " from mill.job, unnest(cast(:pages as bigint[])) as page (id),"
            " lateral (select job.run_id is null or exists (select from mill.transcription t"
            " where t.page_id = page.id and t.run_id = job.run_id) as done) as read"
            " where job.id = :job on conflict do nothing"
        ),
        {"job": job_id, "pages": list(page_ids)},
    )


def close_abandoned(connection: Connection, hours: float) -> list[int]:
    """End the listing of jobs whose client has named nothing for so long; return their numbers.

    What it had named is still read; that there is a rest is listed as refused.
    """
    abandoned = connection.execute(
        text(
            "select id from mill.job where state = 'ingesting' and greatest(created_at, listed_at)"
            " < clock_timestamp() - make_interval(secs => 3600 * :hours) for no key update"
        ),
        {"hours": hours},
    )
    closed = [int(row.id) for row in abandoned]
    for job_id in closed:
        rest = NewSource(
            "the rest of the sources",
            None,
            "whoever listed them went away before the last; submit them again",
        )
        add_sources(connection, job_id, [rest])
        all_listed(connection, job_id)
    return closed


def all_listed(connection: Connection, job_id: int) -> None:
    """Say that every source of the job is listed: from now on it can become `done`."""
    connection.execute(
        text("update mill.job set state = 'running' where id = :job and state = 'ingesting'"),
        {"job": job_id},
    )


def cancel(connection: Connection, job_id: int) -> None:
    """End a job as `failed`: what is running may finish, nothing more is queued."""
    connection.execute(
        text(
            "update mill.job set state = 'failed', finished_at = clock_timestamp()"
            " where id = :job and state in ('ingesting', 'running')"
        ),
        {"job": job_id},
    )
    unqueue(connection, job_id)


def unqueue(connection: Connection, job_id: int) -> None:
    """Put back what is queued of a job; the messages that stand for it find nothing to do."""
    for kind in TABLES:
        connection.execute(
            on(
                kind,
                "update @work set state = 'pending', shard = null"
                " where job_id = :job and state = 'queued'",
            ),
            {"job": job_id},
        )
