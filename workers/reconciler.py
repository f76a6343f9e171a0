"""Bring back whatever stopped moving, and keep the broker's window full.

Runs every few seconds in every worker's supervisor and in every client that waits; a lock in
Postgres lets one of them work at a time. Nothing here needs to happen for a page to be safe, only
for it to move.
"""

from __future__ import annotations

import celery
import sqlalchemy
import structlog
from sqlalchemy import text

from storage import jobs, partitions
from storage.jobs import Kind, OpenJob
from workers.app import count_waiting, send
from workers.settings import Settings

SHARD_SOURCES = 16
SHARING = 8
"""A job's last pages are left to so many readers."""
ABANDONED_HOURS = 24.0
"""A job whose client has named no source for so long gets no more of them."""
KINDS: tuple[Kind, ...] = ("ingest", "digitize")

# A message may be between the broker's queue and a worker's claim for so many seconds.
_IN_TRANSIT = 5.0
_LOCK = 0x6C6D_7265_636F  # "lmreco"

_log = structlog.get_logger()


def reconcile(database: sqlalchemy.Engine, app: celery.Celery, settings: Settings) -> bool:
    """Do one round; return False where another process is at it.

    Raises `Unavailable` where Postgres or the broker does not answer; what was done until then
    stays, and the next round does the rest.
    """
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as holder:
        if not holder.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK}):
            return False
        try:
            _bring_back_the_dead(database, settings)
            with database.begin() as connection:
                for job_id in jobs.close_abandoned(connection, ABANDONED_HOURS):
                    _log.warning("its client went away", job=job_id)
                jobs.finish_jobs(connection)
                jobs.tidy_counts(connection)
                open_jobs = jobs.open_jobs(connection)
            if open_jobs:
                _bring_back_the_lost(database, app)
            for job in open_jobs:
                refill(database, app, settings, job)
            with database.begin() as connection:
                partitions.grow(connection)
        finally:
            holder.execute(text("select pg_advisory_unlock(:key)"), {"key": _LOCK})
    return True


def refill(
    database: sqlalchemy.Engine,
    app: celery.Celery,
    settings: Settings,
    job: OpenJob,
    kinds: tuple[Kind, ...] = KINDS,
) -> int:
    """Queue a job's waiting work up to the window, and return how many shards were sent."""
    window = settings.window_shards
    sent = 0
    for kind in kinds:
        with database.begin() as connection:
            if kind == "ingest":
                tokens = jobs.queue_sources(connection, job.job_id, SHARD_SOURCES, window)
            else:
                tokens = jobs.queue_pages(
                    connection, job.job_id, settings.shard_pages, window, SHARING
                )
        for token in tokens:
            send(app, kind, job.job_id, token, job.priority)
        sent += len(tokens)
    return sent


def shard_died(
    database: sqlalchemy.Engine,
    settings: Settings,
    kind: Kind,
    token: str,
    how: str | None = None,
) -> int:
    """Give back the work of a shard whose worker is known to be dead; return how much it was."""
    died = jobs.sources_died if kind == "ingest" else jobs.shard_died
    with database.begin() as connection:
        count = died(connection, token, settings.max_attempts, how)
    if count:
        _log.warning("the worker died", kind=kind, shard=token, left=count)
    return count


def give_back(database: sqlalchemy.Engine, kind: Kind, token: str) -> int:
    """Put back the work of a shard that nobody is at any more, blaming nobody."""
    back = jobs.give_back_sources if kind == "ingest" else jobs.give_back
    with database.begin() as connection:
        return back(connection, token)


def _bring_back_the_dead(database: sqlalchemy.Engine, settings: Settings) -> None:
    for kind in KINDS:
        with database.begin() as connection:
            tokens = jobs.stale_shards(connection, kind, settings.stale_seconds)
        for token in tokens:
            shard_died(database, settings, kind, token)


def _bring_back_the_lost(database: sqlalchemy.Engine, app: celery.Celery) -> None:
    """Send a message for every shard that is queued in Postgres and has none.

    Any message lets a worker take the shard whose turn it is, so that their number is all that
    counts. One too many is no harm: it finds nothing to do.
    """
    for kind in KINDS:
        with database.begin() as connection:
            queued = jobs.waiting_shards(connection, kind, _IN_TRANSIT)
        lost = len(queued) - count_waiting(app, [kind]) if queued else 0
        if lost > 0:
            _log.warning("messages were lost", kind=kind, shards=lost)
        for job, token in queued[: max(0, lost)]:
            send(app, kind, job.job_id, token, job.priority)
