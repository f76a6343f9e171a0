"""What Postgres and the broker know of all work, asked now and then by each worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import celery
import sqlalchemy
import structlog
from sqlalchemy import text

from pipeline.errors import LedgermillError
from storage import jobs
from storage.jobs import Kind
from workers.app import QUEUES, count_waiting
from workers.patience import reason
from workers.reconciler import KINDS

EVERY_SECONDS = 15.0
SHARE = 0.05
"""Of the time, asking takes no more than this: with very large jobs it is done less often."""

_PAGE_STATES = ("pending", "queued", "running", "done", "quarantined")
_SOURCE_STATES = ("pending", "queued", "running", "stored", "refused")
_LONGEST_QUESTION = "30s"

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
    """All work of the jobs that are not finished.

    `pages` and `sources` count by state; `oldest` has seconds, and `overdue` whether anything has
    been left alone for longer than `health_seconds`, by the kind of work. `held` jobs wait for
    what all their pages or sources fail for.
    """

    pages: Mapping[str, int]
    sources: Mapping[str, int]
    quarantined: int
    oldest: Mapping[Kind, float]
    overdue: Mapping[Kind, bool]
    held: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found; None where Postgres, or the broker, did not answer."""

    work: Work | None
    messages: Mapping[str, int] | None


class Surveyor:
    """Asks every `EVERY_SECONDS` or less, in a thread of its own; `latest` is what it found."""

    def __init__(
        self, database: sqlalchemy.Engine, app: celery.Celery, health_seconds: float
    ) -> None:
        self._database = database
        self._app = app
        self._health_seconds = health_seconds
        self._latest: Survey | None = None

    def latest(self) -> Survey | None:
        return self._latest

    def run(self, stop: threading.Event) -> None:
        """Ask again and again until `stop` is set."""
        pause = 0.0
        while not stop.wait(pause):
            begun = time.monotonic()
            self.look()
            often = min(EVERY_SECONDS, self._health_seconds / 2)
            pause = max(often, (time.monotonic() - begun) / SHARE)

    def look(self) -> Survey:
        """Ask once."""
        self._latest = Survey(self._work(), self._messages())
        return self._latest

    def _work(self) -> Work | None:
        try:
            with self._database.begin() as connection:
                connection.execute(text(f"set local statement_timeout = '{_LONGEST_QUESTION}'"))
                return ask(connection, self._health_seconds)
        except Exception as error:  # whatever it is, the worker works on without being surveyed
            _log.warning("not surveyed", reason=reason(error))
            return None

    def _messages(self) -> Mapping[str, int] | None:
        try:
            return {queue: count_waiting(self._app, [queue]) for queue in QUEUES}
        except LedgermillError:
            return None


def ask(connection: sqlalchemy.Connection, health_seconds: float) -> Work:
    """Return what Postgres knows; states of which there is nothing count 0."""
    pages = dict.fromkeys(_PAGE_STATES, 0) | jobs.counts(connection, "digitize")
    sources = dict.fromkeys(_SOURCE_STATES, 0) | jobs.counts(connection, "ingest")
    return Work(
        pages,
        sources,
        jobs.quarantined(connection),
        {kind: jobs.oldest_waiting(connection, kind) for kind in KINDS},
        {kind: jobs.waits_longer(connection, kind, health_seconds) for kind in KINDS},
        len({trouble.job_id for trouble in jobs.troubles(connection)}),
    )
