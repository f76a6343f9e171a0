from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput, Unavailable
from pipeline.version import CODE_VERSION
from storage import jobs
from storage.jobs import ClaimedSource, NewSource, RunOfShard
from storage.objects import StoreError, open_store
from tests.workers.broker import tokens_in_broker
from workers.app import celery_app
from workers.settings import Settings, settings
from workers.tasks import Bench, digitize_task, ingest_shard, reader_of

Engine = sqlalchemy.Engine
MakeJob = Callable[..., int]


@pytest.fixture
def bench(engine: Engine, broker_url: str, object_store: str) -> Iterator[Bench]:
    app = celery_app(broker_url)
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushall()
        yield Bench(
            settings=Settings(heartbeat_seconds=0.05),
            database=engine,
            store=open_store(object_store),
            app=app,
            name="w",
            note=lambda kind, token: None,
            stopping=lambda: False,
            end_process=lambda: pytest.fail("the process was ended"),
        )
        connection.default_channel.client.flushall()


@pytest.fixture
def token(engine: Engine, make_job: MakeJob) -> str:
    """Return the message of three sources, numbered from 1."""
    job_id = make_job(0)
    with engine.begin() as connection:
        jobs.add_sources(
            connection, job_id, [NewSource(f"{n}.png", str(n) * 64) for n in (1, 2, 3)]
        )
        return jobs.queue_sources(connection, job_id, 8, 1)[0]


def sources(engine: Engine) -> list[tuple[str, str | None]]:
    with engine.begin() as connection:
        rows = connection.execute(text("select state, reason from mill.job_source order by number"))
        return [(row.state, row.reason) for row in rows]


def stored(connection: Any, source: ClaimedSource, moved: Callable[[], None]) -> None:
    moved()
    jobs.source_stored(connection, source.job_id, source.number, None)


def test_sources_are_taken_in_one_by_one_and_their_job_ends(
    engine: Engine, bench: Bench, token: str
) -> None:
    assert ingest_shard(bench, token, stored) == 3
    assert sources(engine) == [("stored", None)] * 3
    with engine.begin() as connection:
        assert jobs.open_jobs(connection) == []
    assert ingest_shard(bench, token, stored) == 0, "a second delivery finds nothing"


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (BadInput("2.png", "torn", "mend it"), "refused", "2.png: torn; mend it"),
        (ValueError("odd"), "refused", "ValueError: odd"),
        (Unavailable("store: gone"), "pending", None),
        (StoreError("store: no rights"), "pending", None),
    ],
)
def test_one_bad_source_leaves_the_others_alone(
    engine: Engine, bench: Bench, token: str, error: Exception, state: str, reason: str | None
) -> None:
    def ingest(connection: Any, source: ClaimedSource, moved: Callable[[], None]) -> None:
        if source.number == 2:
            raise error
        stored(connection, source, moved)

    ingest_shard(bench, token, ingest)
    assert sources(engine) == [("stored", None), (state, reason), ("stored", None)]


def test_stopping_gives_back_what_is_not_begun(engine: Engine, bench: Bench, token: str) -> None:
    taken: list[int] = []

    def ingest(connection: Any, source: ClaimedSource, moved: Callable[[], None]) -> None:
        taken.append(source.number)
        stored(connection, source, moved)

    stopping = Bench(**{**vars(bench), "stopping": lambda: len(taken) >= 1})
    assert ingest_shard(stopping, token, ingest) == 1
    # Given back, and sent again for whoever comes next.
    assert sources(engine) == [("stored", None), ("queued", None), ("queued", None)]
    waiting = tokens_in_broker(bench.app, "ingest")
    assert len(waiting) == 1
    assert token not in waiting


def test_a_message_that_stands_for_nothing_is_dropped(bench: Bench, connection: Any) -> None:
    assert not digitize_task(bench, "0" * 16)


def test_pages_that_this_worker_cannot_read_wait_for_another(
    engine: Engine, bench: Bench, make_job: MakeJob
) -> None:
    job_id = make_job(2)  # by code of version 1
    with engine.begin() as connection:
        (token,) = jobs.queue_pages(connection, job_id, 8, 1)
    assert digitize_task(bench, token)
    with engine.begin() as connection:
        rows = connection.execute(
            text("select state, not_before > now() as later from mill.job_page")
        ).all()
        why = connection.execute(text("select distinct reason from mill.attempt")).scalar_one()
    assert [(row.state, row.later) for row in rows] == [("pending", True)] * 2
    assert why.startswith(f"worker: it is version {CODE_VERSION}, the job wants 1")


def test_other_weights_are_not_passed_off_as_the_run_s(object_store: str) -> None:
    run = RunOfShard(1, {"name": "default"}, "0" * 64, CODE_VERSION)
    with pytest.raises(Unavailable, match="its weights are"):
        reader_of(run, settings(), open_store(object_store))
