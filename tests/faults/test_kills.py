"""Whatever dies in the middle of a job: the job ends complete, as if nothing had happened."""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Any

import cv2
import psutil
import pytest
import sqlalchemy
from sqlalchemy import text

from tests.faults.storm import difference, results

Database = sqlalchemy.Engine


def done(database: Database, collection: str) -> int:
    """Return how many pages of a collection are read; 0 too while the database is away."""
    try:
        with database.begin() as connection:
            found = connection.execute(
                text(
                    "select count(*) from mill.transcription t join mill.page on page.id = page_id"
                    " join mill.collection c on c.id = collection_id where c.name = :name"
                ),
                {"name": collection},
            )
            return int(found.scalar_one())
    except Exception:
        return 0


def kill(processes: list[psutil.Process]) -> None:
    assert processes, "there is nothing to kill"
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.mark.timeout(300)
def test_worker_database_and_broker_die_in_one_job(machine: Any, database: Database) -> None:
    pages = machine.draw("kills", 40)
    drawn = ("--profile", str(machine.home / "drawn.toml"))
    status, calm = machine.run("ingest", str(pages), "-c", "calm", *drawn, "--wait")
    assert (status, calm["pages"]) == (0, {"done": 40})

    slow = {"drawn_engine_seconds": 0.1, "ledgermill_shard_pages": 4}
    client = machine.start("ingest", str(pages), "-c", "stormy", *drawn, "--wait", "--json", **slow)
    machine.wait_until(lambda: done(database, "stormy") >= 5, "5 pages")
    kill(machine.workers(client, "digitize"))
    machine.wait_until(lambda: done(database, "stormy") >= 12, "12 pages")
    machine.kill_postgres()
    machine.wait_until(lambda: done(database, "stormy") >= 20, "20 pages")
    machine.flush_broker()
    machine.wait_until(lambda: done(database, "stormy") >= 28, "28 pages")
    supervisors = [p for p in psutil.Process(client.pid).children() if p.is_running()]
    kill(supervisors)
    status, stormy = machine.finish(client)

    assert (status, stormy["pages"], stormy["failed"]) == (0, {"done": 40}, [])
    expected = results(database, "calm")
    assert len(expected) == 40
    assert all(page["tables"] and page["lines"] for page in expected.values())
    assert difference(expected, results(database, "stormy")) is None
    with database.begin() as connection:
        twice = connection.execute(
            text(
                "select page_id from mill.transcription group by page_id, run_id"
                " having count(*) > 1"
            )
        ).all()
        moving = connection.execute(
            text("select count(*) from mill.job_page where state <> 'done' and job_id = :job"),
            {"job": stormy["job"]},
        ).scalar_one()
    assert not twice
    assert moving == 0


@pytest.mark.timeout(300)
def test_the_real_engine_reads_the_same_after_a_kill(machine: Any, database: Database) -> None:
    sample = cv2.imread(str(Path(__file__).parents[2] / "samples" / "daily-ledger.jpg"), 0)
    assert sample is not None
    pages = machine.home / "real"
    pages.mkdir()
    for number, top in enumerate(range(200, 1000, 200)):
        cv2.imwrite(str(pages / f"part-{number}.png"), sample[top : top + 400, 200:1000])
    status, calm = machine.run("ingest", str(pages), "-c", "real-calm", "--wait")
    assert (status, calm["pages"]) == (0, {"done": 4})
    client = machine.start("ingest", str(pages), "-c", "real-stormy", "--wait", "--json")
    machine.wait_until(lambda: done(database, "real-stormy") >= 1, "a page")
    kill(machine.workers(client, "digitize"))
    status, stormy = machine.finish(client)
    assert (status, stormy["pages"]) == (0, {"done": 4})
    expected = results(database, "real-calm")
    assert all(page["lines"] or page["tables"] for page in expected.values())
    assert difference(expected, results(database, "real-stormy")) is None


@pytest.mark.timeout(200)
def test_the_broker_is_killed_and_messages_are_lost(machine: Any, database: Database) -> None:
    pages = machine.draw("broker", 16)
    slow = {"drawn_engine_seconds": 0.1, "ledgermill_shard_pages": 2}
    client = machine.start(
        "ingest",
        str(pages),
        "-c",
        "broker",
        "--profile",
        str(machine.home / "drawn.toml"),
        "--wait",
        "--json",
        **slow,
    )
    machine.wait_until(lambda: done(database, "broker") >= 3, "3 pages")
    psutil.Process(int(machine.ask("services.status()[1].pid"))).kill()
    status, result = machine.finish(client)
    assert (status, result["pages"]) == (0, {"done": 16})


def test_a_client_that_is_killed_takes_its_worker_along(machine: Any, database: Database) -> None:
    pages: Path = machine.draw("client", 12)
    drawn = ("--profile", str(machine.home / "drawn.toml"))
    slow = {"drawn_engine_seconds": 0.3, "ledgermill_shard_pages": 4}
    client = machine.start("ingest", str(pages), "-c", "client", *drawn, "--wait", **slow)
    machine.wait_until(lambda: done(database, "client") >= 2, "2 pages")
    children = psutil.Process(client.pid).children(recursive=True)
    client.kill()
    client.communicate()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    status, result = machine.run("ingest", str(pages), "-c", "client", *drawn, "--wait")
    assert (status, result["pages"]) == (0, {"done": 12})


@pytest.mark.timeout(200)
def test_a_worker_that_nobody_waits_for_revives_the_database(
    machine: Any, database: Database
) -> None:
    """A bulk job runs for days with workers alone: no client is there to start what died."""
    pages = machine.draw("alone", 24)
    drawn = ("--profile", str(machine.home / "drawn.toml"))
    status, submitted = machine.run("ingest", str(pages), "-c", "alone", *drawn)
    assert (status, submitted["sources"]) == (0, 24)
    worker = machine.start("worker", drawn_engine_seconds=0.1, ledgermill_shard_pages=4)
    try:
        machine.wait_until(lambda: done(database, "alone") >= 4, "4 pages")
        machine.kill_postgres()
        machine.wait_until(lambda: done(database, "alone") == 24, "24 pages")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert worker.returncode == 0
