"""Two readings of a page side by side, as the machine had them."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy

from pipeline.page import Line
from storage.compare import compare
from storage.corrections import CellPlace, LinePlace, correct
from storage.runs import ensure_run
from storage.transcriptions import save
from tests.storage.pages import MakePage, box, transcription

GRID = [["Day", "Rain"], ["1", "0.5"], ["2", "0.7"]]


def test_what_differs_is_told_with_who_was_right(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """The second run finds a line more and its table a row lower, and reads two cells otherwise."""
    page = make_page("a")
    first = transcription((), GRID)
    [table] = first.tables
    said = {"0.5": "0.6", "0.7": "0.1"}
    cells = tuple(
        replace(
            cell,
            row=cell.row + 1,
            text=said.get(cell.text, cell.text),
            status="doubtful" if cell.text in said else "plain",
        )
        for cell in table.cells
    )
    second = replace(
        first,
        lines=(Line("Rain in inches", 0.7, box(500, 500)),),
        tables=(replace(table, rows=4, header_rows=2, cells=cells),),
    )
    save(connection, page, run_id, first)
    correct(connection, page, run_id, CellPlace(0, 1, 1), "0.6", "ada", None)
    correct(connection, page, run_id, CellPlace(0, 2, 1), "0.7", "ada", None)
    correct(connection, page, run_id, CellPlace(0, 2, 0), "2", "ada", None)
    other = ensure_run(connection, "other", "cd" * 32, "1", {})
    save(connection, page, other, second)
    save(connection, make_page("b"), other, second)

    [(found, one, two)] = compare(connection, run_id, other)
    assert (one, two) == (first, second)
    assert (found.page, found.places) == ("a", 7)
    assert [
        (
            each.first and (each.first.place, each.first.text),
            each.second and (each.second.place, each.second.text, each.second.status),
            each.correction,
        )
        for each in found.changes
    ] == [
        ((CellPlace(0, 1, 1), "0.5"), (CellPlace(0, 2, 1), "0.6", "doubtful"), "0.6"),
        ((CellPlace(0, 2, 1), "0.7"), (CellPlace(0, 3, 1), "0.1", "doubtful"), "0.7"),
        (None, (LinePlace(0), "Rain in inches", "plain"), None),
    ]
    assert found.statuses == {("plain", "plain"): 4, ("plain", "doubtful"): 2}
    assert found.right == {"second": 1, "first": 1, "both": 1}
    assert next(compare(connection, run_id, run_id, "ledgers"))[0].changes == ()
