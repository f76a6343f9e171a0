"""A worker is there while there is work that nobody else does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy

from storage import jobs
from storage.jobs import NewSource
from web import working
from workers.services import Endpoints
from workers.settings import settings


class Worker:
    def tend(self) -> None:
        """Be alive."""


def test_a_worker_comes_with_work_and_goes_with_it(
    connection: sqlalchemy.Connection, services: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in (("LOOK", 0.02), ("ALONE", 0.1), ("IDLE", 0.1)):
        monkeypatch.setattr(working, f"{name}_SECONDS", seconds)
    seen: list[str] = []

    @contextmanager
    def start() -> Iterator[Any]:
        seen.append("came")
        yield Worker()
        seen.append("went")

    with working.working(settings(), services.database_url, start):
        time.sleep(0.3)
        assert seen == []
        collection = jobs.ensure_collection(connection, "c")
        job = jobs.create(connection, "ingest", collection, None)
        jobs.add_sources(connection, job, [NewSource("a.jpg", "0" * 64)])
        jobs.all_listed(connection, job)
        connection.commit()
        wait_until(lambda: seen == ["came"])
        jobs.cancel(connection, job)
        connection.commit()
        wait_until(lambda: seen == ["came", "went"])
        job = jobs.create(connection, "ingest", collection, None)
        jobs.add_sources(connection, job, [NewSource("b.jpg", "1" * 64)])
        connection.commit()
        wait_until(lambda: seen == ["came", "went", "came"])
    assert seen == ["came", "went", "came", "went"]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
