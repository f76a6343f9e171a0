"""Jobs of equal priority take turns, whatever their size; more urgent ones go first."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import text

from storage import jobs
from storage.jobs import NewSource
from tests.storage.test_jobs import make_job

Connection = sqlalchemy.Connection


def served(connection: Connection, shards: int) -> list[int]:
    """Take so many shards in turn; return whose they were."""
    order = []
    for _ in range(shards):
        token = jobs.turn(connection, "digitize")
        connection.commit()
        if token is None:
            break
        shard = jobs.claim(connection, token, "w")
        assert shard is not None
        order.append(shard.job_id)
    return order


def run(connection: Connection) -> int:
    return int(
        connection.execute(
            text(
                "insert into mill.run (profile, weights_digest, code_version, settings)"
                " values ('other', 'w', '1', '{}') returning id"
            )
        ).scalar_one()
    )


def test_a_large_job_lets_a_small_one_in_after_a_shard(connection: Connection) -> None:
    large = make_job(connection, 100)
    assert len(jobs.queue_pages(connection, large, 2, 50)) == 50
    assert served(connection, 3) == [large] * 3
    small = make_job(connection, 4, run(connection))
    jobs.queue_pages(connection, small, 2, 50)
    assert served(connection, 6) == [small, large, small, large, large, large]


def test_the_urgent_go_first_and_the_oldest_shard_of_a_job(connection: Connection) -> None:
    bulk = make_job(connection, 8)
    first, *_ = jobs.queue_pages(connection, bulk, 2, 8)
    assert jobs.turn(connection, "digitize") == first
    urgent = make_job(connection, 8, run(connection))
    connection.execute(text("update mill.job set priority = 2 where id = :id"), {"id": urgent})
    jobs.queue_pages(connection, urgent, 2, 8)
    assert served(connection, 9) == [urgent] * 4 + [bulk] * 4


def test_what_follows_is_of_the_same_run_and_was_never_tried(connection: Connection) -> None:
    job_id = make_job(connection, 6)
    run_id = connection.execute(text("select run_id from mill.job")).scalar_one()
    one, other, third = jobs.queue_pages(connection, job_id, 2, 3)
    assert jobs.turn(connection, "digitize", run_id + 1) is None
    assert jobs.turn(connection, "digitize", run_id) == one
    assert jobs.claim(connection, one, "w") is not None
    connection.execute(
        text("update mill.job_page set attempts = 1 where shard = :shard"), {"shard": other}
    )
    assert jobs.turn(connection, "digitize", run_id) is None, "it may end its process"
    assert jobs.turn(connection, "digitize") == other
    assert jobs.claim(connection, other, "w") is not None
    assert jobs.turn(connection, "digitize", run_id) == third


def test_where_nothing_is_queued_it_is_nobody_s_turn(connection: Connection) -> None:
    make_job(connection, 2)
    assert jobs.turn(connection, "digitize") is None
    assert jobs.turn(connection, "ingest") is None


def test_sources_that_a_worker_is_at_are_left_to_it(connection: Connection) -> None:
    job_id = make_job(connection, 0)
    names = [NewSource(f"{n}.png", f"{n:064}") for n in range(4)]
    jobs.add_sources(connection, job_id, names)
    one, other = jobs.queue_sources(connection, job_id, 2, 2)
    assert jobs.turn(connection, "ingest") == one
    assert jobs.claim_source(connection, one) is not None
    assert jobs.turn(connection, "ingest") == other
