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


def _grid_reading(cell: str, text: str, raw: str, status: str) -> str:
    said = {"path": f"s1/{cell}.png", "sheet": "s1", "cell": cell, "text": text}
    return json.dumps({**said, "confidence": 0.9, "raw": raw, "status": status}) + "\n"


@pytest.fixture
def sheet(tmp_path: Path) -> list[str]:
    """Return the arguments that compare a sheet of cut-outs with its truth."""
    truths = {"D4": "27.3", "E4": "18.1", "F4": "22.7", "D5": "28.0", "E5": "19.2", "F5": "23.6"}
    truth = tmp_path / "cells.csv"
    rows = [f"s1,{cell},s1/{cell}.png,{text}\n" for cell, text in truths.items()]
    truth.write_text("sheet,cell,image,truth\n" + "".join(rows))
    read = tmp_path / "read.jsonl"
    read.write_text(
        _grid_reading("D4", "27.3", "273", "verified")
        + _grid_reading("E4", "18.1", "13.1", "repaired")
        + _grid_reading("F4", "22.1", "22.7", "repaired")
        + _grid_reading("D5", "26.0", "26.0", "verified")
        + _grid_reading("E5", "19.2", "", "inferred")
    )
    return ["evaluate", "--truth", str(truth), str(read)]


def test_what_cut_outs_say_of_themselves(
    sheet: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*sheet, "--json"]) == 0
    total = json.loads(capsys.readouterr().out)["total"]
    assert (total["cells"], total["read"], total["right"]) == (6, 5, 3)
    assert total["mae"] == pytest.approx((0.6 + 2.0) / 5)
    trust = total["trust"]
    assert trust["verified_coverage"] == pytest.approx(2 / 6)
    assert trust["verified_precision"] == 0.5
    assert (trust["repairs_right"], trust["repairs_wrong"]) == (1, 1)
    assert (trust["mended"], trust["damaged"]) == (2, 1)
    assert run(sheet) == 0
    assert "verified" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        _grid_reading("D4", "27.3", "273", "sure"),
        '{"path": "s1/D4.png"}',
        '{"path": "s1/D4.png", "text": "1", "value": "much"}',
        '{"path": "s1/D4.png", "text": "1", "checks": 5}',
        "5",
        "[]",
        "{",
    ],
)
def test_lines_that_recognize_did_not_write(
    line: str, sheet: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "read.jsonl").write_text(line)
    assert run(sheet) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    [said] = captured.err.splitlines()
    assert "read.jsonl: not the JSON lines of recognize" in said
    assert ";" in said


def test_a_page_of_unknown_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (SAMPLES / "daily-ledger.json").read_text("utf-8")
    (tmp_path / "daily-ledger.json").write_text(
        page.replace('"status":"plain"', '"status":"sure"'), "utf-8"
    )
    assert run(["evaluate", "--truth", str(SAMPLES), str(tmp_path)]) == 1
    [said] = capsys.readouterr().err.splitlines()
    assert "daily-ledger.json: not what digitize writes" in said


def test_what_pages_say_of_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("daily-ledger.json", "daily-ledger.table-1.csv"):
        shutil.copy(SAMPLES / name, tmp_path)
    page = json.loads((tmp_path / "daily-ledger.json").read_text("utf-8"))
    (table,) = page["tables"]
    by_place = {(cell["row"], cell["column"]): cell for cell in table["cells"]}
    by_place[1, 1] |= {"status": "verified"}
    by_place[1, 2] |= {"status": "verified", "text": "0.0"}
    by_place[1, 3] |= {"status": "repaired", "raw": "0.0"}
    (tmp_path / "daily-ledger.json").write_text(json.dumps(page), "utf-8")
    arguments = ["evaluate", "--truth", str(SAMPLES), str(tmp_path), "--partial"]
    assert run([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (told,) = report["pages"]
    assert told["verified_wrong"] == [
        {"row": 1, "column": 2, "truth": told["verified_wrong"][0]["truth"], "read": "0.0"}
    ]
    trust = report["total"]["trust"]
    assert trust["verified_precision"] == 0.5
    assert (trust["repairs_right"], trust["mended"], trust["damaged"]) == (1, 1, 1)
    # The tables of the CSV are whole: what is verified wrongly is in the page object alone.
    assert report["total"]["tables"]["accuracy"] == 1
    assert report["total"]["similarity"]["grits_top"] == 1
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert "TEDS" in out
    assert "precision" in out


def test_results_without_checks_say_nothing_of_trust(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "--truth", str(SAMPLES), str(results), "--partial"]) == 0
    assert "precision" not in capsys.readouterr().out


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
