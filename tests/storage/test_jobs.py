from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from storage import jobs
from storage.jobs import ClaimedPage, ClaimedShard, NewSource, OpenJob, queueing
from storage.jobs.queueing import gather

Connection = sqlalchemy.Connection
RUN = (
    "insert into mill.run (profile, weights_digest, code_version, settings)"
    " values ('test', 'w', '1', '{}') returning id"
)


def make_job(connection: Connection, pages: int, run_id: int | None = None) -> int:
    """Add a job whose pages are numbered from 1 (in an empty database)."""
    if run_id is None:
        run_id = int(connection.execute(text(RUN)).scalar_one())
    collection_id = jobs.ensure_collection(connection, "c")
    connection.execute(
        text(
            "insert into mill.image (sha256, media_type, bytes, width, height)"
            " select lpad(i::text, 64, '0'), 'image/png', 1, 1, 1"
            " from generate_series(1, :n) i on conflict do nothing"
        ),
        {"n": pages},
    )
    connection.execute(
        text(
            "insert into mill.page (collection_id, image_sha256, name)"
            " select :c, lpad(i::text, 64, '0'), 'page-' || i from generate_series(1, :n) i"
            " order by i on conflict do nothing"
        ),
        {"n": pages, "c": collection_id},
    )
    job_id = jobs.create(connection, "ingest", collection_id, run_id)
    ids = connection.execute(text("select id from mill.page order by id limit :n"), {"n": pages})
    jobs.add_pages(connection, job_id, list(ids.scalars()))
    jobs.all_listed(connection, job_id)
    connection.commit()
    return job_id


def states(connection: Connection, job_id: int) -> dict[int, str]:
    rows = connection.execute(
        text("select page_id, state from mill.job_page where job_id = :j order by page_id"),
        {"j": job_id},
    )
    return {row.page_id: row.state for row in rows}


def take(connection: Connection, job_id: int, most: int = 16) -> ClaimedShard:
    (token,) = jobs.queue_pages(connection, job_id, most, 1)
    claimed = jobs.claim(connection, token, "w")
    assert claimed is not None
    return claimed


def numbers(shard: ClaimedShard) -> list[int]:
    return [page.page_id for page in shard.pages]


def drain(connection: Connection, job_id: int, most: int = 16) -> list[list[int]]:
    """Claim every shard that can be made now, and return their pages."""
    tokens = jobs.queue_pages(connection, job_id, most, 100)
    shards = [jobs.claim(connection, token, "w") for token in tokens]
    return [numbers(shard) for shard in shards if shard is not None]


def test_pages_are_queued_in_shards_within_the_window(connection: Connection) -> None:
    job_id = make_job(connection, 10)
    first = jobs.queue_pages(connection, job_id, 3, 2)
    assert len(first) == 2
    assert list(states(connection, job_id).values()) == ["queued"] * 6 + ["pending"] * 4
    assert jobs.queue_pages(connection, job_id, 3, 2) == []
    claimed = jobs.claim(connection, first[0], "w")
    assert claimed is not None
    assert numbers(claimed) == [1, 2, 3]
    assert len(jobs.queue_pages(connection, job_id, 3, 2)) == 1, "a claimed shard makes room"


def test_the_last_pages_are_left_to_many_readers(connection: Connection) -> None:
    job_id = make_job(connection, 40)
    sizes = []
    while tokens := jobs.queue_pages(connection, job_id, 8, 1, 4):
        shard = jobs.claim(connection, tokens[0], "w")
        assert shard is not None
        sizes.append(len(shard.pages))
    assert sizes == [8, 8, 6, 5, 4, 3, 2, 1, 1, 1, 1]


def test_what_is_coming_is_not_asked_for_where_enough_waits(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "_more_come", lambda *_: pytest.fail("it is asked"))
    job_id = make_job(connection, 40)
    assert len(jobs.queue_pages(connection, job_id, 8, 2, 4)) == 2


def test_while_more_are_coming_shards_are_not_too_small(connection: Connection) -> None:
    job_id = make_job(connection, 6)
    jobs.add_sources(connection, job_id, [NewSource("more.pdf", "0" * 64)])
    assert len(jobs.queue_pages(connection, job_id, 8, 8, 4)) == 1
    assert list(states(connection, job_id).values()) == ["queued"] * 4 + ["pending"] * 2


