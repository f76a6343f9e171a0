"""Every change of state of a job, its sources and its pages: one short function each.

Postgres is the truth and the broker is disposable: a message only carries a job's number and the
token of a *shard*, and the rows that hold that token are the work. A page goes

    pending -> queued -> running -> done | quarantined

and back to pending from wherever it stopped moving. Attempts are counted, and committed, before
the work starts, so a page that kills its worker is found even if nothing survives to tell. All
times are the database's, so the clocks of workers do not matter.

No function commits: the caller does, and sends messages only after that.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, TextClause, text

Kind = Literal["ingest", "digitize"]
"""What a shard holds: sources to take in, or pages to read."""

UNAVAILABLE_TRIES = 10
"""After so many tries that failed for want of a service, a page or source is given up."""

LONGEST_WAIT = 300.0
"""Seconds between two tries, at most."""

# The table of the work, and the column that numbers it within a job.
_TABLES: dict[Kind, tuple[str, str]] = {
    "ingest": ("mill.job_source", "number"),
    "digitize": ("mill.job_page", "page_id"),
}


def _on(kind: Kind, statement: str) -> TextClause:
    """Return a statement that is the same for sources and for pages, for one of them."""
    table, number = _TABLES[kind]
    return text(statement.replace("@work", table).replace("@number", number))


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source file that a job lists: stored under `sha256`, or refused for `reason`."""

    source: str
    sha256: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimedSource:
    """A source that this worker now has; `sha256` addresses its bytes in the object store."""

    job_id: int
    number: int
    source: str
    sha256: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ClaimedPage:
    """A page that this worker now has; `attempt` counts from 1."""

    page_id: int
    image_sha256: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ClaimedShard:
    """The pages of one message that were still waiting for it, in reading order."""

    job_id: int
    run_id: int
    token: str
    pages: tuple[ClaimedPage, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: numbers of sources and pages by state (states without any left out)."""

    state: str
    sources: dict[str, int]
    pages: dict[str, int]

    @property
    def finished(self) -> bool:
        return self.state in ("done", "failed")


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that was refused or a page that was set aside, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """A job as people ask about it."""

    job_id: int
    kind: str
    collection: str
    created_at: datetime
    finished_at: datetime | None
    progress: Progress
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A job that is not finished; lower `priority` numbers go first."""

    job_id: int
    priority: int


@dataclass(frozen=True, slots=True)
class RunOfShard:
    """How a shard's pages are to be read; `settings` are the profile's."""

    run_id: int
    settings: dict[str, Any]
    weights_digest: str
    code_version: str


# --- making a job -------------------------------------------------------------------------------


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
    """List sources of a job, numbered in order; one client lists the sources of a job."""
    if not sources:
        return
    connection.execute(
        text(
            "insert into mill.job_source (job_id, number, source, sha256, state, reason)"
            " select :job, coalesce((select max(number) from mill.job_source where job_id = :job),"
            " 0) + new.number, new.source, new.sha256,"
            " case when new.reason is null then 'pending' else 'refused' end, new.reason"
            " from unnest(cast(:sources as text[]), cast(:digests as text[]),"
            " cast(:reasons as text[])) with ordinality as new (source, sha256, reason, number)"
        ),
        {
            "job": job_id,
            "sources": [source.source for source in sources],
            "digests": [source.sha256 for source in sources],
            "reasons": [source.reason for source in sources],
        },
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
    for kind in _TABLES:
        connection.execute(
            _on(
                kind,
                "update @work set state = 'pending', shard = null"
                " where job_id = :job and state = 'queued'",
            ),
            {"job": job_id},
        )


# --- queueing -----------------------------------------------------------------------------------


def open_jobs(connection: Connection) -> list[OpenJob]:
    """Return the jobs that are not finished, the most urgent first, then the oldest."""
    rows = connection.execute(
        text(
            "select id, priority from mill.job where state in ('ingesting', 'running')"
            " order by priority, id"
        )
    )
    return [OpenJob(row.id, row.priority) for row in rows]


def queue_pages(connection: Connection, job_id: int, shard_pages: int, window: int) -> list[str]:
    """Gather waiting pages into shards until `window` of them are queued; return the new tokens.

    A shard holds at most `shard_pages` pages, and no more than any of its pages allows. While more
    pages are coming, one that is not full waits for them, unless nothing of the job is being read.
    """
    free = _free(connection, "digitize", job_id, window)
    if free <= 0:
        return []
    rows = connection.execute(
        text(
            "select page_id, coalesce(shard_limit, :most) as shard_limit from mill.job_page"
            " where job_id = :job and state = 'pending'"
            " and (not_before is null or not_before <= clock_timestamp())"
            " order by page_id limit :rows for update skip locked"
        ),
        {"job": job_id, "most": shard_pages, "rows": free * shard_pages},
    )
    limits = {row.page_id: min(row.shard_limit, shard_pages) for row in rows}
    groups = _gather(limits.items())[:free]
    if (
        groups
        and len(groups[-1]) < min(limits[page] for page in groups[-1])
        and (len(groups) > 1 or _moves(connection, job_id))
        and _more_come(connection, job_id)
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
    if free <= 0:
        return []
    rows = connection.execute(
        text(
            "select number from mill.job_source where job_id = :job and state = 'pending'"
            " and (not_before is null or not_before <= clock_timestamp())"
            " order by number limit :rows for update skip locked"
        ),
        {"job": job_id, "rows": free * shard_sources},
    )
    groups = _gather([(row.number, shard_sources) for row in rows])
    return _queue(connection, "ingest", job_id, groups)


def _free(connection: Connection, kind: Kind, job_id: int, window: int) -> int:
    # The lock lets one process at a time fill the window of a job.
    state = connection.execute(
        text("select state from mill.job where id = :job for no key update"), {"job": job_id}
    ).scalar_one()
    if state not in ("ingesting", "running"):
        return 0
    queued = connection.execute(
        _on(
            kind, "select count(distinct shard) from @work where job_id = :job and state = 'queued'"
        ),
        {"job": job_id},
    ).scalar_one()
    return window - int(queued)


def _gather(items: Iterable[tuple[int, int]]) -> list[list[int]]:
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
            _on(
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


def waiting_shards(connection: Connection, kind: Kind, older_than: float) -> list[str]:
    """Return the tokens queued more than `older_than` seconds ago that no worker has claimed."""
    rows = connection.execute(
        _on(
            kind,
            "select shard from @work where state = 'queued' group by shard"
            " having max(heartbeat_at) < clock_timestamp() - make_interval(secs => :seconds)",
        ),
        {"seconds": older_than},
    )
    return [row.shard for row in rows]


def unqueue(connection: Connection, kind: Kind, tokens: Sequence[str]) -> int:
    """Put the unclaimed work of lost messages back to `pending`; return how many rows it was."""
    if not tokens:
        return 0
    done = connection.execute(
        _on(
            kind,
            "update @work set state = 'pending', shard = null"
            " where state = 'queued' and shard = any(:tokens)",
        ),
        {"tokens": list(tokens)},
    )
    return int(done.rowcount)


# --- reading pages ------------------------------------------------------------------------------


def run_of_shard(connection: Connection, token: str) -> RunOfShard | None:
    """Return how a queued shard is to be read; None where nothing of it waits any more."""
    row = connection.execute(
        text(
            "select run.id, run.settings, run.weights_digest, run.code_version"
            " from mill.job_page join mill.job on job.id = job_page.job_id"
            " join mill.run on run.id = job.run_id"
            " where shard = :token and job_page.state = 'queued' limit 1"
        ),
        {"token": token},
    ).one_or_none()
    return None if row is None else RunOfShard(*row)


def claim(connection: Connection, token: str, worker: str) -> ClaimedShard | None:
    """Take the pages of a shard, counting the attempt; None where another delivery was first.

    Commit before the work starts. A page that the run has read meanwhile (for another job)
    becomes `done` and is not among those returned.
    """
    rows = connection.execute(
        text(
            "update mill.job_page as work set state = case when read.done then 'done'"
            " else 'running' end, shard = case when read.done then null else shard end,"
            " attempts = attempts + case when read.done then 0 else 1 end,"
            " heartbeat_at = clock_timestamp(),"
            " finished_at = case when read.done then clock_timestamp() end"
            " from mill.job, mill.page, lateral (select exists (select from mill.transcription t"
            " where t.page_id = page.id and t.run_id = job.run_id) as done) as read"
            " where work.shard = :token and work.state = 'queued'"
            " and job.id = work.job_id and page.id = work.page_id"
            " returning work.job_id, work.page_id, work.state, work.attempts, job.run_id,"
            " page.image_sha256"
        ),
        {"token": token},
    ).all()
    taken = sorted((row for row in rows if row.state == "running"), key=lambda row: row.page_id)
    if not taken:
        return None
    connection.execute(
        text(
            "insert into mill.attempt (job_id, page_id, number, worker, pages)"
            " select :job, page_id, number, :worker, :pages"
            " from unnest(cast(:ids as bigint[]), cast(:numbers as int[])) as t (page_id, number)"
        ),
        {
            "job": taken[0].job_id,
            "worker": worker,
            "pages": len(taken),
            "ids": [row.page_id for row in taken],
            "numbers": [row.attempts for row in taken],
        },
    )
    pages = tuple(ClaimedPage(row.page_id, row.image_sha256, row.attempts) for row in taken)
    return ClaimedShard(taken[0].job_id, taken[0].run_id, token, pages)


def beat(connection: Connection, kind: Kind, token: str) -> None:
    """Say that the work on a shard is moving."""
    connection.execute(
        _on(
            kind,
            "update @work set heartbeat_at = clock_timestamp()"
            " where shard = :token and state in ('queued', 'running')",
        ),
        {"token": token},
    )


def page_done(connection: Connection, job_id: int, page: ClaimedPage) -> None:
    """Mark a page as read; call it in the transaction that saves its transcription.

    A worker that was given up for dead may still finish: its result counts, wherever the page
    has gone meanwhile.
    """
    where = {"job": job_id, "page": page.page_id, "number": page.attempt}
    connection.execute(
        text(
            "update mill.job_page set state = 'done', shard = null, not_before = null,"
            " finished_at = clock_timestamp()"
            " where job_id = :job and page_id = :page and state <> 'done'"
        ),
        where,
    )
    connection.execute(
        text("delete from mill.quarantine where job_id = :job and page_id = :page"), where
    )
    connection.execute(
        text(
            "update mill.attempt set outcome = 'done', finished_at = clock_timestamp()"
            " where job_id = :job and page_id = :page and number = :number"
        ),
        where,
    )


def page_failed(connection: Connection, token: str, page_id: int, reason: str) -> None:
    """Set a page aside that is known to be the guilty one."""
    for job_id, _ in _end_attempts(connection, token, "failed", reason, [page_id]):
        _quarantine(connection, job_id, page_id, reason)


def shard_failed(connection: Connection, token: str, suspect: int, reason: str) -> None:
    """Split what is left of a shard: the suspect goes alone, the others in halves.

    A page that is alone already is the guilty one, and is set aside with its reason.
    """
    ended = _end_attempts(connection, token, "failed", reason)
    if len(ended) == 1 and _tried_alone(connection, token, *ended[0]):
        _quarantine(connection, *ended[0], reason)
        return
    others = len(ended) - 1
    for job_id, page_id in ended:
        limit = 1 if page_id == suspect else max(1, (others + 1) // 2)
        _back(connection, token, job_id, page_id, limit)


def shard_died(
    connection: Connection, token: str, max_attempts: int, how: str | None = None
) -> int:
    """Split the pages of a shard whose worker died; return how many there were.

    A page that is alone is tried again until its worker has died `max_attempts` times. `how` says
    more where it is known.
    """
    ended = _end_attempts(connection, token, "died", how or "the worker died")
    for job_id, page_id in ended:
        deaths = _count_attempts(connection, job_id, page_id, "died", alone=True)
        if deaths >= max_attempts:
            _quarantine(connection, job_id, page_id, died(deaths, how))
        else:
            _back(connection, token, job_id, page_id, (len(ended) + 1) // 2)
    return len(ended)


def died(times: int, how: str | None = None) -> str:
    """Return the reason of whatever was given up because its worker kept dying."""
    reason = f"the worker died {times} {'time' if times == 1 else 'times'} on it"
    return f"{reason} ({how})" if how else reason


def postpone(
    connection: Connection, token: str, reason: str, page_ids: Sequence[int] | None = None
) -> None:
    """Try pages of a shard (all that are left, by default) again later, ever later.

    For errors that are nobody's fault, such as a service that is down: the shard keeps its size.
    """
    for job_id, page_id in _end_attempts(connection, token, "unavailable", reason, page_ids):
        tries = _count_attempts(connection, job_id, page_id, "unavailable")
        if tries >= UNAVAILABLE_TRIES:
            _quarantine(connection, job_id, page_id, f"{reason} (given up after {tries} tries)")
        else:
            _back(connection, token, job_id, page_id, None, wait(tries))


def wait(tries: int) -> float:
    """Return the seconds to wait after so many tries (1 or more): 1, 2, 4, … `LONGEST_WAIT`."""
    return float(min(LONGEST_WAIT, 2.0 ** min(tries - 1, 30)))


def give_back(connection: Connection, token: str) -> int:
    """Put back what is left of a shard, blaming nobody; return how many pages it was."""
    ended = _end_attempts(connection, token, "returned", None)
    for job_id, page_id in ended:
        _back(connection, token, job_id, page_id, None)
    return len(ended)


def _end_attempts(
    connection: Connection,
    token: str,
    outcome: str,
    reason: str | None,
    page_ids: Sequence[int] | None = None,
) -> list[tuple[int, int]]:
    """Close the open attempts of a shard's running pages; return those (job, page), locked."""
    rows = connection.execute(
        text(
            "select job_id, page_id from mill.job_page where shard = :token and state = 'running'"
            " and (cast(:pages as bigint[]) is null or page_id = any(:pages))"
            " order by page_id for update"
        ),
        {"token": token, "pages": None if page_ids is None else list(page_ids)},
    ).all()
    ended = [(int(row.job_id), int(row.page_id)) for row in rows]
    if ended:
        connection.execute(
            text(
                "update mill.attempt as a set outcome = :outcome, reason = :reason,"
                " finished_at = clock_timestamp() from mill.job_page as p"
                " where p.shard = :token and p.state = 'running' and p.page_id = any(:pages)"
                " and a.job_id = p.job_id and a.page_id = p.page_id and a.number = p.attempts"
            ),
            {
                "token": token,
                "outcome": outcome,
                "reason": reason,
                "pages": [page_id for _, page_id in ended],
            },
        )
    return ended


def _back(
    connection: Connection,
    token: str,
    job_id: int,
    page_id: int,
    limit: int | None,
    seconds: float = 0.0,
) -> None:
    connection.execute(
        text(
            "update mill.job_page set state = 'pending', shard = null,"
            " shard_limit = least(shard_limit, cast(:limit as int)),"
            " not_before = case when :seconds > 0"
            " then clock_timestamp() + make_interval(secs => :seconds) end"
            " where job_id = :job and page_id = :page and shard = :token"
        ),
        {"token": token, "job": job_id, "page": page_id, "limit": limit, "seconds": seconds},
    )


def _quarantine(connection: Connection, job_id: int, page_id: int, reason: str) -> None:
    where = {"job": job_id, "page": page_id, "reason": reason}
    connection.execute(
        text(
            "update mill.job_page set state = 'quarantined', shard = null,"
            " finished_at = clock_timestamp() where job_id = :job and page_id = :page"
        ),
        where,
    )
    connection.execute(
        text(
            "insert into mill.quarantine (job_id, page_id, reason) values (:job, :page, :reason)"
            " on conflict (job_id, page_id) do update set reason = excluded.reason,"
            " created_at = clock_timestamp()"
        ),
        where,
    )


def _tried_alone(connection: Connection, token: str, job_id: int, page_id: int) -> bool:
    return bool(
        connection.execute(
            text(
                "select a.pages = 1 from mill.attempt a join mill.job_page p"
                " using (job_id, page_id) where p.shard = :token and a.job_id = :job"
                " and a.page_id = :page and a.number = p.attempts"
            ),
            {"token": token, "job": job_id, "page": page_id},
        ).scalar_one()
    )


def _count_attempts(
    connection: Connection, job_id: int, page_id: int, outcome: str, alone: bool = False
) -> int:
    return int(
        connection.execute(
            text(
                "select count(*) from mill.attempt where job_id = :job and page_id = :page"
                " and outcome = :outcome and (pages = 1 or not :alone)"
            ),
            {"job": job_id, "page": page_id, "outcome": outcome, "alone": alone},
        ).scalar_one()
    )


# --- taking in sources --------------------------------------------------------------------------


def claim_source(connection: Connection, token: str) -> ClaimedSource | None:
    """Take the next source of a shard, counting the attempt; None where none is left.

    Sources are taken one at a time, so a worker that dies leaves no doubt which one it was.
    Commit before the work starts.
    """
    row = connection.execute(
        text(
            "update mill.job_source as work set state = 'running', attempts = attempts + 1,"
            " heartbeat_at = clock_timestamp() from (select job_id, number from mill.job_source"
            " where shard = :token and state = 'queued' order by number limit 1"
            " for update skip locked) as next"
            " where work.job_id = next.job_id and work.number = next.number"
            " returning work.job_id, work.number, work.source, work.sha256, work.attempts"
        ),
        {"token": token},
    ).one_or_none()
    if row is None:
        return None
    return ClaimedSource(row.job_id, row.number, row.source, row.sha256, row.attempts)


def source_stored(
    connection: Connection, job_id: int, number: int, document_id: int | None
) -> None:
    """Mark a source as taken in; call it in the transaction that adds its pages."""
    connection.execute(
        text(
            "update mill.job_source set state = 'stored', shard = null, reason = null,"
            " document_id = :document where job_id = :job and number = :number"
        ),
        {"job": job_id, "number": number, "document": document_id},
    )


def source_refused(connection: Connection, job_id: int, number: int, reason: str) -> None:
    """Mark a source as refused for good, unless it was stored meanwhile."""
    connection.execute(
        text(
            "update mill.job_source set state = 'refused', shard = null, reason = :reason"
            " where job_id = :job and number = :number and state <> 'stored'"
        ),
        {"job": job_id, "number": number, "reason": reason},
    )


def source_postponed(connection: Connection, token: str, claimed: ClaimedSource, why: str) -> None:
    """Try a source again later, ever later, until it has been tried too often."""
    if claimed.attempt >= UNAVAILABLE_TRIES:
        reason = f"{why} (given up after {claimed.attempt} tries)"
        source_refused(connection, claimed.job_id, claimed.number, reason)
        return
    connection.execute(
        text(
            "update mill.job_source set state = 'pending', shard = null,"
            " not_before = clock_timestamp() + make_interval(secs => :seconds)"
            " where job_id = :job and number = :number and shard = :token and state = 'running'"
        ),
        {
            "token": token,
            "job": claimed.job_id,
            "number": claimed.number,
            "seconds": wait(claimed.attempt),
        },
    )


def sources_died(
    connection: Connection, token: str, max_attempts: int, how: str | None = None
) -> int:
    """Put back the sources of a shard whose worker died; return how many there were.

    The one it was working on is refused once that happened `max_attempts` times.
    """
    rows = connection.execute(
        text(
            "update mill.job_source set shard = null, state = case when state = 'running'"
            " and attempts >= :most then 'refused' else 'pending' end"
            " where shard = :token and state in ('queued', 'running')"
            " returning job_id, number, state, attempts"
        ),
        {"token": token, "most": max_attempts},
    ).all()
    for row in rows:
        if row.state == "refused":
            source_refused(connection, row.job_id, row.number, died(row.attempts, how))
    return len(rows)


def give_back_sources(connection: Connection, token: str) -> int:
    """Put back what is left of a shard of sources, blaming none; return how many it was."""
    done = connection.execute(
        text(
            "update mill.job_source set attempts = attempts - (state = 'running')::int,"
            " state = 'pending', shard = null"
            " where shard = :token and state in ('queued', 'running')"
        ),
        {"token": token},
    )
    return int(done.rowcount)


# --- watching -----------------------------------------------------------------------------------


def stale_shards(connection: Connection, kind: Kind, seconds: float) -> list[str]:
    """Return the tokens whose worker has given no sign of life for so many seconds.

    Nobody can give one while Postgres is down, so those seconds count from its start at least.
    """
    rows = connection.execute(
        _on(
            kind,
            "select shard from @work where state = 'running' group by shard"
            " having greatest(max(heartbeat_at), pg_postmaster_start_time())"
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
            " and not exists (select from mill.job_source s where s.job_id = job.id"
            " and s.state in ('pending', 'queued', 'running'))"
            " and not exists (select from mill.job_page p where p.job_id = job.id"
            " and p.state in ('pending', 'queued', 'running')) returning id"
        )
    )
    return [row.id for row in rows]


def progress(connection: Connection, job_id: int) -> Progress:
    """Count a job's sources and pages by state. Raises `LookupError` where there is no such job."""
    state = connection.execute(
        text("select state from mill.job where id = :job"), {"job": job_id}
    ).scalar_one_or_none()
    if state is None:
        raise LookupError(f"there is no job {job_id}")
    counts: dict[Kind, dict[str, int]] = {}
    for kind in _TABLES:
        rows = connection.execute(
            _on(kind, "select state, count(*) as n from @work where job_id = :job group by state"),
            {"job": job_id},
        )
        counts[kind] = {row.state: row.n for row in rows}
    return Progress(str(state), counts["ingest"], counts["digitize"])


def failures(connection: Connection, job_id: int) -> list[Failure]:
    """Return what failed in a job: refused sources and parts of them, then pages set aside."""
    rows = connection.execute(
        text(
            "select source as what, reason, number, '' as entry from mill.job_source"
            " where job_id = :job and state = 'refused'"
            " union all select entry, reason, number, entry from mill.refused_entry"
            " where job_id = :job order by number, entry"
        ),
        {"job": job_id},
    ).all()
    pages = connection.execute(
        text(
            "select coalesce((select min(dp.name) from mill.job_source s"
            " join mill.document_page dp using (document_id)"
            " where s.job_id = :job and dp.page_id = page.id), page.name) as what,"
            " quarantine.reason from mill.quarantine"
            " join mill.page on page.id = quarantine.page_id"
            " where quarantine.job_id = :job order by page.id"
        ),
        {"job": job_id},
    ).all()
    return [Failure(row.what, row.reason or "") for row in [*rows, *pages]]


def overview(connection: Connection, most: int = 10) -> list[Overview]:
    """Return the jobs that are not finished and the latest that are, `most` at most, newest first.

    Counting the pages of very large jobs takes a moment.
    """
    rows = connection.execute(
        text(
            "select job.id, kind, collection.name, job.created_at, job.finished_at from"
            " (select * from mill.job order by state in ('done', 'failed'), id desc limit :most)"
            " as job join mill.collection on collection.id = collection_id order by job.id desc"
        ),
        {"most": most},
    ).all()
    return [
        Overview(
            row.id,
            row.kind,
            row.name,
            row.created_at,
            row.finished_at,
            progress(connection, row.id),
            failures(connection, row.id),
        )
        for row in rows
    ]
