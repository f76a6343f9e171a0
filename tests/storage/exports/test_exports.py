from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pipeline.errors import BadInput, Unavailable
from pipeline.page import Table, Transcription, from_json, schema
from storage import exports
from storage.exports import files
from storage.exports.files import Names, safe
from storage.exports.pages import PublishedPage, pages_of_collection, pages_of_job
from storage.runs import ensure_run
from storage.transcriptions import load, save
from tests.storage.pages import MakePage, box, transcription

GRID = [["DAY", "A,B", 'he said "x"'], ["1", "", "two\nlines"], ["2", " 3 ", "ñ 기온"]]


def _page(name: str, *grids: list[list[str]], run: str = "p@0+1") -> PublishedPage:
    return PublishedPage(name, run, transcription(("a line",), *grids))


def _export(pages: Sequence[PublishedPage], out: Path, formats: str = "csv,json") -> list[str]:
    chosen = exports.formats_of(formats)
    written = [path for _, paths in exports.export(pages, out, chosen) for path in paths]
    return [path.relative_to(out).as_posix() for path in written]


def _files(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))


def test_a_page_becomes_a_csv_for_each_table_and_a_json(tmp_path: Path) -> None:
    page = _page("ledger-1", GRID, [["x"]])
    names = ["ledger-1.table-1.csv", "ledger-1.table-2.csv", "ledger-1.json"]
    assert _export([page], tmp_path / "new" / "out") == names
    assert _files(tmp_path / "new" / "out") == sorted(names)


def test_one_csv_cell_stands_for_one_table_cell(tmp_path: Path) -> None:
    _export([_page("p", GRID)], tmp_path)
    with open(tmp_path / "p.table-1.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == GRID


grids = st.integers(1, 4).flatmap(
    lambda columns: st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8),
            min_size=columns,
            max_size=columns,
        ),
        min_size=1,
        max_size=4,
    )
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(grids)
def test_any_grid_survives_csv(tmp_path: Path, grid: list[list[str]]) -> None:
    _export([_page("p", grid)], tmp_path, "csv")
    with open(tmp_path / "p.table-1.csv", encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == grid


def test_joined_cells_stand_once(tmp_path: Path) -> None:
    table = transcription((), [["WIND", "", "RAIN"], ["N", "E", "0"]]).tables[0]
    cells = [replace(table.cells[0], column_span=2), table.cells[2], *table.cells[3:]]
    whole = Transcription(9, 9, 0.0, (), (Table(box(0, 0), 2, 3, tuple(cells), 1),))
    _export([PublishedPage("p", "r", whole)], tmp_path, "csv")
    assert (tmp_path / "p.table-1.csv").read_text("utf-8") == "WIND,,RAIN\nN,E,0\n"


def test_the_json_follows_its_schema_and_holds_everything(tmp_path: Path) -> None:
    page = _page("p", GRID)
    _export([page], tmp_path, "json")
    found = json.loads((tmp_path / "p.json").read_text("utf-8"))
    jsonschema.validate(found, schema())
    assert (found["page"], found["run"]) == ("p", "p@0+1")
    assert from_json(found) == page.transcription


def test_the_same_pages_are_the_same_bytes(tmp_path: Path) -> None:
    pages = [_page("a", GRID), _page("b"), _page("a", GRID, GRID)]
    for out in ("one", "two", "one"):
        _export(pages, tmp_path / out)
    one, two = tmp_path / "one", tmp_path / "two"
    assert _files(one) == _files(two)
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in _files(one))


def test_pages_of_one_name_get_files_of_their_own(tmp_path: Path) -> None:
    pages = [_page(name, [[name]]) for name in ("p", "p-2", "p", "P", "p")]
    stems = ["p", "p-2", "p-3", "P-4", "p-5"]
    _export(pages, tmp_path)
    wanted = [f"{stem}.table-1.csv" for stem in stems] + [f"{stem}.json" for stem in stems]
    assert _files(tmp_path) == sorted(wanted)


def test_tables_that_are_no_longer_there_leave_no_file(tmp_path: Path) -> None:
    (tmp_path / "other.table-3.csv").write_text("mine")
    _export([_page("p", GRID, GRID, GRID)], tmp_path)
    _export([_page("p", GRID)], tmp_path)
    assert _files(tmp_path) == ["other.table-3.csv", "p.json", "p.table-1.csv"]


