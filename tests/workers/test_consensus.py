"""Volunteers' answers become corrections where they agree."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput
from storage.corrections import CellPlace, LinePlace, correct, corrections_of, withdraw
from storage.opinions import Item, opinions_of, page_ids, say
from storage.runs import ensure_run
from storage.transcriptions import save
from tests.storage.pages import add_page, transcription
from workers.consensus import AUTHOR, answer_of, settle
from workers.zooniverse import Classification, read_classifications

GRID = [["Day", "Rain"], ["1", "0.5"], ["2", "0.7"], ["3", "4.4"]]
CELL = CellPlace(0, 2, 1)


@pytest.fixture
def item(connection: sqlalchemy.Connection) -> Item:
    run = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    page = add_page(connection, "ledger-1")
    save(connection, page, run, transcription(("A line",), GRID))
    connection.commit()
    return Item(page, run, CELL)


def told(connection: sqlalchemy.Connection, item: Item, *said: tuple[str, str]) -> None:
    for author, answer in said:
        say(connection, item, answer, author)
    connection.commit()


def cell(connection: sqlalchemy.Connection) -> str | None:
    query = text("select text from cells where row_number = 2 and column_number = 1")
    found: str | None = connection.scalar(query)
    connection.rollback()
    return found


def test_what_two_say_alike_is_published(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, item: Item
) -> None:
    told(connection, item, ("ada", "0,9"), ("ben", "0.9"), ("cy", "0.9"))
    outcome = settle(engine, "ledgers")
    assert (outcome.settled, outcome.standing, outcome.open) == (1, 0, ())
    assert cell(connection) == "0.9"
    [made] = corrections_of(connection, item.page_id)
    assert (made.author, made.text) == (AUTHOR, "0.9")
    connection.rollback()
    again = settle(engine, "ledgers")
    assert (again.settled, again.standing) == (0, 1)


def test_one_alone_and_two_at_odds_stay_open(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, item: Item
) -> None:
    told(connection, item, ("ada", "0.9"))
    assert settle(engine, "ledgers").open[0].said == (("ada", "0.9"),)
    told(connection, item, ("ben", "0.1"))
    outcome = settle(engine, "ledgers")
    assert outcome.settled == 0
    assert {answer for _, answer in outcome.open[0].said} == {"0.9", "0.1"}
    assert outcome.agreement == 0
    assert cell(connection) == "0.7"


def test_a_persons_decision_stands_whatever_others_say(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, item: Item
) -> None:
    correct(connection, item.page_id, item.run_id, CELL, "0.4", "archivist", None)
    told(connection, item, ("ada", "0.9"), ("ben", "0.9"), ("cy", "0.9"))
    outcome = settle(engine, "ledgers")
    assert (outcome.settled, outcome.standing) == (0, 1)
    assert cell(connection) == "0.4"


def test_later_opinions_change_what_was_settled(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, item: Item
) -> None:
    told(connection, item, ("ada", "0.9"), ("ben", "0.9"))
    settle(engine, "ledgers")
    more = [(name, "0.2") for name in ("cy", "dora", "eve", "flo", "gus")]
    told(connection, item, *more)
    assert settle(engine, "ledgers").settled == 1
    assert cell(connection) == "0.2"
    newest = corrections_of(connection, item.page_id)[-1]
    withdraw(connection, newest.id, "archivist")
    connection.commit()
    assert cell(connection) == "0.9"


def test_an_opinion_replaces_ones_own_and_needs_a_place(
    connection: sqlalchemy.Connection, item: Item
) -> None:
    told(connection, item, ("ada", "0.9"), ("ada", "0.8"))
    assert [each.text for each in opinions_of(connection, "ledgers")] == ["0.8"]
    told(connection, Item(item.page_id, item.run_id, LinePlace(0)), ("ada", "A lime"))
    assert len(list(opinions_of(connection, "ledgers"))) == 2
    with pytest.raises(BadInput, match="read no"):
        say(connection, Item(item.page_id, item.run_id, CellPlace(0, 9, 9)), "1", "ada")
    with pytest.raises(BadInput, match="no such collection"):
        page_ids(connection, "nowhere")


@pytest.mark.parametrize(
    ("one", "other"), [("28,1", "28·1"), ("−3", "-3.0"), ("no  rain", "no rain")]
)
def test_marks_make_no_other_answer(one: str, other: str) -> None:
    assert answer_of(one) == answer_of(other)


def export(file: Path, *rows: dict[str, object]) -> Path:
    names = ["classification_id", "user_name", "annotations", "subject_data"]
    with file.open("w", newline="") as out:
        written = csv.DictWriter(out, names)
        written.writeheader()
        for number, row in enumerate(rows):
            said = {k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()}
            written.writerow({"classification_id": number, **said})
    return file


SUBJECT = {
    "77": {"retired": None, "#page_id": "3", "#run_id": 1, "#table": 0, "#row": 2, "#column": 1}
}


def test_a_zooniverse_export_is_read(tmp_path: Path) -> None:
    typed = [{"task": "T0", "value": " 28,1 "}]
    combined = [{"task": "combo", "value": [{"task": "T1", "value": "Ada"}]}]
    line = {"78": {"page_id": 3, "run_id": 1, "line": 4}}
    file = export(
        tmp_path / "classifications.csv",
        {"user_name": "vol", "annotations": typed, "subject_data": SUBJECT},
        {"user_name": "not-logged-in-1a", "annotations": combined, "subject_data": line},
        {"user_name": "vol", "annotations": [{"value": "unclear"}], "subject_data": SUBJECT},
        {"user_name": "vol", "annotations": "[{", "subject_data": SUBJECT},
        {"user_name": "vol", "annotations": typed, "subject_data": {"79": {"image": "x.png"}}},
        {"user_name": "", "annotations": typed, "subject_data": SUBJECT},
    )
    rows = list(read_classifications(file))
    assert rows[0] == Classification(2, Item(3, 1, CELL), "zooniverse:vol", "28,1")
    assert rows[1].item == Item(3, 1, LinePlace(4))
    assert rows[1].text == "Ada"
    assert [bool(each.reason) for each in rows] == [False, False, True, True, True, True]
    assert "damaged" in rows[3].reason


def test_what_is_no_export_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="has no column annotations"):
        list(read_classifications(file))
    with pytest.raises(BadInput, match="cannot be read"):
        list(read_classifications(tmp_path / "none.csv"))
