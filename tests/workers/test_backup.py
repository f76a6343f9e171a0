"""The drill: what was saved comes back, equal, in a place that held nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import make_url, text

from pipeline.errors import BadInput, LedgermillError
from pipeline.page import to_json
from storage import jobs, transcriptions
from storage.database import connect, migrate
from storage.objects import open_store
from storage.runs import ensure_run
from storage.search import search
from storage.sql import ask, reader_url
from tests.storage.pages import transcription
from workers.backup import MANIFEST, backup, restore
from workers.services import Endpoints

Connection = sqlalchemy.Connection

TEXTS = ("Barometer reduced to sea level", "Sturm aus Nordwest", "雨 and sleet")
QUERIES = ("barometer", "sturm", "sleet", "29.874")


def fill(connection: Connection, store_url: str, count: int = 6) -> None:
    """Read pages, some of them in two runs, whose job has not been told yet."""
    store = open_store(store_url)
    runs = [ensure_run(connection, "default", c * 64, "1", {"name": "default"}) for c in "ab"]
    collection_id = jobs.ensure_collection(connection, "ledgers", "english")
    job_id = jobs.create(connection, "ingest", collection_id, runs[0])
    pages = []
    for number in range(count):
        sha256 = store.put(f"image {number}".encode(), "image/png")
        source = store.put(f"pdf {number}".encode(), "application/pdf")
        names = {"sha256": sha256, "source": source, "name": f"p{number}", "c": collection_id}
        connection.execute(
            text("insert into mill.image values (:sha256, 'image/png', 7, 1000, 800)"), names
        )
        connection.execute(
            text(
                "insert into mill.document (collection_id, source, sha256, media_type)"
                " values (:c, :name, :source, 'application/pdf')"
            ),
            names,
        )
        page = connection.execute(
            text(
                "insert into mill.page (collection_id, image_sha256, name)"
                " values (:c, :sha256, :name) returning id"
            ),
            names,
        ).scalar_one()
        pages.append(page)
    jobs.add_pages(connection, job_id, pages)
    jobs.all_listed(connection, job_id)
    for number, page in enumerate(pages):
        grid = [["Day", "Bar."], [str(number), "29.874"]]
        for run_id in runs[: 1 + number % 2]:
            transcriptions.save(connection, page, run_id, transcription((TEXTS[number % 3],), grid))
    connection.commit()


@pytest.fixture
def full(connection: Connection, services: Endpoints, object_store: str) -> Endpoints:
    fill(connection, object_store)
    return replace(services, object_store=object_store)


@pytest.fixture
def empty(engine: sqlalchemy.Engine, services: Endpoints, tmp_path: Path) -> Iterator[Endpoints]:
    """Return another database of the same server, with nothing in it but the schema."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text("drop database if exists restored with (force)"))
        server.execute(text("create database restored"))
        url = make_url(services.database_url).set(database="restored")
        there = url.render_as_string(hide_password=False)
        migrate(there)
        yield Endpoints(there, services.broker_url, f"file://{tmp_path}/restored")
        server.execute(text("drop database restored with (force)"))


def contents(place: Endpoints) -> dict[str, object]:
    """Return whatever a user could ask for: pages, search results, rows, job states, bytes."""
    store = open_store(place.object_store)
    database = connect(place.database_url)
    try:
        with database.connect() as connection:
            tables = (
                connection.execute(
                    text(
                        "select relname from pg_class where relnamespace = 'mill'::regnamespace"
                        " and relkind = 'r' order by relname"
                    )
                )
                .scalars()
                .all()
            )
            rows = {
                name: sorted(
                    connection.execute(text(f'select t::text from mill."{name}" t')).scalars()
                )
                for name in tables
            }
            pages = connection.execute(text("select id, name from mill.page order by id")).all()
            read = [
                to_json(transcriptions.load(connection, page.id), page.name, "") for page in pages
            ]
            found = {query: search(connection, query) for query in QUERIES}
            images = connection.execute(text("select sha256 from mill.image")).scalars().all()
    finally:
        database.dispose()
    sql = ask(
        reader_url(place.database_url, None),
        "select * from cells order by 1, 2, 3, 4, 5, 6, 7",
        seconds=10,
        rows=1000,
    )
    assert all(found.values())
    return {
        "rows": rows,
        "pages": read,
        "found": found,
        "sql": sql,
        "bytes": {sha256: store.get(sha256) for sha256 in images},
    }


def test_what_was_saved_comes_back_equal(full: Endpoints, empty: Endpoints, tmp_path: Path) -> None:
    saved = backup(full, tmp_path / "backup")
    assert (saved.pages, saved.objects, saved.copied, saved.missing) == (6, 12, 12, [])
    restored = restore(empty, tmp_path / "backup")
    assert (restored.pages, restored.objects, restored.copied) == (6, 12, 12)
    assert restored.missing == []
    assert contents(empty) == contents(full)


