"""From rows that wait to shards whose messages may be sent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import cache, partial

from sqlalchemy import Connection, text

from storage.jobs.records import LONGEST_WAIT, Kind, OpenJob, on
from storage.jobs.trouble import trial

_LEAST_SHARE = 2

_LEAST_PAGES = 4
"""Of a shard, while more pages are coming."""


def open_jobs(connection: Connection) -> list[OpenJob]:
    """Return the jobs that are not finished nor paused, the most urgent first, then the oldest."""
    rows = connection.execute(
        text(
            "select id, priority from mill.job where state in ('ingesting', 'running')"
            " and paused_at is null order by priority, id"
        )
    )
    return [OpenJob(row.id, row.priority) for row in rows]


def queue_pages(
    connection: Connection, job_id: int, shard_pages: int, window: int, readers: int = 1
) -> list[str]:
    """Gather waiting pages into shards until the job's share of `window` is queued.

    Returns the tokens of the new ones. The jobs that have work queued share the window evenly.

    A shard holds at most `shard_pages` pages, fewer where `readers` would else not all have some of
    what is left, and no more than any of its pages allows. While more pages are coming, one that is
    not full waits for them, unless nothing of the job is being read.
    """
    free = _free(connection, "digitize", job_id, window)
    held = trial(connection, "digitize", job_id) if free > 0 else None
    if held is not None:
        free, shard_pages = int(held.now), 1
    if free <= 0:
        return []
    rows = connection.execute(
        text(
            "select page_id, coalesce(shard_limit, :most) as shard_limit from mill.job_page"
            " where job_id = :job and state = 'pending'"
            # Later than any wait was noted before the database's clock was set back.
            " and (not_before between clock_timestamp()"
            " and clock_timestamp() + make_interval(secs => :longest)) is not true"
            " and page_id <> all(cast(:tried as bigint[]))"
            " order by page_id limit :rows for update skip locked"
        ),
        {
            "job": job_id,
            "most": shard_pages,
            "rows": max(free, readers) * shard_pages,
            "tried": held.tried if held else [],
            "longest": LONGEST_WAIT,
        },
    ).all()
    # Asked only where it matters: of a job with a million sources it looks at all of them.
    coming = cache(partial(_more_come, connection, job_id))
    if readers > 1 and rows:
        even = -(-len(rows) // readers)
        if even < _LEAST_PAGES and coming():
            even = _LEAST_PAGES
        shard_pages = min(shard_pages, even)
    limits = {row.page_id: min(row.shard_limit, shard_pages) for row in rows}
    groups = gather(limits.items())[:free]
    if (
        groups
        and len(groups[-1]) < min(limits[page] for page in groups[-1])
        and (len(groups) > 1 or _moves(connection, job_id))
        and coming()
    ):
        groups.pop()
    return _queue(connection, "digitize", job_id, groups)


def _moves(connection: Connection, job_id: int) -> bool:
    """Tell whether any page of a job is queued or running."""
    return bool(
        connection.execute(
            text(
                "select exists (select from mill.job_page"
                " where job_id = :job and state in ('queued', 'running'))"
            ),
            {"job": job_id},
        ).scalar_one()
    )


def _more_come(connection: Connection, job_id: int) -> bool:
    """Tell whether any source of a job is still to be listed or taken in."""
    return bool(
        connection.execute(
            text(
                "select state = 'ingesting' or exists (select from mill.job_source s"
                " where s.job_id = job.id and s.state in ('pending', 'queued', 'running'))"
                " from mill.job where id = :job"
            ),
            {"job": job_id},
        ).scalar_one()
    )


def queue_sources(
    connection: Connection, job_id: int, shard_sources: int, window: int
) -> list[str]:
    """Gather waiting sources into shards, as `queue_pages` does; return the new tokens."""
    free = _free(connection, "ingest", job_id, window)
    held = trial(connection, "ingest", job_id) if free > 0 else None
    if held is not None:
        free, shard_sources = int(held.now), 1
    if free <= 0:
        return []
    rows = connection.execute(
        text(
            "select number from mill.job_source where job_id = :job and state = 'pending'"
            " and (not_before between clock_timestamp()"
            " and clock_timestamp() + interval '1 hour') is not true"
            " and number <> all(cast(:tried as bigint[]))"
            " order by number limit :rows for update skip locked"
        ),
        {
            "job": job_id,
            "rows": free * shard_sources,
            "tried": held.tried if held else [],
        },
    )
    groups = gather([(row.number, shard_sources) for row in rows])
    return _queue(connection, "ingest", job_id, groups)


def _free(connection: Connection, kind: Kind, job_id: int, window: int) -> int:
    # The lock lets one process at a time fill the window of a job.
    goes_on = connection.execute(
        text(
            "select state in ('ingesting', 'running') and paused_at is null from mill.job"
            " where id = :job for no key update"
        ),
        {"job": job_id},
    ).scalar_one()
    if not goes_on:
        return 0
    queued = connection.execute(
        on(
            kind,
            "select count(distinct shard) filter (where job_id = :job) as own,"
            " count(distinct job_id) filter (where job_id <> :job) as others"
            " from @work where state = 'queued'",
        ),
        {"job": job_id},
    ).one()
    # Jobs share the window, so that many of them are no more for the broker to hold than one.
    share = max(min(_LEAST_SHARE, window), window // (int(queued.others) + 1))
    return share - int(queued.own)


def gather(items: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Group (number, limit) in order so that no group is larger than any limit in it."""
    groups: list[list[int]] = []
    room = 0
    for number, limit in items:
        if groups and room > 0 and len(groups[-1]) < limit:
            groups[-1].append(number)
            room = min(room - 1, limit - len(groups[-1]))
        else:
            groups.append([number])
            room = limit - 1
    return groups


def _queue(connection: Connection, kind: Kind, job_id: int, groups: list[list[int]]) -> list[str]:
    tokens = [secrets.token_hex(8) for _ in groups]
    if tokens:
        connection.execute(
            on(
                kind,
                "update @work as work set state = 'queued', shard = new.shard,"
                " heartbeat_at = clock_timestamp(), not_before = null"
                " from unnest(cast(:numbers as bigint[]), cast(:shards as text[]))"
                " as new (number, shard) where job_id = :job and work.@number = new.number",
            ),
            {
                "job": job_id,
                "numbers": [number for group in groups for number in group],
                "shards": [
                    token for token, group in zip(tokens, groups, strict=True) for _ in group
                ],
            },
        )
    return tokens


def waiting_shards(
    connection: Connection, kind: Kind, older_than: float
) -> list[tuple[OpenJob, str]]:
    """Return the shards, with their jobs, queued more than `older_than` seconds ago and not taken.

    A shard of sources counts as taken as soon as one of them is.
    """
    rows = connection.execute(
        on(
            kind,
            "select job_id, priority, shard from @work join mill.job on job.id = job_id"
            " where @work.state in ('queued', 'running') and shard is not null"
            " group by job_id, priority, shard having bool_and(@work.state = 'queued')"
            " and max(heartbeat_at) < clock_timestamp() - make_interval(secs => :seconds)",
        ),
        {"seconds": older_than},
    )
    return [(OpenJob(row.job_id, row.priority), row.shard) for row in rows]
