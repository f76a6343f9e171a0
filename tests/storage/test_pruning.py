from __future__ import annotations

import sqlalchemy
from sqlalchemy import text

from storage import jobs, partitions
from storage.pruning import Rule, count_superseded, prune
from storage.runs import ensure_run
from storage.transcriptions import load, save
from tests.storage.pages import MakePage, transcription

Connection = sqlalchemy.Connection


def read(connection: Connection, page: int, run: str) -> int:
    """Read a page by a run; return the run."""
    run_id = ensure_run(connection, run, "ab" * 32, "1", {})
    save(connection, page, run_id, transcription((f"read by {run}",), [["a"], ["1"]]))
    connection.commit()
    return run_id


def left(connection: Connection) -> list[tuple[str, str]]:
    """Return page and run of every reading there is, and see that it is whole."""
    rows = connection.execute(
        text(
            "select page.name, run.profile, page.id as page_id, run.id as run_id"
            " from mill.transcription join mill.page on page.id = page_id"
            " join mill.run on run.id = run_id order by 1, 2"
        )
    ).all()
    for row in rows:
        found = load(connection, row.page_id, row.run_id)
        assert [line.text for line in found.lines] == [f"read by {row.profile}"]
        assert len(found.tables[0].cells) == 2
    whole = connection.scalar(text("select count(distinct transcription_id) from mill.cell"))
    assert whole == len(rows), "nothing is left of what was removed"
    connection.rollback()
    return [(row.name, row.profile) for row in rows]


def test_the_current_reading_and_the_one_before_stay(
    engine: sqlalchemy.Engine, connection: Connection, make_page: MakePage
) -> None:
    thrice, once = make_page("thrice"), make_page("once")
    read(connection, once, "a")
    for run in "abc":
        read(connection, thrice, run)
    run_id = ensure_run(connection, "a", "ab" * 32, "1", {})
    connection.execute(
        text("update mill.page set current_run_id = :a where id = :page"),
        {"a": run_id, "page": thrice},
    )
    connection.commit()
    assert count_superseded(connection, Rule()) == 1
    assert prune(engine, Rule()) == 1
    assert left(connection) == [("once", "a"), ("thrice", "a"), ("thrice", "c")], "b is older"
    assert prune(engine, Rule()) == 0
    assert prune(engine, Rule(keep=0)) == 1
    assert left(connection) == [("once", "a"), ("thrice", "a")]


def test_a_run_can_be_named_and_one_at_work_is_left_alone(
    engine: sqlalchemy.Engine, connection: Connection, make_page: MakePage
) -> None:
    page = make_page("page")
    runs = {run: read(connection, page, run) for run in "abc"}
    collection = jobs.ensure_collection(connection, "ledgers")
    job = jobs.create(connection, "reprocess", collection, runs["a"])
    connection.commit()
    assert prune(engine, Rule(keep=0, run=runs["a"])) == 0
    jobs.cancel(connection, job)
    connection.commit()
    assert prune(engine, Rule(run=runs["c"])) == 0, "it is current"
    assert prune(engine, Rule(run=runs["b"])) == 1
    assert left(connection) == [("page", "a"), ("page", "c")]


def test_a_partition_of_which_nothing_stays_is_dropped(
    engine: sqlalchemy.Engine, connection: Connection, make_page: MakePage
) -> None:
    kept, page = make_page("kept"), make_page("page")
    read(connection, kept, "a")
    names = []
    try:
        for run in "ab":
            last = partitions.partitions(connection)[-1].end - 1
            connection.execute(text("select setval('mill.transcription_id_seq', :n)"), {"n": last})
            names += partitions.grow(connection)
            read(connection, page, run)
        older, newer = names
        assert prune(engine, Rule(keep=0)) == 1
        found = [part.name for part in partitions.partitions(connection)]
        assert older not in found
        assert newer in found
        assert left(connection) == [("kept", "a"), ("page", "b")]
    finally:
        connection.rollback()
        for name in names:
            for table in partitions.TABLES:
                connection.execute(text(f"drop table if exists mill.{table}_{name}"))
        connection.commit()