@settings(max_examples=300)
@given(st.lists(st.text(max_size=300), max_size=5))
def test_names_stay_in_their_folder(names: list[str]) -> None:
    given_out = Names()
    stems = [given_out.stem(name) for name in names]
    for stem in stems:
        path = Path("out") / f"{stem}.table-1.csv"
        assert path.parent == Path("out")
        assert len(path.name.encode()) < 255
        assert stem == stem.strip("\0") != ""
        assert not stem.startswith(".")
    assert len({stem.casefold() for stem in stems}) == len(stems)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("1890-05 Bessèges", "1890-05 Bessèges"),
        ("../../etc/passwd", "_._.._etc_passwd"),
        ("..", "_."),
        ("/etc/passwd", "_etc_passwd"),
        ("a\\b\nc\x1b[31m", "a_b_c_[31m"),
        (".hidden", "_hidden"),
        ("", "page"),
        ("é" * 300, "é" * 100),
    ],
)
def test_odd_names(name: str, stem: str) -> None:
    assert safe(name) == stem


def test_a_link_in_the_folder_is_replaced_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.write_text("precious")
    out = tmp_path / "out"
    out.mkdir()
    (out / "p.json").symlink_to(outside)
    _export([_page("p")], out, "json")
    assert outside.read_text() == "precious"
    assert not (out / "p.json").is_symlink()


def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        _export([_page("p")], tmp_path / "file")
    (tmp_path / "out" / "p.json").mkdir(parents=True)
    with pytest.raises(Unavailable, match=r"p\.json: cannot be written"):
        files.write(tmp_path / "out" / "p.json", b"x")
    assert _files(tmp_path / "out") == ["p.json"]


@pytest.mark.parametrize("formats", ["", ",", "csv,parquet9", "../csv"])
def test_unknown_formats_are_refused(formats: str) -> None:
    with pytest.raises(BadInput, match="choose from csv, json"):
        exports.formats_of(formats)


def _make_job(
    connection: sqlalchemy.Connection, run_id: int | None, sources: list[tuple[str, list[int]]]
) -> int:
    """Make an ingest job of sources, each with its pages; a page's name tells its source."""
    job = connection.scalar(
        text(
            "insert into mill.job (kind, collection_id, run_id)"
            " select 'ingest', id, :run from mill.collection limit 1 returning id"
        ),
        {"run": run_id},
    )
    assert isinstance(job, int)
    for number, (name, pages) in enumerate(sources):
        document = connection.scalar(
            text(
                "insert into mill.document (collection_id, source, sha256, media_type)"
                " select id, :name, :name, 'x' from mill.collection limit 1 returning id"
            ),
            {"name": name},
        )
        connection.execute(
            text(
                "insert into mill.job_source (job_id, number, source, sha256, state, document_id)"
                " values (:job, :number, :name, :name, 'stored', :document)"
            ),
            {"job": job, "number": number, "name": name, "document": document},
        )
        for place, page in enumerate(pages):
            connection.execute(
                text("insert into mill.document_page values (:document, :number, :page, :name)"),
                {
                    "document": document,
                    "number": place,
                    "page": page,
                    "name": f"{name}-{place + 1}",
                },
            )
    return job


def test_pages_go_by_the_names_of_their_own_job(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    first, second, unread = make_page("old name"), make_page("second"), make_page("unread")
    for page in (first, second):
        save(connection, page, run_id, transcription((f"line {page}",)))
    _make_job(connection, run_id, [("earlier", [first])])
    job = _make_job(connection, run_id, [("z", [second, unread]), ("a", [first]), ("b", [first])])
    found = list(pages_of_job(connection, job))
    assert [page.name for page in found] == ["z-1", "a-1", "b-1"]
    assert [page.transcription.lines[0].text for page in found] == [
        f"line {second}",
        *[f"line {first}"] * 2,
    ]
    assert found[0].run == "default@abababab+0.1.0"


def test_a_job_is_exported_as_its_own_run_read_it(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("p")
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    save(connection, page, run_id, transcription(("old",)))
    save(connection, page, newer, transcription(("new",)))
    job = _make_job(connection, run_id, [("p", [page])])
    (found,) = pages_of_job(connection, job)
    assert found.transcription.lines[0].text == "old"
    (current,) = pages_of_collection(connection, "ledgers")
    assert current.transcription == load(connection, page)
    assert current.run == "better@cdcdcdcd+0.1.0"


def test_a_collection_is_exported_by_name(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    for name, collection in (("b", "one"), ("a", "one"), ("c", "another"), ("B", "one")):
        save(connection, make_page(name, collection), run_id, transcription((name,)))
    make_page("unread", "one")
    assert [page.name for page in pages_of_collection(connection, "one")] == ["B", "a", "b"]
    assert [page.name for page in pages_of_collection(connection, None)] == ["c", "B", "a", "b"]


def test_what_is_not_there_says_so(connection: sqlalchemy.Connection) -> None:
    with pytest.raises(BadInput, match="no such job"):
        pages_of_job(connection, 99)
    with pytest.raises(BadInput, match="no such collection"):
        pages_of_collection(connection, "none")
