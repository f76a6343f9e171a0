"""A worker for what is uploaded, where one machine does everything.

`ledgermill worker` is for machines that only work. Where the services are embedded and work is left
alone, the web application starts a worker of its own, and ends it when nothing has been left to do
for a while: it holds the networks in memory.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING

import sqlalchemy
import structlog

from pipeline.errors import LedgermillError
from storage import jobs
from storage.database import connect
from workers.settings import Settings

if TYPE_CHECKING:
    from workers.client import PrivateWorker

LOOK_SECONDS = 2.0
ALONE_SECONDS = 4.0
"""Work that nobody has begun with after so long waits for a worker of ours."""
IDLE_SECONDS = 120.0

_log = structlog.get_logger()

Start = Callable[[], AbstractContextManager["PrivateWorker"]]


@contextmanager
def working(settings: Settings, database_url: str, start: Start | None = None) -> Iterator[None]:
    """Have a worker while there is work, for as long as the context lasts."""
    stop = threading.Event()
    database = connect(database_url)

    def private() -> AbstractContextManager[PrivateWorker]:
        from workers.client import PrivateWorker  # which brings torch with it

        return PrivateWorker(settings)

    begin = start or private
    thread = threading.Thread(target=_tend, args=(database, begin, stop), name="work", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
        database.dispose()


def _tend(database: sqlalchemy.Engine, start: Start, stop: threading.Event) -> None:
    with ExitStack() as started:
        worker: PrivateWorker | None = None
        busy = 0.0
        while not stop.wait(LOOK_SECONDS):
            try:
                if worker is None and _left_alone(database):
                    worker = started.enter_context(start())
                    busy = time.monotonic()
                elif worker is not None:
                    worker.tend()
                    if _any_open(database):
                        busy = time.monotonic()
                    elif time.monotonic() - busy > IDLE_SECONDS:
                        started.pop_all().close()
                        worker = None
            except (LedgermillError, OSError) as error:  # seen again at the next look
                _log.warning("web.worker", error=str(error))


def _left_alone(database: sqlalchemy.Engine) -> bool:
    with database.connect() as connection:
        return any(
            jobs.waits_longer(connection, kind, ALONE_SECONDS) for kind in ("ingest", "digitize")
        )


def _any_open(database: sqlalchemy.Engine) -> bool:
    with database.connect() as connection:
        return bool(jobs.open_jobs(connection))
