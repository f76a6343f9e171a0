"""Among everything that can go wrong, the good pages are taken in and every reason is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storage import jobs
from storage.objects import open_store
from tests.bad_input.folder import GOOD, IGNORED, reasons, write_folder
from workers.ingest import ingest_source, submit
from workers.sources import Limits, find_sources


def test_there_are_enough_of_them() -> None:
    assert len(reasons()) >= 40
    assert len(GOOD) == 5


def test_good_pages_are_taken_in_and_the_rest_is_refused_with_its_reason(
    connection: Connection, object_store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    write_folder(folder)
    monkeypatch.chdir(tmp_path)
    limits = Limits()
    store = open_store(object_store)
    job = jobs.create(connection, "ingest", jobs.ensure_collection(connection, "c"), None)
    connection.commit()

    submitted = submit(connection, store, job, find_sources(["scans"], limits), limits)
    assert submitted.ignored == len(IGNORED)
    assert submitted.found + submitted.refused == len(reasons()) + len(GOOD)
    numbers = connection.execute(
        text("select number from mill.job_source where state = 'pending' order by number")
    ).scalars()
    for number in numbers.all():
        connection.rollback()
        ingest_source(connection, store, job, number, limits)

    names = connection.execute(text("select name from mill.page order by id")).scalars().all()
    assert tuple(names) == GOOD
    given = {failure.what: failure.reason for failure in jobs.failures(connection, job)}
    assert len(given) == len(reasons())
    for name, reason in reasons().items():
        assert reason in given[f"scans/{name}"]
        assert "; " in given[f"scans/{name}"], "every reason comes with a remedy"
