from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy
from sqlalchemy import text

from storage import jobs
from storage.database import connect
from storage.jobs import NewSource
from workers.app import celery_app
from workers.monitoring.survey import Surveyor, ask

Engine = sqlalchemy.Engine
MakeJob = Callable[..., int]


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_pages_and_sources_are_counted_by_state(engine: Engine, make_job: MakeJob) -> None:
    job_id = make_job(5)
    with engine.begin() as connection:
        jobs.add_sources(connection, job_id, [NewSource("a.png", "1" * 64)])
        tokens = jobs.queue_pages(connection, job_id, 2, 2)
        shard = jobs.claim(connection, tokens[0], "w")
        assert shard is not None
        jobs.page_failed(connection, tokens[0], shard.pages[0].page_id, "torn")
        work = ask(connection, 600)
    assert work.pages == {"pending": 1, "queued": 2, "running": 1, "done": 0, "quarantined": 1}
    assert work.sources["pending"] == 1
    assert work.sources["stored"] == 0
    assert work.quarantined == 1


def test_pages_set_aside_are_counted_after_their_job_too(engine: Engine, make_job: MakeJob) -> None:
    job_id = make_job(1)
    with engine.begin() as connection:
        (token,) = jobs.queue_pages(connection, job_id, 1, 1)
        assert jobs.claim(connection, token, "w") is not None
        jobs.page_failed(connection, token, 1, "torn")
        assert jobs.finish_jobs(connection) == [job_id]
        work = ask(connection, 600)
    assert set(work.pages.values()) == {0}
    assert work.quarantined == 1


@pytest.mark.parametrize("queued", [False, True])
def test_the_oldest_waits_since_it_was_asked_for(
    engine: Engine, make_job: MakeJob, queued: bool
) -> None:
    job_id = make_job(2)
    # The pages are old, but nobody wanted them read until an hour ago.
    change(engine, "update mill.page set created_at = now() - interval '9 days'")
    change(engine, "update mill.job set created_at = now() - interval '1 hour'")
    with engine.begin() as connection:
        if queued:
            jobs.queue_pages(connection, job_id, 8, 1)
        assert jobs.oldest_waiting(connection, "digitize") == pytest.approx(3600, abs=60)
        assert jobs.oldest_waiting(connection, "ingest") == 0


def test_work_that_somebody_is_at_does_not_wait(engine: Engine, make_job: MakeJob) -> None:
    job_id = make_job(2)
    change(engine, "update mill.job set created_at = now() - interval '1 hour'")
    change(engine, "update mill.page set created_at = now() - interval '1 hour'")
    with engine.begin() as connection:
        assert jobs.waits_longer(connection, "digitize", 600)
        (token,) = jobs.queue_pages(connection, job_id, 8, 1)
        assert not jobs.waits_longer(connection, "digitize", 600), "it was queued just now"
        jobs.claim(connection, token, "w")
        assert jobs.oldest_waiting(connection, "digitize") == 0


def test_what_is_to_be_tried_later_is_not_overdue_before(engine: Engine, make_job: MakeJob) -> None:
    make_job(1)
    change(engine, "update mill.job set created_at = now() - interval '1 hour'")
    change(engine, "update mill.page set created_at = now() - interval '1 hour'")
    change(engine, "update mill.job_page set not_before = now() + interval '1 minute'")
    with engine.begin() as connection:
        assert not jobs.waits_longer(connection, "digitize", 600)


def test_a_job_that_was_ended_waits_for_nothing(engine: Engine, make_job: MakeJob) -> None:
    job_id = make_job(1)
    change(engine, "update mill.job set created_at = now() - interval '1 hour'")
    change(engine, "update mill.page set created_at = now() - interval '1 hour'")
    with engine.begin() as connection:
        jobs.cancel(connection, job_id)
        assert not jobs.waits_longer(connection, "digitize", 600)
        assert jobs.oldest_waiting(connection, "digitize") == 0


def test_services_that_do_not_answer_are_said_not_to(
    engine: Engine, make_job: MakeJob, broker_url: str
) -> None:
    make_job(3)
    there = Surveyor(engine, celery_app(broker_url), 600)
    assert there.latest() is None
    found = there.look()
    assert there.latest() == found
    assert found.work is not None
    assert found.work.pages["pending"] == 3
    assert found.messages == {"ingest": 0, "digitize": 0, "export": 0}

    gone = connect("postgresql://u@127.0.0.1:1/none")
    away = Surveyor(gone, celery_app("redis://127.0.0.1:1/0"), 600).look()
    gone.dispose()
    assert (away.work, away.messages) == (None, None)