def test_a_shard_that_is_not_full_waits_for_more_pages(connection: Connection) -> None:
    job_id = make_job(connection, 5)
    jobs.add_sources(connection, job_id, [NewSource("more.pdf", "0" * 64)])
    (first,) = jobs.queue_pages(connection, job_id, 4, 8)
    assert list(states(connection, job_id).values()) == ["queued"] * 4 + ["pending"]
    assert jobs.queue_pages(connection, job_id, 4, 8) == []
    shard = jobs.claim(connection, first, "w")
    assert shard is not None
    assert jobs.queue_pages(connection, job_id, 4, 8) == []
    for page in shard.pages:
        jobs.page_done(connection, job_id, page)
    assert len(jobs.queue_pages(connection, job_id, 4, 8)) == 1, "but no worker waits for it"
    connection.execute(
        text("update mill.job_page set state = 'pending', shard = null where state = 'queued'")
    )
    jobs.source_refused(connection, job_id, 1, "empty")
    assert len(jobs.queue_pages(connection, job_id, 4, 8)) == 1


def test_what_a_client_that_went_away_had_listed_is_read_and_its_job_ends(
    connection: Connection,
) -> None:
    job_id = make_job(connection, 1)
    connection.execute(text("update mill.job set state = 'ingesting'"))
    assert jobs.close_abandoned(connection, 24) == []
    connection.execute(text("update mill.job set created_at = now() - interval '25 hours'"))
    jobs.add_sources(connection, job_id, [NewSource("a.png", "0" * 64)])
    assert jobs.close_abandoned(connection, 24) == [], "it goes on listing"
    connection.execute(text("update mill.job set listed_at = created_at"))
    assert jobs.close_abandoned(connection, 24) == [job_id]
    assert jobs.progress(connection, job_id).state == "running"
    assert [failure.what for failure in jobs.failures(connection, job_id)] == [
        "the rest of the sources"
    ]
    jobs.source_stored(connection, job_id, 1, None)
    for page in take(connection, job_id).pages:
        jobs.page_done(connection, job_id, page)
    assert jobs.finish_jobs(connection) == [job_id]
    jobs.add_sources(connection, job_id, [NewSource("late.png", "1" * 64)])
    assert jobs.progress(connection, job_id).state == "running", "it came back after all"


def test_a_message_delivered_twice_is_claimed_once(connection: Connection) -> None:
    job_id = make_job(connection, 3)
    shard = take(connection, job_id)
    assert jobs.claim(connection, shard.token, "other") is None
    assert jobs.claim(connection, "no such token", "other") is None
    counted = connection.execute(text("select count(*) from mill.attempt")).scalar_one()
    assert counted == 3


