"""What goes wrong again and again is not the pages' fault: then a job is held, and says why.

A page that fails is set aside. Where `MOST` pages fail in a row, and none is read in between, it
is rather the engine, the device or the object store that is at fault, and going on would set aside
the whole job. So those pages are put back, nothing more is queued, and now and then one page that
has not failed yet is tried, alone. As soon as one is read the job goes on by itself; pages of those
put back that fail again are then to blame themselves. Where every page that is left has failed,
there is none to be tried, and they are set aside.

Sources are only held for what they cannot be had from: what a source itself holds is its own fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from storage.jobs.records import LONGEST_WAIT, Kind, on

MOST = 8
"""So many pages or sources may fail in a row."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A job that is held, since when, why, and when it is tried next."""

    job_id: int
    kind: Kind
    reason: str
    since: datetime
    held_until: datetime


def troubles(connection: Connection, job_id: int | None = None) -> list[Trouble]:
    """Return what holds jobs (or one job) that are not finished."""
    rows = connection.execute(
        text(
            "select job_id, trouble.kind, reason, trouble.created_at, held_until from mill.trouble"
            " join mill.job on job.id = job_id where held_until is not null"
            " and state in ('ingesting', 'running') and job_id = coalesce(:job, job_id)"
            " order by job_id, trouble.kind"
        ),
        {"job": job_id},
    )
    return [Trouble(*row) for row in rows]


def passed(connection: Connection, kind: Kind, job_id: int) -> None:
    """Say that whatever a job met is over, because a source was stored (or see `page_done`)."""
    connection.execute(
        text("delete from mill.trouble where job_id = :job and kind = :kind"),
        {"job": job_id, "kind": kind},
    )


def unavailable(connection: Connection, kind: Kind, job_id: int, new: int, reason: str) -> bool:
    """Count `new` pages or sources that failed for want of something, for the first time.

    Returns whether the job is held, so that none of them is to blame.
    """
    held = _count(connection, kind, job_id, new, [], reason)
    if held:
        _hold(connection, kind, job_id)
    return held


def set_aside(connection: Connection, job_id: int, page_id: int, reason: str, first: bool) -> None:
    """Count a page that was just set aside; put it back where it is not to blame.

    `first` tells whether it is the first time that it was.
    """
    if not first and not _is_held(connection, "digitize", job_id):
        return  # others were read since
    if not _count(connection, "digitize", job_id, 1, [page_id], reason):
        return
    if _others(connection, job_id):
        _put_back(connection, job_id)
        _hold(connection, "digitize", job_id)
    else:
        _give_up(connection, job_id)
        passed(connection, "digitize", job_id)


@dataclass(frozen=True, slots=True)
class Trial:
    """A job that is held: whether a page may be tried `now`, and which were `tried` already."""

    now: bool
    tried: list[int]


def trial(connection: Connection, kind: Kind, job_id: int) -> Trial | None:
    """Return how a job that is held goes on; None for one that is not.

    One page is tried at a time, so nothing of the job may be moving.
    """
    row = connection.execute(
        on(
            kind,
            "select tried, (held_until between clock_timestamp()"
            " and clock_timestamp() + make_interval(secs => :longest)) is not true"
            " and not exists (select from @work w where w.job_id = :job"
            " and w.state in ('queued', 'running')) as now"
            " from mill.trouble where job_id = :job and kind = :kind and held_until is not null",
        ),
        {"job": job_id, "kind": kind, "longest": LONGEST_WAIT},
    ).one_or_none()
    if row is None:
        return None
    # Where each has been tried, one of them has to be tried again.
    return Trial(row.now, row.tried if _waits(connection, kind, job_id) else [])


def _is_held(connection: Connection, kind: Kind, job_id: int) -> bool:
    return bool(
        connection.execute(
            text(
                "select exists (select from mill.trouble where job_id = :job and kind = :kind"
                " and held_until is not null)"
            ),
            {"job": job_id, "kind": kind},
        ).scalar_one()
    )


