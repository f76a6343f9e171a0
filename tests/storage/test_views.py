from __future__ import annotations

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.page import Cell, Line, Region, Table, Tag, Transcription
from storage.catalogue import lines
from storage.runs import ensure_run
from storage.transcriptions import save
from tests.storage.pages import MakePage, box, transcription


@pytest.fixture
def page(connection: sqlalchemy.Connection, make_page: MakePage, run_id: int) -> int:
    page = make_page("ledger-1")
    grid = [["DAY", "BAROMETER"], ["1", "29.874"], ["2", "9.95"]]
    save(connection, page, run_id, transcription(("Remarks",), grid))
    return page


def test_the_cells_that_a_climatologist_asks_for(
    connection: sqlalchemy.Connection, page: int
) -> None:
    rows = connection.execute(
        text(
            "SELECT page, row_number, column_number, value, polygon, confidence, header, row_label,"
            " is_header, collection, run FROM cells WHERE value BETWEEN 9.9 AND 10"
        )
    ).all()
    polygon = [list(corner) for corner in box(100, 40)]
    assert [tuple(row) for row in rows] == [
        (
            "ledger-1",
            2,
            1,
            9.95,
            polygon,
            pytest.approx(0.9),
            "BAROMETER",
            "2",
            False,
            "ledgers",
            "default@abababab+0.1.0",
        )
    ]


def test_pages_and_lines(connection: sqlalchemy.Connection, page: int) -> None:
    found = connection.execute(text("select page, lines, tables, width, document from pages")).one()
    assert tuple(found) == ("ledger-1", 1, 1, 1000, None)
    line = connection.execute(text("select page, line_number, text, polygon from lines")).one()
    assert tuple(line) == ("ledger-1", 0, "Remarks", [list(corner) for corner in box(10, 0)])


def test_only_what_is_current_is_shown(connection: sqlalchemy.Connection, page: int) -> None:
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    save(connection, page, newer, transcription(("Notes",)))
    assert connection.scalars(text("select text from lines")).all() == ["Notes"]
    assert connection.scalar(text("select count(*) from cells")) == 0
    assert connection.scalars(text("select run from pages")).all() == ["better@cdcdcdcd+0.1.0"]


def test_headers_and_labels_follow_joined_cells(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """WIND spans two columns above N and E; the label of row 2 spans to row 3."""
    made = [
        *((0, 0, 2, 1, "DAY"), (0, 1, 1, 2, "WIND"), (1, 1, 1, 1, "N"), (1, 2, 1, 1, "E")),
        *((2, 0, 2, 1, "1st"), (2, 1, 1, 1, "5"), (2, 2, 1, 1, "6")),
        *((3, 1, 1, 1, "7"), (3, 2, 1, 1, "8")),
    ]
    cells = tuple(
        Cell(row, column, value, value, 0.5, box(0, 0), rows, columns)
        for row, column, rows, columns, value in made
    )
    table = Table(box(0, 0), 4, 3, cells, header_rows=2)
    save(connection, make_page("a"), run_id, Transcription(9, 9, 0.0, (), (table,)))
    rows = connection.execute(
        text("select text, header, row_label, is_header from cells where row_number > 0")
    )
    assert {row.text: tuple(row)[1:] for row in rows} == {
        "N": ("WIND", "DAY", True),
        "E": ("WIND", "DAY", True),
        "1st": ("DAY", "1st", False),
        "5": ("WIND N", "1st", False),
        "6": ("WIND E", "1st", False),
        "7": ("WIND N", "1st", False),
        "8": ("WIND E", "1st", False),
    }


def test_look_ups_cost_nothing_where_nobody_asks(connection: sqlalchemy.Connection) -> None:
    plan = "\n".join(connection.scalars(text("explain select page, value from cells")))
    assert "SubPlan" not in plan
    assert "document" not in plan


def test_lines_say_what_was_made_of_them_and_where_they_stand(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    line = Line(
        "le 5 mars obser-",
        0.8,
        box(10, 0),
        raw="Ie 5 mars obser-",
        joined="observation",
        language="fr",
        script="Latn",
        tagged=(Tag("date", 3, 9, "--03-05"),),
        region=0,
    )
    whole = Transcription(500, 90, 0.0, (line,), (), (Region("heading", box(0, 0)),))
    save(connection, make_page("a"), run_id, whole)
    found = connection.execute(
        text(
            "select raw, joined, language, script, tagged, kind, regions.polygon"
            " from lines join regions using (page_id, region_number)"
        )
    ).one()
    tag = {"kind": "date", "start": 3, "end": 9, "value": "--03-05"}
    assert tuple(found[:6]) == (line.raw, "observation", "fr", "Latn", [tag], "heading")
    assert found.polygon == [list(corner) for corner in box(0, 0)]
    [listed] = lines(connection, limit=2)
    assert (listed.language, listed.raw, listed.region) == ("fr", line.raw, 0)
