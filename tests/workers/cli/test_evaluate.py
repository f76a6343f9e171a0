"""`ledgermill evaluate` on the samples, as a person and as a program."""

import json
import shutil
from pathlib import Path

import pytest

from workers.cli.main import run

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Return results in which one value of the ledger is wrong and one page is missing."""
    folder = tmp_path / "results"
    shutil.copytree(SAMPLES, folder)
    table = folder / "daily-ledger.table-1.csv"
    table.write_text(table.read_text("utf-8").replace("55.3,47.2", "55.8,47.2"), "utf-8")
    for file in folder.glob("barometer-comparison.*"):
        file.unlink()
    return folder


def test_per_page_and_total(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--truth", str(SAMPLES), str(results), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    pages = {page["page"]: page for page in report["pages"]}
    assert pages["barometer-comparison"]["read"] is False
    assert pages["barometer-comparison"]["tables"]["placed"] == 0
    assert pages["daily-ledger"]["wrong"] == [
        {"row": 1, "column": 1, "truth": "55.3", "read": "55.8"}
    ]
    assert pages["hourly-pressure"]["tables"]["accuracy"] == 1
    tables = [page["tables"] for page in report["pages"]]
    assert report["total"]["tables"]["placed"] == sum(table["placed"] for table in tables)
    assert report["without_result"] == ["barometer-comparison"]


def test_the_total_says_what_it_leaves_out(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--truth", str(SAMPLES), str(results)]) == 0
    whole = capsys.readouterr()
    assert "barometer-comparison (no result)" in whole.out
    assert "counted as wrong: barometer-comparison" in whole.err
    assert run(["evaluate", "--truth", str(SAMPLES), str(results), "--partial"]) == 0
    part = capsys.readouterr()
    assert "barometer-comparison" not in part.out
    assert "left out: barometer-comparison" in part.err


def test_visible_columns(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    visible = tmp_path / "visible.csv"
    visible.write_text("page,columns\ndaily-ledger,0 2-5\n")
    arguments = ["evaluate", "--truth", str(SAMPLES), str(results), "--json", "--partial"]
    assert run([*arguments, "--visible", str(visible)]) == 0
    assert json.loads(capsys.readouterr().out)["total"]["tables"]["accuracy"] == 1


def test_cut_outs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truth = tmp_path / "cells.csv"
    truth.write_text("image,folder,column,truth\nimages/a.jpg,1,1,28\nimages/b.jpg,1,1,3.5\n")
    read = tmp_path / "read.jsonl"
    read.write_text('{"path": "x/images/a.jpg", "text": "28,0", "confidence": 1}\n')
    arguments = ["evaluate", "--truth", str(truth), str(read)]
    assert run([*arguments, "--json"]) == 0
    total = json.loads(capsys.readouterr().out)["total"]
    assert (total["cells"], total["read"], total["right"]) == (2, 1, 1)
    assert run(arguments) == 0
    assert "50.00 %" in capsys.readouterr().out
    read.write_text("{}\n")
    assert run(arguments) == 1


@pytest.mark.parametrize(
    ("truth", "read"), [("nowhere", "."), (".", "nowhere"), (".", "."), ("file", ".")]
)
def test_nothing_to_compare_is_one_line(
    truth: str, read: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["evaluate", "--truth", str(tmp_path / truth), str(tmp_path / read)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
