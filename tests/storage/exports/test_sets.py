from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import duckdb
import numpy as np
import openpyxl  # type: ignore[import-untyped]
import pytest

from pipeline.errors import BadInput
from pipeline.page import from_json
from storage import exports
from storage.exports import ledger as ledgers
from storage.exports.pages import PublishedPage
from storage.exports.texts import markdown, plain
from tests.storage.exports.varied import ledger
from tests.storage.pages import transcription

SCAN = cv2.imencode(".png", np.full((900, 1500), 200, np.uint8))[1].tobytes()
SLOW = [name for name in exports.ALL if name not in ("csv", "json")]


def _page(name: str, doubtful: bool = False, scan: bytes = SCAN) -> PublishedPage:
    whole = ledger(rows=3, columns=3)
    if doubtful:
        (table,) = whole.tables
        cells = list(table.cells)
        cells[4] = replace(cells[4], status="doubtful", text="=1+1", raw="=1", value=None)
        cells[5] = replace(cells[5], status="repaired", raw="?")
        whole = replace(whole, tables=(replace(table, cells=tuple(cells)),))
    return PublishedPage(
        name, "r", whole, collection="c", image="x", media_type="image/png", fetch=lambda _: scan
    )


def _export(pages: Iterator[PublishedPage] | Sequence[PublishedPage], out: Path, form: str) -> None:
    for _ in exports.export(pages, out, exports.formats_of(form)):
        pass


def _files(out: Path) -> dict[str, bytes]:
    found = (path for path in out.rglob("*") if path.is_file() and path.name != ledgers.NAME)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}


def test_duckdb_reads_lines_and_cells(tmp_path: Path) -> None:
    _export([_page("a", True), _page("b")], tmp_path, "parquet")
    ask = duckdb.connect()
    rows = ask.execute(
        f"select page, header, value from '{tmp_path}/cells.parquet'"
        " where status = 'repaired' or (row_number = 2 and column_number = 2) order by all"
    ).fetchall()
    assert rows == [("a", "Head 2", 31.001), ("a", "Head 2", 31.002), ("b", "Head 2", 31.002)]
    lines = ask.execute(f"select page, text from '{tmp_path}/lines.parquet'").fetchall()
    assert lines == [("a", "Register of the Weather"), ("b", "Register of the Weather")]


def test_json_lines_hold_every_page_whole(tmp_path: Path) -> None:
    pages = [_page("a"), _page("a", True)]
    _export(pages, tmp_path, "jsonl")
    said = [json.loads(line) for line in (tmp_path / "pages.jsonl").open(encoding="utf-8")]
    assert [page["page"] for page in said] == ["a", "a-2"]
    assert [page["tables"][0]["cells"][4]["text"] for page in said] == ["30.001", "=1+1"]
    assert len(from_json(said[0]).tables[0].cells) == 9


def test_coco_has_a_box_for_everything(tmp_path: Path) -> None:
    _export([_page("a"), _page("b")], tmp_path, "coco")
    found = json.loads((tmp_path / "coco.json").read_text("utf-8"))
    assert [image["file_name"] for image in found["images"]] == ["a.png", "b.png"]
    names = {each["id"]: each["name"] for each in found["categories"]}
    kinds = [names[box["category_id"]] for box in found["annotations"]]
    wanted = ["line", "table", *["table row"] * 3, *["table column"] * 3, *["table head"] * 3]
    assert kinds == 2 * (wanted + ["table cell"] * 6)
    assert [box["id"] for box in found["annotations"]] == list(range(1, len(kinds) + 1))
    head = next(b for b in found["annotations"] if names[b["category_id"]] == "table head")
    assert (head["bbox"], head["area"]) == ([100, 220, 120, 28], 3360)


def test_doubtful_cells_are_cut_out_for_volunteers(tmp_path: Path) -> None:
    _export([_page("a", True), _page("b")], tmp_path, "zooniverse")
    folder = tmp_path / "zooniverse"
    with open(folder / "manifest.csv", encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["#page"], row["#row"], row["#column"], row["#text"]) == ("a", "1", "1", "=1+1")
    assert (row["#header"], row["#row_label"]) == ("Head 1", "29.001")
    image = cv2.imread(str(folder / row["image"]))
    assert image is not None
    assert image.shape == (73, 165, 3)
    framed = (image[..., 2] > 150) & (image[..., 0] < 100)
    assert framed.any(axis=0).sum() > 120


