"""Jobs pause and go on, and what is read again waits for what is taken in."""

from __future__ import annotations

import pytest
import sqlalchemy
from sqlalchemy import text

from storage import jobs
from tests.storage.test_jobs import make_job, states


def test_a_paused_job_is_left_alone_until_it_is_resumed(
    connection: sqlalchemy.Connection,
) -> None:
    job = make_job(connection, 6)
    [token, _] = jobs.queue_pages(connection, job, 2, 2)
    shard = jobs.claim(connection, token, "w")
    assert shard is not None
    assert jobs.pause(connection, job) == "paused"
    assert jobs.pause(connection, job) == "already"
    connection.commit()
    assert sorted(states(connection, job).values()) == ["pending"] * 4 + ["running"] * 2
    assert jobs.progress(connection, job).state == "paused"
    assert jobs.open_jobs(connection) == []
    assert jobs.queue_pages(connection, job, 2, 2) == []
    assert jobs.turn(connection, "digitize") is None
    assert not jobs.waits_longer(connection, "digitize", 0)
    assert jobs.oldest_waiting(connection, "digitize") == 0
    for page in shard.pages:
        jobs.page_done(connection, job, page)
    assert jobs.finish_jobs(connection) == []
    assert jobs.resume(connection, job) == "resumed"
    assert jobs.resume(connection, job) == "already"
    assert len(jobs.queue_pages(connection, job, 2, 2)) == 2
    assert jobs.oldest_waiting(connection, "digitize") > 0
    jobs.cancel(connection, job)
    assert jobs.pause(connection, job) == "finished"
    with pytest.raises(LookupError):
        jobs.pause(connection, job + 1)


def test_live_pages_wait_for_no_more_than_the_shards_being_read(
    connection: sqlalchemy.Connection,
) -> None:
    """The window is full of what is read again, some of it at work, when pages are taken in."""
    again = make_job(connection, 12)
    connection.execute(
        text("update mill.job set kind = 'reprocess', priority = 8 where id = :job"), {"job": again}
    )
    queued = jobs.queue_pages(connection, again, 2, 4)
    assert jobs.turn(connection, "digitize") in queued
    run = connection.scalar(text("select run_id from mill.job where id = :job"), {"job": again})
    live = make_job(connection, 4, run)
    fresh = jobs.queue_pages(connection, live, 2, 4)
    order = []
    for _ in range(6):
        token = jobs.turn(connection, "digitize")
        assert token is not None
        order.append("live" if token in fresh else "again")
        jobs.claim(connection, token, "w")
    assert order == ["live", "live", "again", "again", "again", "again"]
