"""Faults in a random order that a seed repeats; `benchmarks/faults.py` does the same at length."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from tests.faults.storm import (
    Fault,
    Storm,
    difference,
    flush_broker,
    inconsistencies,
    kill_backend,
    kill_broker,
    kill_reader,
    lose_messages,
    pause_postgres,
    repeat_messages,
    results,
    set_clock,
    set_database_clock,
)

FAULTS: list[Fault] = [
    set_clock,
    kill_reader,
    lose_messages,
    repeat_messages,
    kill_backend,
    set_database_clock,
    flush_broker,
    kill_broker,
    pause_postgres,
]
PAGES = 24


@pytest.fixture
def storm(machine: Any, database: sqlalchemy.Engine) -> Iterator[Storm]:
    made = Storm(
        machine=machine,
        database=database,
        broker_url=machine.broker_url,
        random=random.Random(5),
        collection="stormy-seed-5",
        profile=str(machine.home / "drawn.toml"),
        settings={
            "drawn_engine_seconds": 0.15,
            "ledgermill_shard_pages": 4,
            "ledgermill_heartbeat_seconds": 1,
            "ledgermill_stale_seconds": 15,
        },
    )
    yield made
    made.end()
    (machine.home / "clock").unlink(missing_ok=True)


@pytest.mark.timeout(300)
def test_one_fault_after_another_changes_nothing(machine: Any, storm: Storm) -> None:
    pages = machine.draw("seed-5", PAGES, first=500)
    drawn = ("--profile", storm.profile)
    status, calm = machine.run("ingest", str(pages), "-c", "calm-5", *drawn, "--wait")
    assert (status, calm["pages"]) == (0, {"done": PAGES})
    storm.submit(pages)
    faults = FAULTS.copy()
    storm.random.shuffle(faults)
    for number, fault in enumerate(faults):
        least = number * PAGES // len(faults)
        assert storm.wait(lambda least=least: storm.read() >= least, 90)  # type: ignore[misc]
        fault(storm)
        assert inconsistencies(storm) == [], fault.__name__
    assert storm.wait(lambda: not storm.unfinished(), 120), machine.log()
    assert inconsistencies(storm) == []
    expected, found = results(storm.database, "calm-5"), results(storm.database, storm.collection)
    assert len(expected) == PAGES
    assert difference(expected, found) is None


def test_what_differs_is_found() -> None:
    page = {"lines": [{"text": "29.92", "confidence": 0.9, "polygon": [[1.0, 2.0]]}]}
    assert difference(page, page) is None
    nearly = {"lines": [{"text": "29.92", "confidence": 0.9004, "polygon": [[1.0, 2.0]]}]}
    assert difference(page, nearly) is None
    others: list[dict[str, Any]] = [
        {"lines": []},
        {},
        {"lines": [{"text": "29.93", "confidence": 0.9, "polygon": [[1.0, 2.0]]}]},
        {"lines": [{"text": "29.92", "confidence": 0.902, "polygon": [[1.0, 2.0]]}]},
        {"lines": [{"text": "29.92", "confidence": 0.9, "polygon": [[1.0, 2.1]]}]},
    ]
    for other in others:
        assert difference(page, other) is not None