def test_sure_texts_are_cut_out_to_train_on(tmp_path: Path) -> None:
    _export([_page("a", True)], tmp_path, "huggingface")
    (listed,) = (tmp_path / "huggingface").glob("*/metadata.jsonl")
    rows = [json.loads(line) for line in listed.open(encoding="utf-8")]
    assert [row["text"] for row in rows][:2] == ["Register of the Weather", "Head 0"]
    assert "=1+1" not in {row["text"] for row in rows}
    assert len(rows) == 9
    assert all((listed.parent / row["file_name"]).is_file() for row in rows)
    image = cv2.imread(str(listed.parent / rows[0]["file_name"]))
    assert image is not None
    assert image.shape[:2] == (52, 512)


def test_workbooks_calculate_and_never_run_what_was_read(tmp_path: Path) -> None:
    _export([_page("a", True)], tmp_path, "xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "a.table-1.xlsx").active
    assert sheet["A2"].value == 29.001
    assert sheet["A2"].number_format == "0.000"
    assert (sheet["B2"].value, sheet["B2"].data_type) == ("=1+1", "s")
    assert sheet["B2"].comment.text == "doubtful\nread: =1"
    assert sheet["C2"].comment.text == "repaired\nread: ?"


def test_texts_keep_their_lines_and_mean_nothing_else() -> None:
    whole = transcription(("1. *Note* <b>", "- wind"), [["A|B", "C"], ["1", "two\nlines"]])
    page = PublishedPage("p_1", "r", whole)
    table = "| A\\|B | C |\n| --- | --- |\n| 1 | two lines |\n"
    above, below = "1\\. \\*Note\\* \\<b\\>  \n", "\\- wind  \n"
    assert markdown.to_markdown(page) == f"# p\\_1\n\n{above}\n{table}\n{below}"
    assert "A|B\tC\n1\ttwo lines\n" in plain.to_text(page)


def test_an_interrupted_export_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    pages = [_page(name, True) for name in ("a", "b", "c")]
    formats = ",".join(exports.ALL)
    _export(pages, tmp_path / "whole", formats)

    def broken() -> Iterator[PublishedPage]:
        yield from pages[:2]
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        _export(broken(), out, formats)
    assert "coco.json" not in _files(out)
    assert not list(out.glob(".*.part"))
    before = {path: path.stat().st_mtime_ns for path in out.rglob("a*") if path.is_file()}
    _export(pages, out, formats)
    assert _files(out) == _files(tmp_path / "whole")
    kept = [path for path, time in before.items() if path.stat().st_mtime_ns == time]
    assert out / "a.pdf" in kept
    assert out / "a.xml" in kept


def test_what_was_changed_or_damaged_is_written_again(tmp_path: Path) -> None:
    _export([_page("a", True)], tmp_path, "zooniverse,txt,pdf")
    whole = _files(tmp_path)
    (tmp_path / "a.txt").write_text("spoilt")
    (tmp_path / "a.pdf").unlink()
    _export([_page("a", True)], tmp_path, "zooniverse,txt,pdf")
    assert _files(tmp_path) == whole
    _export([_page("a")], tmp_path, "zooniverse,txt,pdf")
    assert sorted(_files(tmp_path)) == ["a.pdf", "a.txt"]
    (tmp_path / ledgers.NAME).write_bytes(b"no database")
    _export([_page("a")], tmp_path, "txt")
    assert sorted(_files(tmp_path)) == ["a.pdf", "a.txt"]


def test_a_ledger_leads_out_of_no_folder(tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.write_text("precious")
    out = tmp_path / "out"
    _export([_page("a")], out, "txt")
    with sqlite3.connect(out / ledgers.NAME) as database:
        database.execute("update written set files = ?", [json.dumps({"../precious": ""})])
    database.close()
    _export([_page("a", True)], out, "txt")
    assert outside.read_text() == "precious"


def test_one_lost_scan_stops_no_other_page(tmp_path: Path) -> None:
    left: list[str] = []
    pages = [_page("a", True, b"damaged"), _page("b", True)]
    formats = exports.formats_of("pdf,zooniverse,txt")
    for _ in exports.export(pages, tmp_path, formats, left):
        pass
    assert [line.partition(": image:")[0] for line in left] == ["a: pdf", "a: zooniverse"]
    names = sorted(_files(tmp_path))
    assert names[:3] == ["a.txt", "b.pdf", "b.txt"]
    with open(tmp_path / "zooniverse" / "manifest.csv", encoding="utf-8", newline="") as file:
        assert [row["#page"] for row in csv.DictReader(file)] == ["b"]
    with pytest.raises(BadInput, match="image"):
        _export(pages, tmp_path, "pdf")
