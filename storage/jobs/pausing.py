"""Pause a job, and let it go on."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import Connection, text

from storage.jobs.making import unqueue

Paused = Literal["paused", "resumed", "already", "finished"]
"""What became of the wish: it was done, it was so already, or the job has ended."""


def pause(connection: Connection, job_id: int) -> Paused:
    """Queue nothing more of a job until it is resumed; the shards being read are read to their end.

    Raises `LookupError` where there is no such job.
    """
    done = _set(connection, job_id, "clock_timestamp()", "paused_at is null")
    unqueue(connection, job_id)
    return "paused" if done else _why_not(connection, job_id)


def resume(connection: Connection, job_id: int) -> Paused:
    """Let a paused job go on where it was. Raises `LookupError` where there is no such job."""
    done = _set(connection, job_id, "null", "paused_at is not null")
    return "resumed" if done else _why_not(connection, job_id)


def _set(connection: Connection, job_id: int, when: str, unless: str) -> bool:
    done = connection.execute(
        text(
            f"update mill.job set paused_at = {when}"  # noqa: S608 (nothing here is from outside)
            f" where id = :job and state in ('ingesting', 'running') and {unless}"
        ),
        {"job": job_id},
    )
    return done.rowcount > 0


def _why_not(connection: Connection, job_id: int) -> Paused:
    finished = connection.scalar(
        text("select state in ('done', 'failed') from mill.job where id = :job"), {"job": job_id}
    )
    if finished is None:
        raise LookupError(f"there is no job {job_id}")
    return "finished" if finished else "already"
