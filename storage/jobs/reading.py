"""A page's way from claimed to done, waiting again, or set aside."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from storage.jobs import trouble
from storage.jobs.records import (
    LONGEST_WAIT,
    UNAVAILABLE_TRIES,
    ClaimedPage,
    ClaimedShard,
    Kind,
    RunOfShard,
    on,
)

READ_ELSEWHERE_SECONDS = 5.0
"""After so long it is looked again whether what another job was reading is there."""

_HOLD = """
    select from mill.page
    where id in (select page_id from mill.job_page where shard = :token and state = 'queued')
    order by id for no key update
"""
"""Of two jobs that claim one page, the second finds that the first is reading it."""

_CLAIM = """
    update mill.job_page as work set
        state = case when read.done then 'done' when read.busy then 'pending' else 'running' end,
        shard = case when read.done or read.busy then null else shard end,
        attempts = attempts + case when read.done or read.busy then 0 else 1 end,
        heartbeat_at = clock_timestamp(),
        not_before = case when read.busy and not read.done
            then clock_timestamp() + make_interval(secs => :seconds) end,
        finished_at = case when read.done then clock_timestamp() end
    from mill.job, mill.page join mill.image on sha256 = image_sha256, lateral (
        select
            exists (select from mill.transcription t
                where t.page_id = page.id and t.run_id = job.run_id) as done,
            exists (select from mill.job other join mill.job_page theirs
                on theirs.job_id = other.id and theirs.page_id = page.id
                where other.run_id = job.run_id and other.id <> job.id
                and other.state in ('ingesting', 'running') and theirs.state = 'running') as busy
    ) as read
    where work.shard = :token and work.state = 'queued'
        and job.id = work.job_id and page.id = work.page_id
    returning work.job_id, work.page_id, work.state, work.attempts, job.run_id,
        page.image_sha256, image.width::bigint * image.height as pixels
"""


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
    becomes `done` and is not among those returned; one that it is just reading waits again.
    """
    connection.execute(text(_HOLD), {"token": token})
    rows = connection.execute(
        text(_CLAIM), {"token": token, "seconds": READ_ELSEWHERE_SECONDS}
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
    pages = tuple(
        ClaimedPage(row.page_id, row.image_sha256, row.attempts, row.pixels) for row in taken
    )
    return ClaimedShard(taken[0].job_id, taken[0].run_id, token, pages)


def beat(connection: Connection, kind: Kind, token: str) -> None:
    """Say that the work on a shard is moving."""
    connection.execute(
        on(
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
        text(
            "with over as (delete from mill.trouble where job_id = :job and kind = 'digitize')"
            " delete from mill.quarantine where job_id = :job and page_id = :page"
        ),
        where,
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
        tries = _count_attempts(connection, job_id, page_id, "failed")
        _set_aside(connection, job_id, page_id, reason, tries == 1)


def shard_failed(connection: Connection, token: str, suspect: int, reason: str) -> None:
    """Split what is left of a shard: the suspect goes alone, the others in halves.

    A page that is alone already is the guilty one, and is set aside with its reason.
    """
    ended = _end_attempts(connection, token, "failed", reason)
    if len(ended) == 1 and _tried_alone(connection, token, *ended[0]):
        tries = _count_attempts(connection, *ended[0], "failed", alone=True)
        _set_aside(connection, *ended[0], reason, tries == 1)
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
            _set_aside(connection, job_id, page_id, died(deaths, how), deaths == max_attempts)
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
    Where many pages meet one in a row, the whole job waits instead, and no page is given up.
    """
    ended = _end_attempts(connection, token, "unavailable", reason, page_ids)
    if not ended:
        return
    tried = {page: _count_attempts(connection, *page, "unavailable") for page in ended}
    new = sum(tries == 1 for tries in tried.values())
    held = trouble.unavailable(connection, "digitize", ended[0][0], new, reason)
    for (job_id, page_id), tries in tried.items():
        if tries >= UNAVAILABLE_TRIES and not held:
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


def _set_aside(connection: Connection, job_id: int, page_id: int, reason: str, first: bool) -> None:
    """Quarantine a page, unless so many others have failed that it is not to blame."""
    _quarantine(connection, job_id, page_id, reason)
    trouble.set_aside(connection, job_id, page_id, reason, first)


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
