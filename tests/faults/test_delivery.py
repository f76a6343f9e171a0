"""Every message delivered several times, in any order, early and late: each page is read once."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
import sqlalchemy
from sqlalchemy import text

KEY = "digitize\x06\x165"
PAGES = 36
"""More than a worker has begun at any time: those it reads to their end."""


def count(database: sqlalchemy.Engine, statement: str, job_id: int) -> int:
    with database.begin() as connection:
        return int(connection.execute(text(statement), {"job": job_id}).scalar_one())


@contextmanager
def worker(machine: Any, queue: str, **settings: object) -> Iterator[subprocess.Popen[str]]:
    process = machine.start("worker", "--queues", queue, **settings)
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0, "told to stop, it stops in good order"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.timeout(200)
def test_messages_that_come_again_and_again(machine: Any, database: sqlalchemy.Engine) -> None:
    pages = machine.draw("delivery", 24)
    status, submitted = machine.run(
        "ingest", str(pages), "-c", "twice", "--profile", str(machine.home / "drawn.toml")
    )
    assert (status, submitted["sources"]) == (0, 24)
    job_id = submitted["job"]
    small = {"ledgermill_shard_pages": 3}
    queued = "select count(*) from mill.job_page where job_id = :job and state = 'queued'"
    with worker(machine, "ingest", **small):
        machine.wait_until(lambda: count(database, queued, job_id) == 24, "24 pages are queued")
    url = machine.broker_url.replace("redis+socket://", "unix://", 1)
    with redis.Redis.from_url(url) as broker:
        messages = broker.lrange(KEY, 0, -1)
        assert len(messages) >= 8
        again = messages * 3
        random.Random(1).shuffle(again)
        broker.delete(KEY)
        broker.lpush(KEY, *again)
        done = "select count(*) from mill.job_page where job_id = :job and state = 'done'"
        with (
            worker(machine, "digitize", **small),
            worker(machine, "digitize", **small),
        ):
            machine.wait_until(lambda: count(database, done, job_id) == 24, "24 pages are read")
            broker.lpush(KEY, *again)  # and once more, long after
            machine.wait_until(lambda: broker.llen(KEY) == 0, "every message is taken")
    tried = "select count(*) from mill.attempt where job_id = :job"
    assert count(database, tried, job_id) == 24
    read = (
        "select count(*) from mill.transcription join mill.job_page using (page_id)"
        " where job_id = :job"
    )
    assert count(database, read, job_id) == 24
    with database.begin() as connection:
        state = connection.execute(
            text("select state from mill.job where id = :job"), {"job": job_id}
        ).scalar_one()
    assert state == "done"


@pytest.mark.timeout(120)
def test_an_interrupted_client_ends_its_job_and_keeps_what_is_read(
    machine: Any, database: sqlalchemy.Engine
) -> None:
    pages = machine.draw("interrupted", PAGES)
    out = machine.home / "interrupted-out"
    command = ("digitize", str(pages), "--out", str(out), "--collection", "interrupted")
    drawn = ("--profile", str(machine.home / "drawn.toml"))
    client = machine.start(*command, *drawn, drawn_engine_seconds=0.3, ledgermill_shard_pages=4)
    job = "select coalesce(max(id), 0) from mill.job where id > :job"
    before = count(database, "select coalesce(max(id), 0) from mill.job where :job = 0", 0)
    machine.wait_until(lambda: count(database, job, before) > before, "a job")
    job_id = count(database, job, before)
    done = "select count(*) from mill.job_page where job_id = :job and state = 'done'"
    machine.wait_until(lambda: count(database, done, job_id) >= 2, "2 pages are read")
    client.send_signal(signal.SIGINT)
    _, complaints = client.communicate(timeout=60)
    assert client.returncode == 130
    assert complaints.strip().endswith("ledgermill: interrupted")
    kept = count(database, done, job_id)
    assert 2 <= kept < PAGES
    running = "select count(*) from mill.job_page where job_id = :job and state = 'running'"
    assert count(database, running, job_id) == 0, "its worker gave back what it had not begun"
    status, result = machine.run(*command, *drawn)
    assert (status, result["pages"]) == (0, {"done": PAGES})
    assert len(result["files"]) == 2 * PAGES
    again = "select count(*) from mill.attempt where job_id = :job"
    assert count(database, again, result["job"]) == PAGES - kept
    status, result = machine.run(*command, *drawn)
    assert (status, result["pages"], len(result["files"])) == (0, {"done": PAGES}, 2 * PAGES)
    assert count(database, again, result["job"]) == 0, "there is nothing left to read"
