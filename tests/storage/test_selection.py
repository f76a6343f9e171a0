"""Which pages are read again, and which need not be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy

from pipeline.errors import BadInput
from storage import jobs, sql
from storage.runs import ensure_run
from storage.selection import Selection, fates_of, select_pages
from storage.sql import Answer, SqlError
from storage.transcriptions import save
from tests.storage.pages import MakePage, transcription

Ask = Callable[[str, int], Answer]


@pytest.fixture
def ask(database_url: str, connection: sqlalchemy.Connection) -> Ask:
    url = sql.reader_url(database_url, None)
    return lambda said, most: sql.ask(url, said, seconds=10, rows=most)


@pytest.fixture
def pages(connection: sqlalchemy.Connection, make_page: MakePage, run_id: int) -> dict[str, int]:
    """A page with a number, one with a line, one not read, one of another collection and run."""
    found = {name: make_page(name) for name in ("wet", "dry", "unread")}
    found["other"] = make_page("other", "o'hara")
    save(connection, found["wet"], run_id, transcription((), [["Rain"], ["0.7"]]))
    save(connection, found["dry"], run_id, transcription(("no rain",)))
    other = ensure_run(connection, "other", "cd" * 32, "1", {})
    save(connection, found["other"], other, transcription(("rain",), [["Rain"], ["9.9"]]))
    connection.commit()
    return found


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        (Selection(), ["dry", "other", "wet"]),
        (Selection(collection="ledgers"), ["dry", "wet"]),
        (Selection(collection="o'hara", where="true -- all"), ["other"]),
        (Selection(run="default@abababab+0.1.0"), ["dry", "wet"]),
        (Selection(where="confidence < 0.85"), ["dry", "other"]),
        # `value` is no column of lines: that view tells nothing, the cells do.
        (Selection(where="value > 1 or text = 'no rain'"), ["other"]),
        (Selection(where="line_number = 0"), ["dry", "other"]),
        (Selection(where="lines = 0"), ["wet"]),
        (Selection(flags=("sum:fail",)), []),
    ],
)
def test_pages_are_meant_by_what_is_on_them(
    connection: sqlalchemy.Connection,
    pages: dict[str, int],
    ask: Ask,
    selection: Selection,
    names: list[str],
) -> None:
    found = select_pages(connection, selection, ask)
    assert sorted(name for name, page in pages.items() if page in found) == names


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("confidance < 0.9", "does not exist"),
        ("confidence <", "syntax"),
        ("true; delete from mill.page", "syntax|more than one"),
        ("page_id in (select id from mill.page)", "mill"),
        ("pg_sleep(60) is null", "permission|took"),
    ],
)
def test_a_condition_can_do_nothing_else(
    connection: sqlalchemy.Connection, pages: dict[str, int], ask: Ask, where: str, reason: str
) -> None:
    with pytest.raises(SqlError, match=reason):
        select_pages(connection, Selection(where=where), ask)
    with pytest.raises(BadInput, match="no such"):
        select_pages(connection, Selection(collection="none"), ask)
    with pytest.raises(BadInput, match="no such run"):
        select_pages(connection, Selection(run="none"), ask)


def test_what_exists_or_is_on_its_way_is_not_asked_for_again(
    connection: sqlalchemy.Connection, pages: dict[str, int], run_id: int
) -> None:
    meant = [pages[name] for name in ("wet", "dry", "other")]
    fates = fates_of(connection, meant, run_id)
    assert (fates.new, fates.current, fates.pages) == ({"o'hara": [pages["other"]]}, 2, 3)
    collection = jobs.ensure_collection(connection, "o'hara")
    job = jobs.create(connection, "reprocess", collection, run_id)
    jobs.add_pages(connection, job, [pages["other"]])
    assert fates_of(connection, meant, run_id).moving == {job: 1}
    jobs.cancel(connection, job)
    assert fates_of(connection, meant, run_id).new == fates.new
    newer = ensure_run(connection, "newer", "ef" * 32, "1", {})
    save(connection, pages["wet"], newer, transcription())
    fates = fates_of(connection, meant, run_id)
    assert (fates.current, fates.read) == (1, 1)
