"""What stands for a page is what was asked for last, and earlier readings come back."""

from __future__ import annotations

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput
from storage import jobs, rollback
from storage.rollback import RolledBack, roll_back
from storage.runs import ensure_run, list_runs
from storage.transcriptions import load, save
from tests.storage.pages import MakePage, transcription


@pytest.fixture
def newer(connection: sqlalchemy.Connection) -> int:
    return ensure_run(connection, "newer", "cd" * 32, "1", {})


def said(connection: sqlalchemy.Connection, page: int) -> str:
    return load(connection, page).lines[0].text


def job_of(connection: sqlalchemy.Connection, run: int, page: int) -> int:
    collection = jobs.ensure_collection(connection, "ledgers")
    job = jobs.create(connection, "reprocess", collection, run)
    jobs.add_pages(connection, job, [page])
    connection.commit()
    return job


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_was_asked_for_last_stands_in_whatever_order_it_is_read(
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    newer: int,
    order: tuple[int, int],
) -> None:
    page = make_page("a")
    wishes = [(run_id, job_of(connection, run_id, page)), (newer, job_of(connection, newer, page))]
    for run, job in (wishes[i] for i in order):
        save(connection, page, run, transcription((f"by {run}",)), job)
        connection.commit()
    assert said(connection, page) == f"by {newer}"


def test_a_run_comes_back_in_a_collection_and_stays(
    engine: sqlalchemy.Engine,
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
    newer: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rollback, "_BATCH", 2)
    pages = [make_page(name) for name in "abc"] + [make_page("d", "others")]
    for run in (run_id, newer):
        for page in pages:
            save(connection, page, run, transcription((f"by {run}",)))
    late = job_of(connection, ensure_run(connection, "late", "ef" * 32, "1", {}), pages[0])
    first = next(run.name for run in list_runs(connection) if run.id == run_id)
    connection.commit()

    shown: list[int] = []
    assert roll_back(engine, first, "ledgers", "ada", shown.append) == RolledBack(3, 3)
    assert shown == [2, 3]
    assert [said(connection, page) for page in pages] == [f"by {run_id}"] * 3 + [f"by {newer}"]
    late_run = connection.scalar(text("select run_id from mill.job where id = :id"), {"id": late})
    save(connection, pages[0], late_run, transcription(("late",)), late)
    assert said(connection, pages[0]) == f"by {run_id}"
    connection.commit()
    assert roll_back(engine, str(run_id), "ledgers", "ada") == RolledBack(3, 0)
    [record] = connection.execute(text("select * from mill.rollback"))
    assert (record.run_id, record.author, record.pages) == (run_id, "ada", 3)
    assert record.finished_at is not None
    assert {run.name: run.current_pages for run in list_runs(connection)}[first] == 3


def test_what_does_not_exist_is_said(engine: sqlalchemy.Engine, run_id: int) -> None:
    with pytest.raises(BadInput, match="no such run"):
        roll_back(engine, "none", None, "ada")
    with pytest.raises(BadInput, match="no such collection"):
        roll_back(engine, str(run_id), "none", "ada")
    with engine.connect() as connection:
        assert connection.scalar(text("select count(*) from mill.rollback")) == 0