def test_work_goes_on_where_it_was_restored(
    full: Endpoints, empty: Endpoints, tmp_path: Path
) -> None:
    backup(full, tmp_path / "backup")
    restore(empty, tmp_path / "backup")
    database = connect(empty.database_url)
    with database.begin() as connection:
        (job,) = jobs.open_jobs(connection)
        (token,) = jobs.queue_pages(connection, job.job_id, 8, 1)
        jobs.claim(connection, token, "w")
        jobs.finish_jobs(connection)
        assert jobs.progress(connection, job.job_id).finished, "its pages had been read"
        # What numbers new rows goes on behind those that were restored.
        assert jobs.ensure_collection(connection, "new") not in (None, 1)
    database.dispose()


def test_the_next_backup_copies_what_is_new(
    connection: Connection, full: Endpoints, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup(full, folder)
    first = json.loads((folder / MANIFEST).read_text())["database"]["file"]
    (folder / first).rename(folder / "database-20200101T000000Z.dump")  # as if made long ago
    sha256 = open_store(full.object_store).put(b"one more", "image/png")
    connection.execute(
        text("insert into mill.image values (:sha256, 'image/png', 8, 1, 1)"), {"sha256": sha256}
    )
    connection.commit()
    again = backup(full, folder)
    assert (again.objects, again.copied) == (13, 1)
    assert len(list(folder.glob("database-*"))) == 1


def test_nobody_else_can_read_a_backup(full: Endpoints, tmp_path: Path) -> None:
    backup(full, tmp_path / "backup")
    files = [tmp_path / "backup", *(tmp_path / "backup").glob("*")]
    assert len(files) == 4
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in files)


def test_an_object_that_is_lost_is_named_and_the_rest_saved(
    full: Endpoints, empty: Endpoints, tmp_path: Path
) -> None:
    lost = hashlib.sha256(b"image 3").hexdigest()
    folder = Path(full.object_store.removeprefix("file://"))
    (folder / lost[:2] / lost[2:4] / lost).unlink()
    saved = backup(full, tmp_path / "backup")
    assert saved.copied == 11
    (line,) = saved.missing
    assert line.startswith(f"object {lost[:12]}: not in the object store")
    assert restore(empty, tmp_path / "backup").missing == [f"object {lost[:12]}: not in the backup"]


def test_an_object_that_has_changed_is_not_restored(
    full: Endpoints, empty: Endpoints, tmp_path: Path
) -> None:
    backup(full, tmp_path / "backup")
    (victim, *_) = sorted((tmp_path / "backup" / "objects").glob("??/??/*"))
    victim.write_bytes(b"other")
    (line,) = restore(empty, tmp_path / "backup").missing
    assert line.startswith(f"object {victim.name[:12]}: its bytes have changed")
    assert not open_store(empty.object_store).exists(victim.name)


def test_a_place_that_holds_pages_is_not_overwritten(full: Endpoints, tmp_path: Path) -> None:
    backup(full, tmp_path / "backup")
    before = contents(full)
    with pytest.raises(LedgermillError, match="restore into an empty one"):
        restore(full, tmp_path / "backup")
    assert contents(full) == before


def test_a_damaged_dump_leaves_an_empty_place_as_it_was(
    full: Endpoints, empty: Endpoints, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup(full, folder)
    manifest = json.loads((folder / MANIFEST).read_text())
    dump = folder / manifest["database"]["file"]
    data = dump.read_bytes()
    dump.write_bytes(data[:-200])
    with pytest.raises(BadInput, match="its bytes have changed"):
        restore(empty, folder)

    # Even one that nobody could tell to be damaged: the schema is there again afterwards.
    manifest["database"]["sha256"] = hashlib.sha256(dump.read_bytes()).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(LedgermillError, match=r"^pg_restore: "):
        restore(empty, folder)
    dump.write_bytes(data)
    manifest["database"]["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert restore(empty, folder).pages == 6


def test_a_folder_with_other_things_is_not_touched(full: Endpoints, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "holiday.jpg").touch()
    with pytest.raises(BadInput, match="holds other files"):
        backup(full, folder)
    with pytest.raises(BadInput, match="holds no backup"):
        restore(full, folder)
    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "9999"}, "install that version or a newer one"),
        ({"format": 2}, "install that version or a newer one"),
        ({"database": {"file": "../../x", "sha256": "", "bytes": 0}}, "names a file elsewhere"),
        ({"database": 7}, "cannot be read"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(
    full: Endpoints, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    folder = tmp_path / "backup"
    shutil.rmtree(folder, ignore_errors=True)
    backup(full, folder)
    manifest = json.loads((folder / MANIFEST).read_text()) | change
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(BadInput, match=said):
        restore(full, folder)


def test_a_database_that_is_away_leaves_the_last_backup_whole(
    full: Endpoints, tmp_path: Path
) -> None:
    folder = tmp_path / "backup"
    backup(full, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    away = replace(full, database_url="postgresql://u:secret@127.0.0.1:1/none")
    with pytest.raises(LedgermillError, match=r"^pg_dump: .*127\.0\.0\.1") as found:
        backup(away, folder)
    assert "secret" not in str(found.value)
    assert {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} == before
