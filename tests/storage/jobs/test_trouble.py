"""A fault that hits every page holds the job; a page that is bad itself is set aside."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy import text

from storage import jobs
from storage.jobs import ClaimedShard, ClaimedSource, NewSource
from storage.jobs.trouble import MOST
from tests.storage.test_jobs import make_job, states, take

Connection = sqlalchemy.Connection


def count(connection: Connection, job_id: int) -> dict[str, int]:
    return jobs.progress(connection, job_id).pages


def wait_over(connection: Connection) -> None:
    connection.execute(text("update mill.trouble set held_until = clock_timestamp()"))
    connection.execute(text("update mill.job_page set not_before = null"))


def read(connection: Connection, shard: ClaimedShard) -> None:
    for page in shard.pages:
        jobs.page_done(connection, shard.job_id, page)


def fail_alone(connection: Connection, job_id: int) -> int:
    shard = take(connection, job_id, 1)
    (page,) = shard.pages
    jobs.shard_failed(connection, shard.token, page.page_id, "no such device")
    return page.page_id


def test_pages_that_fail_in_a_row_wait_again_and_one_is_tried_at_a_time(
    connection: Connection,
) -> None:
    job_id = make_job(connection, MOST + 10)
    for _ in range(MOST - 1):
        fail_alone(connection, job_id)
    assert count(connection, job_id)["quarantined"] == MOST - 1
    assert jobs.troubles(connection) == []
    fail_alone(connection, job_id)
    assert count(connection, job_id) == {"pending": MOST + 10}
    (trouble,) = jobs.troubles(connection)
    assert (trouble.job_id, trouble.reason) == (job_id, "no such device")
    assert jobs.queue_pages(connection, job_id, 4, 8) == [], "it is held"

    wait_over(connection)
    (token,) = jobs.queue_pages(connection, job_id, 4, 8)
    assert jobs.queue_pages(connection, job_id, 4, 8) == [], "one alone is enough to tell"
    shard = jobs.claim(connection, token, "w")
    assert shard is not None
    assert [page.page_id for page in shard.pages] == [MOST + 1], "one that has not failed"
    jobs.shard_failed(connection, token, MOST + 1, "no such device")
    assert count(connection, job_id) == {"pending": MOST + 10}
    (again,) = jobs.troubles(connection)
    assert again.held_until > trouble.held_until

    wait_over(connection)
    read(connection, take(connection, job_id))
    assert jobs.troubles(connection) == []
    assert len(jobs.queue_pages(connection, job_id, 4, 99)) > MOST


def test_pages_that_fail_again_while_others_are_read_are_set_aside(connection: Connection) -> None:
    job_id = make_job(connection, MOST + 1)
    for _ in range(MOST):
        fail_alone(connection, job_id)
    wait_over(connection)
    read(connection, take(connection, job_id))
    for _ in range(MOST):
        fail_alone(connection, job_id)
    assert count(connection, job_id) == {"quarantined": MOST, "done": 1}
    assert jobs.troubles(connection) == []


def test_where_every_page_fails_none_is_left_to_try(connection: Connection) -> None:
    job_id = make_job(connection, MOST + 2)
    for _ in range(MOST):
        fail_alone(connection, job_id)
    for _ in range(2):
        wait_over(connection)
        fail_alone(connection, job_id)
    assert count(connection, job_id) == {"quarantined": MOST + 2}
    reasons = {failure.reason for failure in jobs.failures(connection, job_id)}
    assert reasons == {"no such device"}
    assert jobs.finish_jobs(connection) == [job_id]


def test_a_page_between_good_ones_is_set_aside_at_once(connection: Connection) -> None:
    job_id = make_job(connection, 2 * MOST + 2)
    for _ in range(MOST + 1):
        fail_alone(connection, job_id)
        read(connection, take(connection, job_id, 1))
    assert count(connection, job_id) == {"quarantined": MOST + 1, "done": MOST + 1}


def test_workers_that_die_on_page_after_page_hold_the_job(connection: Connection) -> None:
    job_id = make_job(connection, MOST + 1)
    for _ in range(MOST):
        for _ in range(2):
            shard = take(connection, job_id, 1)
            jobs.shard_died(connection, shard.token, 2, "SIGSEGV")
    assert count(connection, job_id) == {"pending": MOST + 1}
    assert "SIGSEGV" in jobs.troubles(connection)[0].reason


def test_what_is_not_there_holds_the_job_and_gives_up_no_page(connection: Connection) -> None:
    job_id = make_job(connection, 40)
    first, *_ = jobs.queue_pages(connection, job_id, 16, 8)
    assert jobs.claim(connection, first, "w") is not None
    jobs.postpone(connection, first, "object store: gone")
    assert set(states(connection, job_id).values()) == {"pending"}, "the others are called back"
    assert jobs.troubles(connection, job_id)[0].reason == "object store: gone"
    for _ in range(2 * jobs.UNAVAILABLE_TRIES):
        wait_over(connection)
        shard = take(connection, job_id)
        assert len(shard.pages) == 1
        jobs.postpone(connection, shard.token, "object store: gone")
    assert count(connection, job_id) == {"pending": 40}
    wait_over(connection)
    read(connection, take(connection, job_id))
    assert len(jobs.queue_pages(connection, job_id, 16, 8)) == 3


def test_one_page_that_cannot_be_had_is_given_up(connection: Connection) -> None:
    job_id = make_job(connection, 1)
    for _ in range(jobs.UNAVAILABLE_TRIES):
        connection.execute(text("update mill.job_page set not_before = null"))
        jobs.postpone(connection, take(connection, job_id).token, "gone")
    assert count(connection, job_id) == {"quarantined": 1}


def test_sources_are_held_too_and_none_is_refused(connection: Connection) -> None:
    job_id = make_job(connection, 0)
    names = [NewSource(f"{n}.png", f"{n:064}") for n in range(MOST + 4)]
    jobs.add_sources(connection, job_id, names)

    def claim() -> tuple[str, ClaimedSource]:
        (token,) = jobs.queue_sources(connection, job_id, 1, 1)
        source = jobs.claim_source(connection, token)
        assert source is not None
        return token, source

    for _ in range(MOST):
        jobs.source_postponed(connection, *claim(), "object store: gone", seconds=3600)
    assert jobs.queue_sources(connection, job_id, 16, 8) == []
    assert jobs.troubles(connection, job_id)[0].kind == "ingest"
    for _ in range(2 * jobs.UNAVAILABLE_TRIES):
        connection.execute(text("update mill.trouble set held_until = clock_timestamp()"))
        connection.execute(text("update mill.job_source set not_before = null"))
        jobs.source_postponed(connection, *claim(), "object store: gone")
    assert jobs.progress(connection, job_id).sources == {"pending": MOST + 4}
    connection.execute(text("update mill.trouble set held_until = clock_timestamp()"))
    connection.execute(text("update mill.job_source set not_before = null"))
    _, source = claim()
    jobs.source_stored(connection, job_id, source.number, None)
    assert jobs.troubles(connection) == []
    assert len(jobs.queue_sources(connection, job_id, 4, 8)) == 3


def test_a_database_whose_clock_was_set_back_waits_for_nothing(connection: Connection) -> None:
    job_id = make_job(connection, MOST + 2)
    for _ in range(MOST):
        fail_alone(connection, job_id)
    later = "clock_timestamp() + interval '1 hour'"
    connection.execute(text(f"update mill.trouble set held_until = {later}"))
    connection.execute(text(f"update mill.job_page set not_before = {later}"))
    shard = take(connection, job_id)
    connection.execute(
        text(f"update mill.job_page set heartbeat_at = {later} where state = 'running'")
    )
    jobs.stale_shards(connection, "digitize", 60)
    connection.execute(text("select pg_sleep(0.05)"))
    assert jobs.stale_shards(connection, "digitize", 0.05) == [shard.token]
