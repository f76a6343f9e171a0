from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from storage.runs import ensure_run
from storage.transcriptions import save
from tests.storage.pages import add_page, transcription
from workers.cli.main import run
from workers.settings import settings

Output = pytest.CaptureFixture[str]

GRID = [["DAY", "BAROMETER."], ["1", "29.874"], ["2", "9.95"]]


@pytest.fixture(autouse=True)
def ledger(connection: sqlalchemy.Connection) -> None:
    run_id = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    page = add_page(connection, "ledger-1")
    save(connection, page, run_id, transcription(("Remarks \x1b[31m",), GRID))
    connection.commit()


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LEDGERMILL_SQL_SECONDS", "0.5")
    monkeypatch.setenv("LEDGERMILL_SQL_ROWS", "2")
    settings.cache_clear()
    yield
    settings.cache_clear()


def _json(output: Output) -> Any:
    return json.loads(output.readouterr().out)


@pytest.mark.parametrize("query", [["barometer"], ["barumeter", "--fuzzy"]])
def test_search_answers_with_page_polygon_and_confidence(query: list[str], capsys: Output) -> None:
    assert run(["search", *query, "--json"]) == 0
    (hit,) = _json(capsys)
    assert (hit["page"], hit["kind"], hit["table"], hit["row"], hit["column"]) == (
        *("ledger-1", "cell"),
        *(0, 0, 1),
    )
    assert hit["polygon"] == [[100, 0], [200, 0], [200, 20], [100, 20]]
    assert hit["confidence"] == pytest.approx(0.9)


def test_search_shows_people_where_to_look(capsys: Output) -> None:
    assert run(["search", "barometer"]) == 0
    shown = capsys.readouterr().out
    for part in ("ledger-1", "table 0 row 0 column 1", "BAROMETER.", "0.90", "100,0 200,0 200,20"):
        assert part in shown


def test_search_shows_no_control_characters(capsys: Output) -> None:
    assert run(["search", "remarks"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_nothing_found_is_no_failure(capsys: Output) -> None:
    assert run(["search", "hygrometer"]) == 0
    assert run(["search", "hygrometer", "--json"]) == 0
    assert _json(capsys) == []


QUESTION = "SELECT page, value, polygon, confidence FROM cells WHERE value BETWEEN 9.9 AND 10"


def test_sql_for_people_programs_and_spreadsheets(capsys: Output) -> None:
    polygon = [[100.0, 40.0], [200.0, 40.0], [200.0, 60.0], [100.0, 60.0]]
    assert run(["sql", QUESTION]) == 0
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("ledger-1", "9.95", "confidence"))
    assert run(["sql", QUESTION, "--json"]) == 0
    assert _json(capsys) == [
        {"page": "ledger-1", "value": 9.95, "polygon": polygon, "confidence": 0.9}
    ]
    assert run(["sql", QUESTION, "--csv"]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [
        ["page", "value", "polygon", "confidence"],
        ["ledger-1", "9.95", json.dumps(polygon), "0.9"],
    ]


def test_sql_prints_what_json_can_hold(capsys: Output) -> None:
    statement = "select 'NaN'::float8 as a, 1.50::numeric as b, 3::numeric as c, now() as d, null e"
    assert run(["sql", statement, "--json"]) == 0
    (row,) = _json(capsys)
    assert (row["a"], row["b"], row["c"], row["e"]) == (None, 1.5, 3, None)
    assert row["d"].startswith("20")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pages VALUES (1)",
        "DROP TABLE mill.page",
        "COPY pages TO PROGRAM 'id'",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_sleep(60)",
        "SELECT count(*) FROM generate_series(1, 1e9) AS a, generate_series(1, 1e9) AS b",
    ],
)
def test_what_sql_refuses_is_one_line_and_a_failure(
    statement: str, short_limits: None, capsys: Output
) -> None:
    assert run(["sql", statement]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("ledgermill: sql: ")
    assert shown.err.count("\n") == 1


def test_sql_says_that_there_is_more(short_limits: None, capsys: Output) -> None:
    assert run(["sql", "select n from generate_series(1, 9) as n", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == [{"n": 1}, {"n": 2}]
    assert "only the first 2 rows" in shown.err


def test_runs_are_listed(capsys: Output) -> None:
    assert run(["runs", "--json"]) == 0
    (found,) = _json(capsys)
    assert (found["name"], found["pages"], found["current_pages"]) == (
        *("default@abababab+0.1.0", 1),
        1,
    )
    assert run(["runs"]) == 0
    assert "default@abababab+0.1.0" in capsys.readouterr().out


def test_help_imports_nothing_slow() -> None:
    order = (
        "import sys, workers.cli.search;"
        "print([m for m in ('sqlalchemy', 'psycopg', 'torch', 'cv2', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", order], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
