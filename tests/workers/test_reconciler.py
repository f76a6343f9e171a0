from __future__ import annotations

from collections.abc import Callable, Iterator

import celery
import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import Unavailable
from storage import jobs
from tests.workers.broker import tokens_in_broker
from workers import reconciler
from workers.app import celery_app, send
from workers.reconciler import reconcile, refill
from workers.settings import Settings

Engine = sqlalchemy.Engine
MakeJob = Callable[..., int]
SETTINGS = Settings(shard_pages=2, window_shards=3, stale_seconds=30)


@pytest.fixture
def app(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[celery.Celery]:
    monkeypatch.setattr(reconciler, "_IN_TRANSIT", -1.0)
    monkeypatch.setattr(reconciler, "SHARING", 1)
    made = celery_app(broker_url)
    flush(made)
    yield made
    flush(made)


def flush(app: celery.Celery) -> None:
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushall()


def tokens(engine: Engine, state: str = "queued") -> set[str]:
    with engine.begin() as connection:
        statement = text("select distinct shard from mill.job_page where state = :state")
        return set(connection.execute(statement, {"state": state}).scalars())


def states(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(
            connection.execute(text("select state from mill.job_page order by page_id")).scalars()
        )


def test_the_window_is_filled_and_no_more(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    make_job(20)
    for _ in range(3):
        assert reconcile(engine, app, SETTINGS)
    assert states(engine).count("queued") == 6
    assert tokens_in_broker(app, "digitize") == sorted(tokens(engine))


def test_a_flushed_broker_gets_its_messages_again(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    make_job(20)
    reconcile(engine, app, SETTINGS)
    before = tokens(engine)
    flush(app)
    reconcile(engine, app, SETTINGS)
    assert tokens(engine) == before
    assert tokens_in_broker(app, "digitize") == sorted(before)
    reconcile(engine, app, SETTINGS)
    assert tokens_in_broker(app, "digitize") == sorted(before), "and none of them twice"


def test_what_waits_in_the_broker_is_left_there(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    make_job(4)
    reconcile(engine, app, SETTINGS)
    before = tokens(engine)
    with engine.begin() as connection:
        connection.execute(text("update mill.job_page set heartbeat_at = '2000-01-01'"))
    reconcile(engine, app, SETTINGS)
    assert tokens(engine) == before, "a long queue is no reason to send it all again"


def test_a_message_taken_and_never_claimed_is_sent_again(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    make_job(2)
    reconcile(engine, app, SETTINGS)
    before = tokens(engine)
    with app.connection_for_read() as connection:  # a worker that took it and died at once
        channel = connection.channel()
        consumer = app.amqp.TaskConsumer(channel)
        consumer.consume()
        channel.qos.restore_at_shutdown = False
        taken: list[object] = []
        consumer.on_message = taken.append
        connection.drain_events(timeout=5)
        assert len(taken) == 1
        assert tokens_in_broker(app, "digitize") == []
        reconcile(engine, app, SETTINGS)
        assert tokens_in_broker(app, "digitize") == sorted(before)
        channel.qos._delivered.clear()


def test_a_commit_without_its_message_is_sent_again(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    job_id = make_job(2)
    with engine.begin() as connection:
        jobs.queue_pages(connection, job_id, 2, 1)  # and then the sender dies
    reconcile(engine, app, SETTINGS)
    assert tokens_in_broker(app, "digitize") == sorted(tokens(engine))
    assert len(tokens(engine)) == 1


def test_pages_without_a_heartbeat_are_split_and_sent_again(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    make_job(2)
    reconcile(engine, app, SETTINGS)
    (token,) = tokens(engine)
    with engine.begin() as connection:
        assert jobs.claim(connection, token, "w") is not None
        connection.execute(text("select pg_sleep(0.1)"))
    eager = SETTINGS.model_copy(update={"stale_seconds": 0.05})
    reconcile(engine, app, eager)
    assert states(engine) == ["queued", "queued"]
    assert len(tokens(engine)) == 2
    with engine.begin() as connection:
        outcomes = connection.execute(text("select outcome from mill.attempt")).scalars().all()
    assert outcomes == ["died", "died"]


def test_one_at_a_time(engine: Engine, app: celery.Celery, make_job: MakeJob) -> None:
    make_job(2)
    with engine.connect() as other:
        other.execute(text("select pg_advisory_lock(:key)"), {"key": reconciler._LOCK})
        assert not reconcile(engine, app, SETTINGS)
        assert states(engine) == ["pending"] * 2
        other.execute(text("select pg_advisory_unlock(:key)"), {"key": reconciler._LOCK})
    assert reconcile(engine, app, SETTINGS)
    assert states(engine) == ["queued"] * 2


def test_without_a_broker_the_pages_stay_safe(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    make_job(2)
    with pytest.raises(Unavailable):
        reconcile(engine, celery_app("redis+socket:///tmp/no-such.sock"), SETTINGS)
    assert states(engine) == ["queued"] * 2
    assert reconcile(engine, app, SETTINGS), "the lock is free again"
    assert tokens_in_broker(app, "digitize") == sorted(tokens(engine))


def test_jobs_whose_work_is_finished_are_done(
    engine: Engine, app: celery.Celery, make_job: MakeJob
) -> None:
    job_id = make_job(0)
    reconcile(engine, app, SETTINGS)
    with engine.begin() as connection:
        assert jobs.progress(connection, job_id).finished


def test_urgent_jobs_go_first(engine: Engine, app: celery.Celery, make_job: MakeJob) -> None:
    job_id = make_job(2)
    with engine.begin() as connection:
        connection.execute(text("update mill.job set priority = 1"))
        (job,) = jobs.open_jobs(connection)
    send(app, "digitize", 99, "bulk", 5)
    assert refill(engine, app, SETTINGS, job) == 1
    with app.connection_for_read() as connection:
        first = connection.SimpleQueue(app.amqp.queues["digitize"]).get(timeout=5)
        assert first.payload[1]["job"] == job_id
        first.ack()
