"""A worker that dies while pages are read again leaves each with one current reading."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy
from sqlalchemy import text

from storage.corrections import CellPlace, correct
from storage.rollback import RolledBack, roll_back

PAGES = 12

_CURRENT = """
    select run.name, count(*) as pages from mill.page
    join mill.transcription on page_id = page.id and run_id = current_run_id
    join mill.run on run.id = run_id
    join mill.collection on collection.id = collection_id and collection.name = 'again'
    group by run.name
"""


def current(database: sqlalchemy.Engine) -> dict[str, int]:
    """Return how many pages stand as each run has read them."""
    with database.begin() as connection:
        return {row.name: row.pages for row in connection.execute(text(_CURRENT))}


@pytest.mark.timeout(300)
def test_a_worker_dies_while_pages_are_read_again(
    machine: Any, database: sqlalchemy.Engine
) -> None:
    pages = machine.draw("again", PAGES, first=400)
    drawn = str(machine.home / "drawn.toml")
    status, _ = machine.run("ingest", str(pages), "-c", "again", "--profile", drawn, "--wait")
    assert status == 0
    ((first, count),) = current(database).items()
    assert count == PAGES
    with database.begin() as connection:
        page, run = connection.execute(
            text(
                "select page_id, current_run_id from mill.transcription join mill.page"
                " on page.id = page_id where current_run_id = run_id"
                " and run_id = (select id from mill.run where name = :name) order by 1 limit 1"
            ),
            {"name": first},
        ).one()
        correct(connection, page, run, CellPlace(0, 1, 1), "12.5", "ada", None)

    other = machine.home / "other.toml"
    other.write_text(Path(drawn).read_text() + "[recognition]\nreject_below = 0.6\n")
    asked = ("reprocess", "-c", "again", "--profile", str(other))
    slow = {"drawn_engine_seconds": 0.2, "ledgermill_shard_pages": 4}
    client = machine.start(*asked, "--wait", "--json", **slow)
    machine.wait_until(lambda: current(database).get(first, 0) < PAGES - 2, "3 pages")
    readers = machine.workers(client, "digitize")
    assert readers, "there is nothing to kill"
    for process in readers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    seen = current(database)
    assert sum(seen.values()) == PAGES
    status, ended = machine.finish(client)
    assert (status, ended["pages"], ended["failed"]) == (0, {"done": PAGES}, [])
    ((second, count),) = current(database).items()
    assert second != first
    assert count == PAGES
    with database.begin() as connection:
        assert connection.scalars(
            text("select text from cells where page_id = :page and corrected"), {"page": page}
        ).all() == ["12.5"]

    status, again = machine.run(*asked)
    assert (status, again["jobs"], again["current"]) == (0, [], PAGES)
    assert roll_back(database, first, "again", "ada") == RolledBack(PAGES, PAGES)
    assert current(database) == {first: PAGES}
    with database.begin() as connection:
        assert connection.scalars(text("select text from cells where corrected")).all() == ["12.5"]