def test_two_workers_at_once_claim_it_once(
    connection: Connection, engine: sqlalchemy.Engine
) -> None:
    job_id = make_job(connection, 3)
    (token,) = jobs.queue_pages(connection, job_id, 16, 1)
    connection.commit()
    with engine.connect() as one, engine.connect() as two:
        assert jobs.claim(one, token, "one") is not None
        two.execute(text("set lock_timeout = '100ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            jobs.claim(two, token, "two")  # it waits for the first
        two.rollback()
        one.commit()
        assert jobs.claim(two, token, "two") is None


def test_an_attempt_is_counted_before_the_work(connection: Connection) -> None:
    job_id = make_job(connection, 1)
    shard = take(connection, job_id)
    row = connection.execute(text("select * from mill.attempt")).one()
    assert (row.number, row.worker, row.pages, row.outcome) == (1, "w", 1, None)
    assert shard.pages == (ClaimedPage(1, "1".rjust(64, "0"), 1, 1),)


def test_a_page_that_fails_goes_alone_and_is_then_set_aside(connection: Connection) -> None:
    job_id = make_job(connection, 8)
    shard = take(connection, job_id)
    jobs.page_done(connection, job_id, shard.pages[0])
    jobs.shard_failed(connection, shard.token, suspect=2, reason="ValueError: ink")
    assert drain(connection, job_id) == [[2], [3, 4, 5], [6, 7, 8]]
    token = connection.execute(
        text("select shard from mill.job_page where page_id = 2")
    ).scalar_one()
    jobs.shard_failed(connection, token, suspect=2, reason="ValueError: ink")
    assert states(connection, job_id)[2] == "quarantined"
    assert jobs.failures(connection, job_id) == [jobs.Failure("page-2", "ValueError: ink")]


def test_the_last_page_of_a_shard_is_not_blamed_for_the_others(connection: Connection) -> None:
    job_id = make_job(connection, 3)
    shard = take(connection, job_id)
    jobs.page_done(connection, job_id, shard.pages[0])
    jobs.page_done(connection, job_id, shard.pages[1])
    jobs.shard_failed(connection, shard.token, suspect=3, reason="MemoryError")
    assert states(connection, job_id)[3] == "pending"
    assert drain(connection, job_id) == [[3]]


@settings(deadline=None, max_examples=30)
@given(
    guilty=st.sets(st.integers(1, 40), max_size=6),
    most=st.integers(1, 16),
    deadly=st.booleans(),
)
def test_guilty_pages_end_alone_whatever_they_do(
    engine: sqlalchemy.Engine, guilty: set[int], most: int, deadly: bool
) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("truncate mill.job, mill.page, mill.run restart identity cascade"))
        job_id = int(make_job_uncommitted(connection, 40))
        for _ in range(400):
            tokens = jobs.queue_pages(connection, job_id, most, 3)
            if not tokens:
                break
            for token in tokens:
                shard = jobs.claim(connection, token, "w")
                assert shard is not None
                assert len(shard.pages) <= most
                found = [page for page in shard.pages if page.page_id in guilty]
                if not found:
                    for page in shard.pages:
                        jobs.page_done(connection, job_id, page)
                elif deadly:
                    jobs.shard_died(connection, token, 3)
                else:
                    done = itertools.takewhile(lambda p: p is not found[0], shard.pages)  # noqa: B023
                    for page in done:
                        jobs.page_done(connection, job_id, page)
                    jobs.shard_failed(connection, token, found[0].page_id, "bad")
        ended = states(connection, job_id)
        assert {page for page, state in ended.items() if state == "quarantined"} == guilty
        assert {page for page, state in ended.items() if state == "done"} == set(ended) - guilty
        assert jobs.finish_jobs(connection) == [job_id]
        transaction.rollback()


def make_job_uncommitted(connection: Connection, pages: int) -> int:
    nothing = connection.commit
    try:
        connection.commit = lambda: None  # type: ignore[method-assign]
        return make_job(connection, pages)
    finally:
        connection.commit = nothing  # type: ignore[method-assign]


@given(st.lists(st.integers(1, 9)))
def test_a_group_is_no_larger_than_any_of_its_limits(limits: list[int]) -> None:
    groups = gather(enumerate(limits))
    assert [number for group in groups for number in group] == list(range(len(limits)))
    assert all(len(group) <= limits[number] for group in groups for number in group)


def test_a_page_that_kills_its_worker_is_set_aside_at_the_limit(connection: Connection) -> None:
    job_id = make_job(connection, 1)
    for _ in range(2):
        shard = take(connection, job_id)
        jobs.shard_died(connection, shard.token, 3)
        assert states(connection, job_id) == {1: "pending"}
    shard = take(connection, job_id)
    jobs.shard_died(connection, shard.token, 3)
    assert [f.reason for f in jobs.failures(connection, job_id)] == [
        "the worker died 3 times on it"
    ]


def test_deaths_in_company_do_not_count_against_a_page(connection: Connection) -> None:
    job_id = make_job(connection, 2)
    for _ in range(5):
        connection.execute(text("update mill.job_page set shard_limit = null"))
        jobs.shard_died(connection, take(connection, job_id).token, 3)
    assert set(states(connection, job_id).values()) == {"pending"}


def test_a_worker_given_up_for_dead_may_still_finish(connection: Connection) -> None:
    job_id = make_job(connection, 2)
    first = take(connection, job_id)
    jobs.shard_died(connection, first.token, 3)
    second = take(connection, job_id)
    jobs.page_done(connection, job_id, first.pages[0])
    assert states(connection, job_id)[1] == "done"
    jobs.shard_died(connection, second.token, 3)
    jobs.page_failed(connection, second.token, 1, "too late")
    assert states(connection, job_id) == {1: "done", 2: "pending"}
    assert jobs.failures(connection, job_id) == []


def test_what_is_nobodys_fault_waits_ever_longer(connection: Connection) -> None:
    job_id = make_job(connection, 2)
    waits = []
    for _ in range(jobs.UNAVAILABLE_TRIES):
        connection.execute(text("update mill.job_page set not_before = null"))
        shard = take(connection, job_id)
        assert numbers(shard) == [1, 2], "the shard keeps its size"
        jobs.postpone(connection, shard.token, "database: gone")
        waits.append(
            connection.execute(
                text(
                    "select extract(epoch from not_before - clock_timestamp()) from mill.job_page"
                    " where page_id = 1"
                )
            ).scalar_one()
        )
        assert drain(connection, job_id) == []
    assert [round(float(wait)) for wait in waits[:-1]] == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert [f.reason for f in jobs.failures(connection, job_id)] == [
        "database: gone (given up after 10 tries)"
    ] * 2


def test_work_given_back_is_nobodys_fault(connection: Connection) -> None:
    job_id = make_job(connection, 3)
    shard = take(connection, job_id)
    jobs.page_done(connection, job_id, shard.pages[0])
    assert jobs.give_back(connection, shard.token) == 2
    assert drain(connection, job_id) == [[2, 3]]


def test_the_stale_are_found_by_the_clock_of_the_database(connection: Connection) -> None:
    job_id = make_job(connection, 4)
    (one, two) = jobs.queue_pages(connection, job_id, 2, 2)
    jobs.claim(connection, one, "w")
    jobs.claim(connection, two, "w")
    # Postgres may have started less than a minute ago; nobody is stale for longer than that.
    assert jobs.stale_shards(connection, "digitize", 3600) == []
    connection.execute(
        text("update mill.job_page set heartbeat_at = now() - interval '1 day' where shard = :t"),
        {"t": one},
    )
    connection.execute(text("select pg_sleep(0.05)"))
    assert one in jobs.stale_shards(connection, "digitize", 0.05)
    up = connection.execute(
        text("select extract(epoch from clock_timestamp() - pg_postmaster_start_time())")
    ).scalar_one()
    assert jobs.stale_shards(connection, "digitize", float(up) + 60) == []
    jobs.beat(connection, "digitize", one)
    assert jobs.stale_shards(connection, "digitize", 10) == []


def test_what_is_queued_and_not_taken_may_have_lost_its_message(connection: Connection) -> None:
    job_id = make_job(connection, 4)
    one, two = jobs.queue_pages(connection, job_id, 2, 2)
    connection.execute(text("select pg_sleep(0.02)"))
    waiting = jobs.waiting_shards(connection, "digitize", 0.01)
    assert sorted(waiting, key=str) == sorted(
        [(OpenJob(job_id, 5), one), (OpenJob(job_id, 5), two)], key=str
    )
    assert jobs.waiting_shards(connection, "digitize", 60) == []
    jobs.claim(connection, two, "w")
    assert jobs.waiting_shards(connection, "digitize", 0.01) == [(OpenJob(job_id, 5), one)]


def test_pages_that_the_run_has_read_are_done_at_once(connection: Connection) -> None:
    job_id = make_job(connection, 3)
    run_id = connection.execute(text("select run_id from mill.job")).scalar_one()
    other = make_job(connection, 3, run_id)
    insert = (
        "insert into mill.transcription (page_id, run_id, width, height, angle)"
        " values (:page, :run, 1, 1, 0)"
    )
    connection.execute(text(insert), {"page": 1, "run": run_id})
    assert numbers(take(connection, job_id)) == [2, 3], "one read for another job is not read again"
    connection.execute(text(insert), {"page": 2, "run": run_id})
    third = make_job(connection, 3, run_id)
    assert list(states(connection, third).values()) == ["done", "done", "pending"]
    jobs.add_pages(connection, other, [1, 2, 3])
    assert set(states(connection, other).values()) == {"pending"}, "what is there stays as it is"


def test_what_another_job_is_reading_is_not_read_twice(connection: Connection) -> None:
    first = make_job(connection, 2)
    shard = take(connection, first)
    second = connection.execute(
        text(
            "insert into mill.job (kind, collection_id, run_id, state)"
            " select 'reprocess', collection_id, run_id, 'running' from mill.job returning id"
        )
    ).scalar_one()
    jobs.add_pages(connection, second, [page.page_id for page in shard.pages])
    [token] = jobs.queue_pages(connection, second, 16, 50)
    assert jobs.claim(connection, token, "w") is None
    assert set(states(connection, second).values()) == {"pending"}
    assert jobs.queue_pages(connection, second, 16, 50) == [], "not before a while"
    jobs.page_failed(connection, shard.token, shard.pages[0].page_id, "unreadable")
    jobs.give_back(connection, shard.token)
    connection.execute(text("update mill.job_page set not_before = null"))
    again = take(connection, second)
    assert numbers(again) == numbers(shard), "the other job gave them up"
    assert [page.attempt for page in again.pages] == [1, 1]


def test_a_job_is_done_when_nothing_moves_and_all_is_listed(connection: Connection) -> None:
    job_id = make_job(connection, 1)
    connection.execute(text("update mill.job set state = 'ingesting'"))
    shard = take(connection, job_id)
    jobs.page_done(connection, job_id, shard.pages[0])
    assert jobs.finish_jobs(connection) == []
    jobs.add_sources(connection, job_id, [NewSource("a.png", "0" * 64)])
    jobs.all_listed(connection, job_id)
    assert jobs.finish_jobs(connection) == []
    jobs.source_refused(connection, job_id, 1, "empty")
    assert jobs.finish_jobs(connection) == [job_id]
    found = jobs.progress(connection, job_id)
    assert (found.state, found.sources, found.pages) == ("done", {"refused": 1}, {"done": 1})
    assert found.finished
    with pytest.raises(LookupError):
        jobs.progress(connection, 99)


def test_a_cancelled_job_queues_no_more(connection: Connection) -> None:
    job_id = make_job(connection, 4)
    jobs.queue_pages(connection, job_id, 2, 1)
    jobs.cancel(connection, job_id)
    assert set(states(connection, job_id).values()) == {"pending"}
    assert jobs.queue_pages(connection, job_id, 2, 1) == []
    assert jobs.open_jobs(connection) == []


# --- sources ------------------------------------------------------------------------------------


def with_sources(connection: Connection, count: int) -> int:
    job_id = make_job(connection, 0)
    listed = [NewSource(f"{n}.png", "0" * 64) for n in range(1, count + 1)]
    jobs.add_sources(connection, job_id, [*listed, NewSource("bad.png", None, "empty")])
    return job_id


def test_sources_are_taken_one_at_a_time(connection: Connection) -> None:
    job_id = with_sources(connection, 3)
    one, two = jobs.queue_sources(connection, job_id, 2, 5)
    first = jobs.claim_source(connection, one)
    assert first == jobs.ClaimedSource(job_id, 1, "1.png", "0" * 64, 1)
    jobs.source_stored(connection, job_id, 1, None)
    second = jobs.claim_source(connection, one)
    assert second is not None
    assert second.number == 2
    assert jobs.claim_source(connection, one) is None
    jobs.source_refused(connection, job_id, 2, "truncated")
    assert jobs.claim_source(connection, two) is not None
    assert jobs.progress(connection, job_id).sources == {"stored": 1, "refused": 2, "running": 1}
    assert [f.what for f in jobs.failures(connection, job_id)] == ["2.png", "bad.png"]


def test_a_source_that_a_heartbeat_holds_is_waited_for(connection: Connection) -> None:
    job_id = with_sources(connection, 1)
    (token,) = jobs.queue_sources(connection, job_id, 8, 1)
    connection.commit()
    with connection.engine.connect() as other, ThreadPoolExecutor(1) as pool:
        other.execute(text("select from mill.job_source where number = 1 for update"))
        claimed = pool.submit(jobs.claim_source, connection, token)
        with pytest.raises(TimeoutError):
            claimed.result(0.2)
        other.rollback()
        found = claimed.result(10)
    assert found is not None
    assert found.number == 1


def test_a_source_that_kills_its_worker_is_refused_alone(connection: Connection) -> None:
    job_id = with_sources(connection, 3)
    for expected in ("pending", "pending", "refused"):
        tokens = jobs.queue_sources(connection, job_id, 8, 1)
        assert jobs.claim_source(connection, tokens[0]) is not None
        assert jobs.sources_died(connection, tokens[0], 3) == 3
        state = connection.execute(
            text("select state from mill.job_source where number = 1")
        ).scalar_one()
        assert state == expected
    assert jobs.progress(connection, job_id).sources == {"pending": 2, "refused": 2}
    assert jobs.failures(connection, job_id)[0].reason == "the worker died 3 times on it"


def test_sources_given_back_or_postponed(connection: Connection) -> None:
    job_id = with_sources(connection, 2)
    (token,) = jobs.queue_sources(connection, job_id, 8, 1)
    assert jobs.claim_source(connection, token) is not None
    assert jobs.give_back_sources(connection, token) == 2
    attempts = connection.execute(text("select max(attempts) from mill.job_source")).scalar_one()
    assert attempts == 0
    (token,) = jobs.queue_sources(connection, job_id, 8, 1)
    claimed = jobs.claim_source(connection, token)
    assert claimed is not None
    jobs.source_postponed(connection, token, claimed, "store: gone")
    assert jobs.progress(connection, job_id).sources == {"pending": 1, "queued": 1, "refused": 1}
    assert jobs.queue_sources(connection, job_id, 8, 2) == []
