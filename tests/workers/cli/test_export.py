from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
import sqlalchemy

from storage.runs import ensure_run
from storage.transcriptions import save
from tests.storage.pages import add_page, transcription
from workers.cli.main import run

Output = pytest.CaptureFixture[str]

DAILY = [["Day", "Barometer Ins. 9 a.m.", "Max. Temp. °F", "XYZ"]] + [
    [str(day), f"29.{day:03}", f"5{day}.0", f"{4 * (day % 3)}.5"] for day in range(1, 8)
]
PLAIN = [["DAY", "BAROMETER."], ["1", "29.874"], ["2", "9.95"]]
STATION = """
id = "PORT"
name = "Port Elsay"
latitude = 50.5
longitude = -15
time = "+02:00"
source = "Archive of Elsay"
[meta]
Observer = "A | B"
[meta.p]
PTC = "Y"
"""


@pytest.fixture(autouse=True)
def ledgers(connection: sqlalchemy.Connection) -> None:
    run_id = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    save(connection, add_page(connection, "1898-02"), run_id, transcription((), DAILY))
    save(connection, add_page(connection, "ledger-1", "others"), run_id, transcription((), PLAIN))
    connection.commit()


@pytest.fixture
def station(tmp_path: Path, capsys: Output) -> None:
    file = tmp_path / "station.toml"
    file.write_text(STATION, "utf-8")
    assert run(["station", "set", str(file), "--collection", "ledgers", "--json"]) == 0
    assert _json(capsys) == {"collection": "ledgers", "station": "PORT", "pages": 1}


def _json(output: Output) -> Any:
    return json.loads(output.readouterr().out)


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _export(out: Path, *arguments: str) -> int:
    return run(["export", "--out", str(out), *arguments])


