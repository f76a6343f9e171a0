"""A manifest on a server with bad days is taken in whole, though workers are killed meanwhile."""

from __future__ import annotations

import contextlib
from typing import Any

import psutil
import pytest
import sqlalchemy
from sqlalchemy import text

from tests.workers.sources.remote.server import Fault, serving

COUNT = 12


def stored(database: sqlalchemy.Engine, collection: str) -> int:
    """Return how many canvases are taken in; 0 too while the database is away."""
    with contextlib.suppress(Exception), database.begin() as connection:
        return int(
            connection.execute(
                text(
                    "select count(*) from mill.page join mill.collection c"
                    " on c.id = collection_id where c.name = :name"
                ),
                {"name": collection},
            ).scalar_one()
        )
    return 0


def bad_day(path: str, count: int) -> Fault:
    """Return what goes wrong the first two times that something is asked for."""
    if count > 2 or not path.startswith("/iiif"):
        return None
    faults: tuple[Fault, ...] = ("busy", "truncated", "slow", "small", "cut", None, "reset")
    return faults[(int(path.split("/")[2]) * 3 + count) % len(faults)]


@pytest.mark.timeout(1500)
def test_a_manifest_is_complete_after_kills(machine: Any, database: sqlalchemy.Engine) -> None:
    with serving() as site:
        site.fault = bad_day
        client = machine.start(
            "ingest",
            site.manifest(COUNT),
            "-c",
            "fetched",
            "--profile",
            str(machine.home / "drawn.toml"),
            "--wait",
            "--json",
            ledgermill_allowed_hosts="127.0.0.1",
            ledgermill_fetches_per_second=30,
        )
        try:
            machine.wait_until(lambda: stored(database, "fetched") >= 4, "4 pages", 400)
            at_work = machine.workers(client, "ingest")
            assert at_work, "there is nothing to kill"
            for process in at_work:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            status, result = machine.finish(client, 1000)
        finally:
            client.kill()  # or it would revive what the next test stops
    assert (status, result["failed"], result["pages"]) == (0, [], {"done": COUNT})
    with database.begin() as connection:
        rows = connection.execute(
            text(
                "select d.told ->> 'canvas' as canvas, width, height from mill.document d"
                " join mill.document_page on document_id = d.id join mill.page on page.id = page_id"
                " join mill.image on image.sha256 = image_sha256 join mill.collection c"
                " on c.id = page.collection_id where c.name = 'fetched'"
            )
        ).all()
    assert {row.canvas for row in rows} == {f"{site.url}/canvas/{n}" for n in range(1, COUNT + 1)}
    assert len(rows) == COUNT
    assert {(row.width, row.height) for row in rows} == {(240, 160)}
