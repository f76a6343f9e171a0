"""What people type to have pages read again, and to see and undo what came of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text

from storage.corrections import CellPlace, correct
from storage.runs import ensure_run
from storage.transcriptions import save
from tests.storage.pages import add_page, transcription
from workers.cli.main import run

Output = pytest.CaptureFixture[str]

OLD = "old@abababab+0.1.0"
NEW = "new@cdcdcdcd+0.2.0"


@pytest.fixture(autouse=True)
def page(connection: sqlalchemy.Connection) -> int:
    """A page that two runs have read; a person says that the second was right."""
    page = add_page(connection, "ledger-1.png")
    runs = [
        ensure_run(connection, "old", "ab" * 32, "0.1.0", {}),
        ensure_run(connection, "new", "cd" * 32, "0.2.0", {}),
    ]
    for run_id, value in zip(runs, ("29.8", "29.9"), strict=True):
        save(connection, page, run_id, transcription(("Notes",), [["Bar."], [value]]))
    correct(connection, page, runs[0], CellPlace(0, 1, 0), "29.9", "ada", None)
    connection.commit()
    return page


def _json(output: Output) -> Any:
    return json.loads(output.readouterr().out)


def test_a_request_becomes_a_job_once(connection: sqlalchemy.Connection, capsys: Output) -> None:
    asked = ["reprocess", "-c", "ledgers", "--where", "text like 'Note%'"]
    assert run([*asked, "--json"]) == 0
    said = _json(capsys)
    [job] = said["jobs"]
    assert (said["selected"], job["collection"], job["pages"]) == (1, "ledgers", 1)
    found = connection.execute(text("select kind, priority, state, options from mill.job")).one()
    assert tuple(found)[:3] == ("reprocess", 8, "running")
    assert found.options["selection"]["where"] == "text like 'Note%'"
    assert run(asked) == 0
    shown = capsys.readouterr().out
    assert f"1 pages are being read by {said['run']} for job {job['job']}" in shown
    assert "nothing to do" in shown
    assert run(["reprocess", "--flag", "sum:fail"]) == 0
    assert "no page is meant" in capsys.readouterr().out

    number = str(job["job"])
    assert run(["jobs", "pause", number, "--json"]) == 0
    assert _json(capsys)["state"] == "paused"
    assert run(["jobs", "resume", number]) == 0
    assert run(["jobs", "cancel", number]) == 0
    assert "cancelled" in capsys.readouterr().out
    assert run(["jobs", "pause", number]) == 1
    assert "ended already" in capsys.readouterr().err
    assert run(["jobs", "pause", "999"]) == 1
    assert "no such job" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--where", "confidance < 1"], "does not exist"),
        (["--where", "1; drop table mill.page"], "sql: "),
        (["--collection", "none"], "no such collection"),
        (["--run", "none"], "no such run"),
        (["--profile", "none"], "no such profile"),
    ],
)
def test_a_wrong_request_is_one_line(options: list[str], reason: str, capsys: Output) -> None:
    assert run(["reprocess", *options]) == 1
    complaint = capsys.readouterr().err
    assert reason in complaint
    assert complaint.count("\n") == 1


def test_two_runs_are_compared(capsys: Output, tmp_path: Path) -> None:
    (tmp_path / "ledger-1.table-1.csv").write_text("Bar.\n29.9\n")
    assert run(["compare", OLD, NEW, "--truth", str(tmp_path), "--json"]) == 0
    said = _json(capsys)
    [change] = said["pages"][0]["changes"]
    assert (change["first"]["text"], change["second"]["text"]) == ("29.8", "29.9")
    assert change["correction"] == "29.9"
    total = said["total"]
    assert total["corrected"] == {"places": 1, "first": 0, "second": 1}
    assert [each["pages"] for each in total["truth"]] == [1, 1]
    assert run(["compare", OLD, NEW]) == 0
    shown = capsys.readouterr().out
    assert "table 0 row 1 column 0" in shown
    assert "of 1 corrected places the first read 0 right, the second 1" in shown
    assert run(["compare", OLD, "none"]) == 1


def test_a_rollback_is_listed_and_says_when_there_is_nothing_to_do(capsys: Output) -> None:
    assert run(["rollback", OLD, "--json"]) == 0
    assert _json(capsys) == {"run": OLD, "pages": 1, "changed": 1}
    assert run(["rollback", OLD]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert run(["runs", "--json"]) == 0
    assert {each["name"]: each["current_pages"] for each in _json(capsys)} == {OLD: 1, NEW: 0}
    assert run(["sql", "select text, corrected, read from cells where corrected", "--json"]) == 0
    assert _json(capsys) == [{"text": "29.9", "corrected": True, "read": "29.8"}]
