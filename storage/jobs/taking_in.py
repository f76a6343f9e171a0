"""A source's way from claimed to stored or refused."""

from __future__ import annotations

from sqlalchemy import Connection, text

from storage.jobs import trouble
from storage.jobs.reading import died, wait
from storage.jobs.records import UNAVAILABLE_TRIES, ClaimedSource


def claim_source(connection: Connection, token: str) -> ClaimedSource | None:
    """Take the next source of a shard, counting the attempt; None where none is left.

    Sources are taken one at a time, so a worker that dies leaves no doubt which one it was. One
    that a heartbeat holds is waited for: passed over, it would be left behind by its shard.
    Commit before the work starts.
    """
    row = connection.execute(
        text(
            "update mill.job_source as work set state = 'running', attempts = attempts + 1,"
            " heartbeat_at = clock_timestamp() from (select job_id, number from mill.job_source"
            " where shard = :token and state = 'queued' order by number limit 1"
            " for update) as next"
            " where work.job_id = next.job_id and work.number = next.number"
            " returning work.job_id, work.number, work.source, work.sha256,"
            " work.attempts + work.postponed as tries"
        ),
        {"token": token},
    ).one_or_none()
    if row is None:
        return None
    return ClaimedSource(row.job_id, row.number, row.source, row.sha256, row.tries)


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
    trouble.passed(connection, "ingest", job_id)


def source_refused(connection: Connection, job_id: int, number: int, reason: str) -> None:
    """Mark a source as refused for good, unless it was stored meanwhile."""
    connection.execute(
        text(
            "update mill.job_source set state = 'refused', shard = null, reason = :reason"
            " where job_id = :job and number = :number and state <> 'stored'"
        ),
        {"job": job_id, "number": number, "reason": reason},
    )


def source_postponed(
    connection: Connection,
    token: str,
    claimed: ClaimedSource,
    why: str,
    seconds: float | None = None,
) -> None:
    """Try a source again later, ever later, until it has been tried too often.

    `seconds` is how long to wait at least, where that is known. A try that was postponed is no
    attempt that a worker may have died in. Where many sources are, one after the other, the whole
    job waits, and none is given up.
    """
    new = int(claimed.attempt == 1)
    held = trouble.unavailable(connection, "ingest", claimed.job_id, new, why)
    if claimed.attempt >= UNAVAILABLE_TRIES and not held:
        reason = f"{why} (given up after {claimed.attempt} tries)"
        source_refused(connection, claimed.job_id, claimed.number, reason)
        return
    connection.execute(
        text(
            "update mill.job_source set state = 'pending', shard = null,"
            " attempts = attempts - 1, postponed = postponed + 1,"
            " not_before = clock_timestamp() + make_interval(secs => :seconds)"
            " where job_id = :job and number = :number and shard = :token and state = 'running'"
        ),
        {
            "token": token,
            "job": claimed.job_id,
            "number": claimed.number,
            "seconds": max(wait(claimed.attempt), seconds or 0.0),
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