def _count(
    connection: Connection, kind: Kind, job_id: int, new: int, tried: Sequence[int], reason: str
) -> bool:
    """Add to what failed in a row; return whether it is too much, or the job is held already."""
    if not new:
        return _is_held(connection, kind, job_id)
    row = connection.execute(
        text(
            "insert into mill.trouble as t (job_id, kind, reason, failures, tried)"
            " values (:job, :kind, :reason, :new, cast(:tried as bigint[]))"
            " on conflict (job_id, kind) do update set reason = excluded.reason,"
            " failures = t.failures + excluded.failures,"
            " tried = (select coalesce(array_agg(distinct n order by n), '{}')"
            " from unnest(t.tried || excluded.tried) as n)"
            " returning failures >= :most or held_until is not null as much"
        ),
        {
            "job": job_id,
            "kind": kind,
            "reason": reason,
            "new": new,
            "tried": list(tried),
            "most": MOST,
        },
    ).one()
    return bool(row.much)


def _hold(connection: Connection, kind: Kind, job_id: int) -> None:
    """Queue nothing more for a while, ever longer; what is queued is put back.

    What fails while the job is held already was begun before, and lengthens nothing.
    """
    connection.execute(
        text(
            "update mill.trouble set holds = holds + 1, held_until = clock_timestamp()"
            " + make_interval(secs => least(:longest, power(2, least(holds, 30))))"
            " where job_id = :job and kind = :kind"
            " and (held_until between clock_timestamp()"
            " and clock_timestamp() + make_interval(secs => :longest)) is not true"
        ),
        {"job": job_id, "kind": kind, "longest": LONGEST_WAIT},
    )
    connection.execute(
        on(
            kind,
            "update @work set state = 'pending', shard = null"
            " where job_id = :job and state = 'queued'",
        ),
        {"job": job_id},
    )


def _waits(connection: Connection, kind: Kind, job_id: int) -> bool:
    """Tell whether anything of a job waits that was not set aside."""
    return bool(
        connection.execute(
            on(
                kind,
                "select exists (select from @work where job_id = :job"
                " and state in ('pending', 'queued', 'running') and @number not in"
                " (select unnest(tried) from mill.trouble"
                " where job_id = :job and kind = :kind))",
            ),
            {"job": job_id, "kind": kind},
        ).scalar_one()
    )


def _others(connection: Connection, job_id: int) -> bool:
    """Tell whether a job has pages that were not set aside, or may get some."""
    return _waits(connection, "digitize", job_id) or bool(
        connection.execute(
            text(
                "select state = 'ingesting' or exists (select from mill.job_source s"
                " where s.job_id = job.id and s.state in ('pending', 'queued', 'running'))"
                " from mill.job where id = :job"
            ),
            {"job": job_id},
        ).scalar_one()
    )


def _put_back(connection: Connection, job_id: int) -> None:
    """Let the pages that were set aside wait again, each alone."""
    connection.execute(
        text(
            "delete from mill.quarantine where job_id = :job and page_id in"
            " (select unnest(tried) from mill.trouble where job_id = :job and kind = 'digitize')"
        ),
        {"job": job_id},
    )
    connection.execute(
        text(
            "update mill.job_page set state = 'pending', shard = null, shard_limit = 1,"
            " finished_at = null"
            " where job_id = :job and state = 'quarantined' and page_id in"
            " (select unnest(tried) from mill.trouble where job_id = :job and kind = 'digitize')"
        ),
        {"job": job_id},
    )


def _give_up(connection: Connection, job_id: int) -> None:
    """Set aside the pages that were put back, each for the reason of its last attempt."""
    connection.execute(
        text(
            "with over as (update mill.job_page set state = 'quarantined',"
            " finished_at = clock_timestamp() where job_id = :job and state = 'pending'"
            " and page_id in (select unnest(tried) from mill.trouble"
            " where job_id = :job and kind = 'digitize') returning job_id, page_id, attempts)"
            " insert into mill.quarantine (job_id, page_id, reason)"
            " select over.job_id, over.page_id, coalesce(case when a.outcome = 'died' then"
            " format('the worker died %s times on it (%s)', over.attempts, a.reason)"
            " else a.reason end, t.reason) from over"
            " join mill.trouble t on t.job_id = over.job_id and t.kind = 'digitize'"
            " left join mill.attempt a on (a.job_id, a.page_id, a.number)"
            " = (over.job_id, over.page_id, over.attempts)"
        ),
        {"job": job_id},
    )
