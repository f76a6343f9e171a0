from __future__ import annotations

import sqlalchemy
from sqlalchemy import text

from storage.partitions import grow, partitions
from storage.transcriptions import load, save
from tests.storage.pages import MakePage, transcription

Connection = sqlalchemy.Connection


def test_partitions_are_made_before_they_are_needed(
    connection: Connection, make_page: MakePage, run_id: int
) -> None:
    assert next((part.name, part.first) for part in partitions(connection)) == ("p0", 0)
    assert grow(connection) == []
    end = partitions(connection)[-1].end
    connection.execute(text("select setval('mill.transcription_id_seq', :last)"), {"last": end - 2})
    assert grow(connection) == [f"p{end}"]
    assert grow(connection) == []
    read = transcription(("rain",), [["a", "b"], ["1", "2"]])
    pages = [make_page(str(number)) for number in range(2)]
    for page in pages:
        assert save(connection, page, run_id, read)
    places = connection.execute(
        text("select transcription_id, tableoid::regclass::text from mill.line order by 1")
    ).all()
    assert places == [(end - 1, "mill.line_p0"), (end, f"mill.line_p{end}")]
    assert [load(connection, page) for page in pages] == [load(connection, pages[0])] * 2
    connection.rollback()


def test_a_deleted_transcription_takes_its_lines_and_cells_along(
    connection: Connection, make_page: MakePage, run_id: int
) -> None:
    read = transcription(("rain",), [["a", "b"], ["1", "2"]])
    kept, gone = make_page("kept"), make_page("gone")
    for page in (kept, gone):
        save(connection, page, run_id, read)
    connection.execute(text("delete from mill.transcription where page_id = :p"), {"p": gone})
    left = [
        connection.scalar(text(f'select count(distinct transcription_id) from mill."{table}"'))
        for table in ("line", "cell", "table")
    ]
    assert left == [1, 1, 1]
    assert load(connection, kept).lines
