"""What a person says stands on a page is shown at once, and taken back as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput
from pipeline.page import Line, Transcription
from pipeline.profiles import Prose
from pipeline.prose import annotated
from storage.corrections import (
    CellPlace,
    Conflict,
    LinePlace,
    as_read,
    correct,
    corrections_of,
    withdraw,
)
from storage.runs import ensure_run
from storage.search import search
from storage.transcriptions import load, save
from tests.storage.pages import MakePage, box, transcription

GRID = [["Day", "Rain"], ["1", "0.5"], ["2", "0.7"], ["3", "1.2"]]
RAIN = CellPlace(0, 2, 1)


@pytest.fixture
def reading() -> Transcription:
    made = transcription((), GRID)
    return replace(made, lines=(Line("Febuary 1900", 0.8, box(0, 200)),))


@pytest.fixture
def page(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int, reading: Transcription
) -> int:
    page = make_page("ledger-1")
    save(connection, page, run_id, reading)
    connection.commit()
    return page


def test_a_correction_is_what_everybody_sees(
    connection: sqlalchemy.Connection, page: int, run_id: int
) -> None:
    made = correct(connection, page, run_id, RAIN, "0.9", "ada", None)
    correct(connection, page, run_id, LinePlace(0), "February 1900", "ada", None)
    cell = connection.execute(
        text("select text, value, confidence, status, corrected, read from cells where corrected")
    ).one()
    assert tuple(cell) == ("0.9", 0.9, 1.0, "verified", True, "0.7")
    line = connection.execute(text("select text, confidence, corrected, read from lines")).one()
    assert tuple(line) == ("February 1900", 1.0, True, "Febuary 1900")
    assert [hit.text for hit in search(connection, "february")] == ["February 1900"]
    assert search(connection, "febuary") == []
    assert [hit.row for hit in search(connection, "0.9")] == [2]
    shown = load(connection, page)
    assert [cell.text for cell in shown.tables[0].cells if cell.corrected] == ["0.9"]
    assert shown.lines[0].corrected
    assert (made.place, made.read, made.in_effect, made.disagrees) == (RAIN, "0.7", True, False)


def test_what_is_withdrawn_leaves_no_trace_on_the_reading(
    connection: sqlalchemy.Connection, page: int, run_id: int
) -> None:
    before = load(connection, page)
    confidence = connection.scalar(text("select confidence from pages"))
    first = correct(connection, page, run_id, RAIN, "0.9", "ada", None)
    second = correct(connection, page, run_id, RAIN, "0.8", "bob", first.id)
    line = correct(connection, page, run_id, LinePlace(0), "Feb.", "bob", None)
    assert as_read(connection, page, run_id) == before
    assert connection.scalar(text("select confidence from pages")) > confidence
    withdraw(connection, second.id, "bob")
    assert connection.scalars(text("select text from cells where corrected")).all() == ["0.9"]
    withdraw(connection, first.id, "ada")
    withdraw(connection, line.id, "ada")
    assert load(connection, page) == before
    assert connection.scalar(text("select confidence from pages")) == pytest.approx(confidence)
    for table in ("line", "cell", "table"):
        assert connection.scalar(text(f"select count(*) from mill.{table}_as_read")) == 0
    said = corrections_of(connection, page)
    assert [(each.text, each.withdrawn_by, each.in_effect) for each in said] == [
        ("0.9", "ada", False),
        ("0.8", "bob", False),
        ("Feb.", "ada", False),
    ]
    with pytest.raises(BadInput, match="withdrawn"):
        withdraw(connection, first.id, "ada")


def test_who_has_not_seen_the_newest_is_told(
    connection: sqlalchemy.Connection, page: int, run_id: int
) -> None:
    first = correct(connection, page, run_id, RAIN, "0.9", "ada", None)
    with pytest.raises(Conflict, match="ada has corrected") as caught:
        correct(connection, page, run_id, RAIN, "0.8", "bob", None)
    assert caught.value.newest == first
    withdraw(connection, first.id, "ada")
    with pytest.raises(Conflict, match="withdrawn meanwhile"):
        correct(connection, page, run_id, RAIN, "0.8", "bob", first.id)
    assert correct(connection, page, run_id, RAIN, "0.8", "bob", None).spot != first.spot


@pytest.mark.parametrize(
    ("place", "said", "author"),
    [
        (CellPlace(0, 9, 0), "1", "ada"),
        (CellPlace(1, 0, 0), "1", "ada"),
        (LinePlace(1), "1", "ada"),
        (RAIN, "a\x00", "ada"),
        (RAIN, "a\nb", "ada"),
        (RAIN, "1", " "),
    ],
)
def test_nonsense_is_refused(
    connection: sqlalchemy.Connection,
    page: int,
    run_id: int,
    place: CellPlace | LinePlace,
    said: str,
    author: str,
) -> None:
    with pytest.raises(BadInput):
        correct(connection, page, run_id, place, said, author, None)
    with pytest.raises(BadInput):
        correct(connection, page + 1, run_id, RAIN, "1", "ada", None)
    assert corrections_of(connection, page) == []


def test_a_new_reading_takes_them_over_by_polygon(
    connection: sqlalchemy.Connection, page: int, run_id: int, reading: Transcription
) -> None:
    """The next run finds another row above, the cell wrong again, the line right."""
    correct(connection, page, run_id, RAIN, "0.9", "ada", None)
    correct(connection, page, run_id, LinePlace(0), "February 1900", "ada", None)
    [table] = reading.tables
    cells = tuple(
        replace(cell, row=cell.row + 1, text={"0.7": "0.6"}.get(cell.text, cell.text))
        for cell in table.cells
    )
    shifted = replace(
        reading,
        lines=(
            Line("Register", 0.9, box(300, 300)),
            replace(reading.lines[0], text="February 1900"),
        ),
        tables=(replace(table, rows=table.rows + 1, header_rows=2, cells=cells),),
    )
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    save(connection, page, newer, shifted)
    rows = connection.execute(text("select row_number, text, read from cells where corrected"))
    assert [tuple(row) for row in rows] == [(3, "0.9", "0.6")]
    said = corrections_of(connection, page)
    assert [(each.place, each.reads, each.disagrees) for each in said] == [
        (CellPlace(0, 3, 1), "0.6", True),
        (LinePlace(1), "February 1900", False),
    ]


def test_a_place_that_a_reading_lacks_waits_for_one_that_has_it(
    connection: sqlalchemy.Connection, page: int, run_id: int, reading: Transcription
) -> None:
    correct(connection, page, run_id, RAIN, "0.9", "ada", None)
    lines_only = ensure_run(connection, "lines", "cd" * 32, "0.1.0", {})
    save(connection, page, lines_only, replace(reading, tables=()))
    [said] = corrections_of(connection, page)
    assert said.in_effect
    assert said.place is None
    save(connection, page, ensure_run(connection, "again", "ef" * 32, "0.1.0", {}), reading)
    assert corrections_of(connection, page)[0].place == RAIN


def test_what_a_line_holds_and_joins_follows_its_correction(
    connection: sqlalchemy.Connection, make_page: MakePage
) -> None:
    prose = Prose(join=True, tag=True)
    run = ensure_run(connection, "letters", "ab" * 32, "0.1.0", {"prose": prose.model_dump()})
    lines = (
        Line("le 5 mars, obser-", 0.8, box(0, 0), language="fr", raw="le 5 rnars, obser-"),
        Line("vatoin faite", 0.8, box(0, 24), language="fr"),
    )
    read = replace(transcription(), lines=annotated(lines, prose))
    page = make_page("letter")
    save(connection, page, run, read)
    first = correct(connection, page, run, LinePlace(0), "fait le 6 mars, obser-", "ada", None)
    correct(connection, page, run, LinePlace(1), "vation faite", "ada", None)
    said = load(connection, page).lines[0]
    assert (said.joined, said.raw) == ("observation", "le 5 rnars, obser-")
    assert [(tag.start, tag.value) for tag in said.tagged] == [(8, "--03-06")]
    assert [hit.text for hit in search(connection, "observation")] == [said.text]
    withdraw(connection, first.id, "ada")
    assert [tag.value for tag in load(connection, page).lines[0].tagged] == ["--03-05"]