def test_pages_are_written_and_counted(tmp_path: Path, capsys: Output) -> None:
    out = tmp_path / "out"
    assert _export(out, "--collection", "others", "--json") == 0
    assert _json(capsys) == {
        "pages": 1,
        "files": 2,
        "observations": 0,
        "left_out": [],
        "out": str(out),
    }
    with open(out / "ledger-1.table-1.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == PLAIN
    assert json.loads((out / "ledger-1.json").read_text("utf-8"))["page"] == "ledger-1"


SEF = """\
SEF\t1.0.0
ID\tPORT
Name\tPort Elsay
Lat\t50.5
Lon\t-15
Alt\tNA
Source\tArchive of Elsay
Link\tNA
Vbl\tp
Stat\tpoint
Units\thPa
Meta\tPTC=Y|PGC=?|Observer=A / B|QC software=ledgermill VERSION
Year\tMonth\tDay\tHour\tMinute\tPeriod\tValue\tMeta
1898\t2\t1\t7\t0\t0\t982.09\torig=29.001in|orig.time=09:00|page=1898-02|cell=0.1.1
1898\t2\t2\t7\t0\t0\t982.12\torig=29.002in|orig.time=09:00|page=1898-02|cell=0.2.1
"""


def test_a_variable_a_file_in_utc_and_the_format_s_units(
    station: None, tmp_path: Path, capsys: Output
) -> None:
    from pipeline.version import CODE_VERSION

    out = tmp_path / "out"
    assert _export(out, "--collection", "ledgers", "--format", "sef") == 0
    assert _files(out) == [
        "ArchiveofElsay_PORT_18980201-18980207_Tx.tsv",
        "ArchiveofElsay_PORT_18980201-18980207_p.tsv",
    ]
    text = (out / "ArchiveofElsay_PORT_18980201-18980207_p.tsv").read_text("utf-8")
    assert text.startswith(SEF.replace("VERSION", CODE_VERSION))
    assert len(text.splitlines()) == 13 + 7
    rows = (out / "ArchiveofElsay_PORT_18980201-18980207_Tx.tsv").read_text("utf-8").splitlines()
    assert rows[9:11] == ["Stat\tmaximum", "Units\tC"]
    assert rows[13] == "1898\t2\t1\tNA\tNA\tday\t10.56\torig=51.0F|page=1898-02|cell=0.1.2"
    shown = capsys.readouterr()
    assert shown.out == f"14 observations, 2 files in {out}\n"
    assert "column 'XYZ' of 1898-02: left out" in shown.err


def test_tables_of_observations(station: None, tmp_path: Path) -> None:
    assert _export(tmp_path / "out", "--format", "csv,parquet") == 0
    with open(tmp_path / "out" / "observations.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(tmp_path / "out" / "observations.parquet").to_pylist()
    assert len(rows) == len(table) == 14
    row, same = rows[7], table[7]
    assert list(row) == list(same)
    assert (row["variable"], row["utc"], row["local_time"], row["value"], row["unit"]) == (
        *("p", "1898-02-01T07:00:00Z", "09:00", "29.001", "[in_i'Hg]"),
    )
    assert (same["utc"].isoformat(), same["value"]) == ("1898-02-01T07:00:00+00:00", 29.001)
    assert (rows[0]["utc"], table[0]["utc"], rows[0]["date"]) == ("", None, "1898-02-01")
    assert json.loads(row["polygon"]) == same["polygon"]


def test_all_cells_are_a_table_too(tmp_path: Path, capsys: Output) -> None:
    assert _export(tmp_path / "out", "-c", "others", "--format", "parquet", "--json") == 0
    assert _json(capsys)["files"] == 1
    rows = pq.read_table(tmp_path / "out" / "cells.parquet").to_pylist()
    assert [row["text"] for row in rows] == [text for line in PLAIN for text in line]
    assert (rows[5]["header"], rows[5]["value"], rows[5]["is_header"]) == (
        "BAROMETER.",
        9.95,
        False,
    )
    assert rows[5]["polygon"][0] == [100, 40]


def test_the_same_again_is_the_same_bytes(station: None, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for out in (one, two, one):
        assert _export(out, "-c", "ledgers", "--format", "csv,json,parquet,sef") == 0
    assert _files(one) == _files(two)
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in _files(one))


def test_observations_that_are_no_more_leave_no_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert _export(out, "-c", "ledgers", "--format", "csv") == 0
    assert "observations.csv" in _files(out)
    assert _export(out, "-c", "others", "--format", "csv") == 0
    assert "observations.csv" not in _files(out)


def test_without_a_station_there_is_no_sef_and_it_says_so(tmp_path: Path, capsys: Output) -> None:
    assert _export(tmp_path / "out", "--format", "sef", "-c", "ledgers") == 1
    shown = capsys.readouterr().err
    assert "ledgers: p: nobody said where" in shown
    assert _export(tmp_path / "out", "--format", "sef", "-c", "others") == 1
    assert "nothing was observed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--collection", "none"], 1),
        (["--job", "99"], 1),
        (["--collection", "none", "--format", "sef"], 1),
        (["--format", "papyrus"], 1),
        (["--job", "1", "--collection", "x"], 2),
    ],
)
def test_an_export_of_nothing_fails_with_one_line(
    arguments: list[str], status: int, tmp_path: Path, capsys: Output
) -> None:
    assert _export(tmp_path / "out", *arguments) == status
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id = ", "is no TOML"),
        ("id = 'x'", "latitude: Field required"),
        (STATION.replace("50.5", "95"), "latitude: Input should be less than"),
        (STATION.replace("+02:00", "half past"), "no clock"),
        (STATION.replace("+02:00", "Mars/Olympus"), "no such time zone"),
        (STATION + "[dates]\npattern = '('", "is no pattern"),
        (STATION + "[dates]\npattern = 'x'", "name its groups"),
        (STATION + "[dates.pages]\na = 'May'", "no date"),
        (STATION + "[[columns]]\nhour = '25:00'", "no time of day"),
        (STATION + "[[columns]]\nstatistic = 'median'", "columns.0.statistic"),
    ],
)
def test_a_station_that_is_none_is_one_line(
    text: str, reason: str, tmp_path: Path, capsys: Output
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text, "utf-8")
    assert run(["station", "set", str(file), "-c", "ledgers"]) == 1
    shown = capsys.readouterr().err
    assert reason in shown
    assert shown.count("\n") == 1


def test_what_is_said_of_a_station_is_shown_as_it_was_said(
    station: None, tmp_path: Path, capsys: Output
) -> None:
    assert run(["station", "show", "-c", "ledgers"]) == 0
    shown = capsys.readouterr().out
    again = tmp_path / "again.toml"
    again.write_text(shown, "utf-8")
    assert run(["station", "set", str(again), "-c", "others"]) == 0
    capsys.readouterr()
    assert run(["station", "show", "-c", "others"]) == 0
    assert capsys.readouterr().out == shown
    assert run(["station", "show", "-c", "none"]) == 1


def test_the_file_to_fill_in_says_a_station(tmp_path: Path, capsys: Output) -> None:
    assert run(["station", "new"]) == 0
    file = tmp_path / "new.toml"
    file.write_text(capsys.readouterr().out, "utf-8")
    assert run(["station", "set", str(file), "-c", "fresh"]) == 0
