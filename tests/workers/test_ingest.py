"""Files become pages once, whoever asks, how often, and whatever dies on the way."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from pipeline.errors import Unavailable
from storage import jobs
from storage.database import connect
from storage.objects import ObjectStore, open_store
from storage.runs import ensure_run
from tests.bad_input.folder import drawing, jpeg, pdf, tiff, zipped
from workers import ingest
from workers.ingest import Submitted, ingest_source, submit
from workers.sources import FoundSource, IgnoredFile, Limits, RefusedSource, guard

LIMITS = Limits()


@pytest.fixture
def store(object_store: str) -> ObjectStore:
    return open_store(object_store)


@pytest.fixture
def job(connection: Connection) -> int:
    return new_job(connection)


def new_job(connection: Connection, collection: str = "c") -> int:
    collection_id = jobs.ensure_collection(connection, collection)
    run_id = ensure_run(connection, "default", "ab" * 32, "1", {})
    job_id = jobs.create(connection, "ingest", collection_id, run_id)
    connection.commit()
    return job_id


def put(
    connection: Connection,
    store: ObjectStore,
    job_id: int,
    folder: Path,
    files: dict[str, bytes],
) -> list[int]:
    """Submit files and return their numbers."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    before = set(rows(connection, "select number from mill.job_source where job_id = :j", j=job_id))
    submit(connection, store, job_id, [FoundSource(n, folder / n) for n in files], LIMITS)
    after = rows(
        connection, "select number from mill.job_source where job_id = :j order by 1", j=job_id
    )
    return [number for (number,) in after if (number,) not in before]


def rows(connection: Connection, statement: str, **values: object) -> list[tuple[Any, ...]]:
    found = [tuple(row) for row in connection.execute(text(statement), values)]
    connection.rollback()
    return found


def state(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that ingest writes, without times and with names for numbers."""
    return {
        "sources": rows(
            connection,
            "select job_id, number, source, state, reason, document_id is not null"
            " from mill.job_source order by 1, 2",
        ),
        "pages": rows(
            connection,
            "select d.source, dp.number, dp.name, p.image_sha256, i.media_type, i.bytes, i.width,"
            " i.height from mill.document d join mill.document_page dp on dp.document_id = d.id"
            " join mill.page p on p.id = dp.page_id join mill.image i on i.sha256 = p.image_sha256"
            " order by 1, 2",
        ),
        "work": rows(
            connection,
            "select j.job_id, p.image_sha256, j.state from mill.job_page j"
            " join mill.page p on p.id = j.page_id order by 1, 2",
        ),
        "refused": rows(
            connection, "select job_id, number, entry, reason from mill.refused_entry order by 1, 2"
        ),
        "counts": rows(
            connection,
            "select (select count(*) from mill.page), (select count(*) from mill.image),"
            " (select count(*) from mill.document)",
        ),
    }


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# --- submitting ---------------------------------------------------------------------------------


def test_submit_stores_and_lists(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    sources: list[FoundSource | RefusedSource | IgnoredFile] = [
        FoundSource("a.jpg", tmp_path / "a.jpg"),
        IgnoredFile("truth.csv"),
        RefusedSource("b.jpg", "the file is empty", "scan it again"),
        FoundSource("gone.jpg", tmp_path / "gone.jpg"),
    ]
    assert submit(connection, store, job, sources, LIMITS) == Submitted(1, 2, 1)
    assert store.get(sha256(jpeg(1))) == jpeg(1)
    listed = rows(
        connection, "select source, sha256, state, reason from mill.job_source order by number"
    )
    assert listed == [
        ("a.jpg", sha256(jpeg(1)), "pending", None),
        ("b.jpg", None, "refused", "the file is empty; scan it again"),
        ("gone.jpg", None, "refused", "there is no such file; check the path"),
    ]


def test_submit_commits_as_it_goes(
    connection: Connection,
    store: ObjectStore,
    job: int,
    tmp_path: Path,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ingest, "_BATCH", 2)
    seen = []

    def sources() -> Iterator[FoundSource]:
        for name in "abcde":
            (tmp_path / name).write_bytes(jpeg(1))
            yield FoundSource(name, tmp_path / name)
            with engine.connect() as other:
                seen.append(len(rows(other, "select 1 from mill.job_source")))

    submit(connection, store, job, sources(), LIMITS)
    assert seen == [0, 2, 2, 4, 4]
    assert len(rows(connection, "select 1 from mill.job_source")) == 5


# --- taking in ----------------------------------------------------------------------------------


def test_an_image_becomes_a_page(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"a.jpg": jpeg(1)})
    (page_id,) = ingest_source(connection, store, job, number, LIMITS)
    assert not connection.in_transaction()
    found = state(connection)
    digest = sha256(jpeg(1))
    assert found["pages"] == [("a.jpg", 0, "a", digest, "image/jpeg", len(jpeg(1)), 320, 240)]
    assert found["work"] == [(job, digest, "pending")]
    assert rows(connection, "select page_id from mill.job_page") == [(page_id,)]
    assert found["sources"] == [(job, number, "a.jpg", "stored", None, True)]


def test_every_page_of_a_source_is_stored_and_named(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    files = {
        "t.tif": tiff(drawing(1), drawing(2)),
        "p.pdf": pdf(pages=2),
        "z.zip": zipped(("x/9.jpg", jpeg(3)), ("x/10.jpg", jpeg(4))),
    }
    moves: list[int] = []
    ids = [
        ingest_source(connection, store, job, number, LIMITS, lambda: moves.append(1))
        for number in put(connection, store, job, tmp_path, files)
    ]
    assert [len(found) for found in ids] == [2, 1, 2], "both pages of the PDF are the same"
    assert len(moves) == 6
    pages = state(connection)["pages"]
    assert [page[:3] for page in pages] == [
        ("p.pdf", 0, "p-0001"),
        ("p.pdf", 1, "p-0002"),
        ("t.tif", 0, "t-0001"),
        ("t.tif", 1, "t-0002"),
        ("z.zip", 0, "9"),
        ("z.zip", 1, "10"),
    ]
    for page in pages:
        assert store.exists(page[3])


def test_a_second_time_nothing_happens(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"t.tif": tiff(drawing(1), drawing(2))})
    assert len(ingest_source(connection, store, job, number, LIMITS)) == 2
    before = state(connection)
    assert ingest_source(connection, store, job, number, LIMITS) == []
    assert state(connection) == before


def test_the_same_bytes_are_one_page(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    files = {"a.jpg": jpeg(1), "b.jpg": jpeg(1), "z.zip": zipped(("c.jpg", jpeg(1)))}
    ids = [
        ingest_source(connection, store, job, number, LIMITS)
        for number in put(connection, store, job, tmp_path, files)
    ]
    assert [len(found) for found in ids] == [1, 0, 0]
    found = state(connection)
    assert [page[2] for page in found["pages"]] == ["a", "b", "c"]
    assert found["counts"] == [(1, 1, 3)]


def test_collections_do_not_share_pages(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    other = new_job(connection, "another")
    for each in (job, other):
        (number,) = put(connection, store, each, tmp_path, {"a.jpg": jpeg(1)})
        assert len(ingest_source(connection, store, each, number, LIMITS)) == 1
    assert state(connection)["counts"] == [(2, 1, 2)]


def test_a_page_that_the_run_has_read_is_no_new_work(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"a.jpg": jpeg(1)})
    (page_id,) = ingest_source(connection, store, job, number, LIMITS)
    connection.execute(
        text(
            "insert into mill.transcription (page_id, run_id, width, height, angle)"
            " select :page, run_id, 1, 1, 0 from mill.job where id = :job"
        ),
        {"page": page_id, "job": job},
    )
    connection.commit()
    again = new_job(connection)
    (number,) = put(connection, store, again, tmp_path, {"new-name.jpg": jpeg(1)})
    assert ingest_source(connection, store, again, number, LIMITS) == []
    assert state(connection)["work"][1] == (again, sha256(jpeg(1)), "done")


def test_known_bytes_are_not_parsed_again_but_named_anew(
    connection: Connection,
    store: ObjectStore,
    job: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = {"tif": tiff(drawing(1), drawing(2)), "zip": zipped(("x.jpg", jpeg(3)))}
    for number in put(connection, store, job, tmp_path, {f"a.{k}": v for k, v in data.items()}):
        ingest_source(connection, store, job, number, LIMITS)
    monkeypatch.setattr(ingest, "open_document", None)
    again = new_job(connection)
    for number in put(connection, store, again, tmp_path, {f"b.{k}": v for k, v in data.items()}):
        assert ingest_source(connection, store, again, number, LIMITS)
    names = [page[:3] for page in state(connection)["pages"]]
    assert names == [
        ("a.tif", 0, "a-0001"),
        ("a.tif", 1, "a-0002"),
        ("a.zip", 0, "x"),
        ("b.tif", 0, "b-0001"),
        ("b.tif", 1, "b-0002"),
        ("b.zip", 0, "x"),
    ]


def test_known_bytes_are_parsed_again_where_an_object_is_lost_or_a_part_was_refused(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path, object_store: str
) -> None:
    data = {"a.tif": tiff(drawing(1), drawing(2)), "b.zip": zipped(("1", b"x"), ("2", jpeg(1)))}
    for number in put(connection, store, job, tmp_path, data):
        ingest_source(connection, store, job, number, LIMITS)
    (lost, *_) = rows(connection, "select image_sha256 from mill.page p order by id")
    for path in Path(object_store.removeprefix("file://")).rglob(str(lost[0])):
        path.unlink()
    assert not store.exists(str(lost[0]))
    again = new_job(connection)
    for number in put(connection, store, again, tmp_path, data):
        ingest_source(connection, store, again, number, LIMITS)
    assert store.exists(str(lost[0]))
    refused = state(connection)["refused"]
    assert [row[0] for row in refused] == [job, again]


# --- refusing -----------------------------------------------------------------------------------


def test_a_source_that_is_no_page_is_refused(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"a.jpg": jpeg(1)[:5000]})
    assert ingest_source(connection, store, job, number, LIMITS) == []
    reason = "the file ends early, at byte 5,000; copy or scan it again"
    found = state(connection)
    assert found["sources"] == [(job, number, "a.jpg", "refused", reason, False)]
    assert found["counts"] == [(0, 0, 0)]


def test_a_part_that_is_no_page_is_listed(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    data = zipped(("1.jpg", jpeg(1)[:5000]), ("2.jpg", jpeg(2)), ("3.jpg", b"text"))
    (number,) = put(connection, store, job, tmp_path, {"a.zip": data})
    assert len(ingest_source(connection, store, job, number, LIMITS)) == 1
    found = state(connection)
    assert found["sources"] == [(job, number, "a.zip", "stored", None, True)]
    assert [row[2:] for row in found["refused"]] == [
        ("a.zip!/1.jpg", "the file ends early, at byte 5,000; copy or scan it again"),
        ("a.zip!/3.jpg", "it is text, not an image; take it out, or give the scan itself"),
    ]
    assert [failure.what for failure in jobs.failures(connection, job)] == [
        "a.zip!/1.jpg",
        "a.zip!/3.jpg",
    ]


@pytest.mark.parametrize(
    ("parts", "reason", "listed"),
    [
        ([b"text"], "it is text, not an image; take it out, or give the scan itself", 0),
        (
            [b"", b""],
            "none of its 2 parts can be read: the file is empty; copy or scan it again",
            0,
        ),
        ([b"", b"text"], "none of its parts can be read; see the reason of each", 2),
    ],
)
def test_a_source_without_a_page_gives_one_reason_where_one_will_do(
    connection: Connection,
    store: ObjectStore,
    job: int,
    tmp_path: Path,
    parts: list[bytes],
    reason: str,
    listed: int,
) -> None:
    data = zipped(*((f"{n}.jpg", part) for n, part in enumerate(parts)))
    (number,) = put(connection, store, job, tmp_path, {"a.zip": data})
    assert ingest_source(connection, store, job, number, LIMITS) == []
    found = state(connection)
    assert found["sources"] == [(job, number, "a.zip", "refused", reason, False)]
    assert len(found["refused"]) == listed


def test_a_source_refused_once_stays_refused(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"a.jpg": b"\xff\xd8\xff"})
    for _ in range(2):
        assert ingest_source(connection, store, job, number, LIMITS) == []
    assert len(state(connection)["sources"]) == 1


# --- what may come between ----------------------------------------------------------------------


def test_many_at_once_write_one_page(
    connection: Connection, engine: Engine, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"t.tif": tiff(*map(drawing, range(3)))})
    together = threading.Barrier(4)

    def take_in(_: int) -> list[int]:
        with engine.connect() as mine:
            together.wait(30)
            return ingest_source(mine, store, job, number, LIMITS)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(take_in, range(4)))
    assert sorted(map(len, found)) == [0, 0, 0, 3]
    assert state(connection)["counts"] == [(3, 3, 1)]


def test_sources_that_share_pages_do_not_wait_for_each_other(
    connection: Connection, engine: Engine, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    entries = [(f"{n}.jpg", jpeg(n)) for n in range(12)]
    files = {"a.zip": zipped(*entries), "b.zip": zipped(*reversed(entries), ("z.jpg", jpeg(99)))}
    numbers = put(connection, store, job, tmp_path, files)
    together = threading.Barrier(2)

    def take_in(number: int) -> None:
        with engine.connect() as mine:
            together.wait(30)
            ingest_source(mine, store, job, number, LIMITS)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(take_in, numbers))
    assert state(connection)["counts"] == [(13, 13, 2)]


def test_a_store_out_of_reach_leaves_the_source_waiting(
    connection: Connection, store: ObjectStore, job: int, tmp_path: Path
) -> None:
    (number,) = put(connection, store, job, tmp_path, {"t.tif": tiff(drawing(1), drawing(2))})

    class Broken:
        get, exists = store.get, store.exists

        def put(self, data: bytes, media_type: str) -> str:
            raise Unavailable("object store: does not answer")

    with pytest.raises(Unavailable):
        ingest_source(connection, Broken(), job, number, LIMITS)
    connection.rollback()
    assert rows(connection, "select state from mill.job_source") == [("pending",)]
    assert len(ingest_source(connection, store, job, number, LIMITS)) == 2


def killed_after(step: int, database_url: str, store_url: str, job_id: int, number: int) -> int:
    """Take in a source in a process that is killed after so many calls of a service; return how
    it ended."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = step

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return function(*arguments, **named)

        return call

    try:
        store: Any = open_store(store_url)
        connection: Any = connect(database_url).connect()
        store.put = counted(store.put)
        connection.execute = counted(connection.execute)
        connection.commit = counted(connection.commit)
        ingest_source(connection, store, job_id, number, LIMITS)
        guard._end_all()
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_point_changes_nothing(
    connection: Connection,
    store: ObjectStore,
    job: int,
    tmp_path: Path,
    database_url: str,
    object_store: str,
) -> None:
    data = zipped(("1.jpg", jpeg(1)), ("2.jpg", jpeg(2)), ("3.jpg", b"text"))
    (number,) = put(connection, store, job, tmp_path, {"a.zip": data})
    before = state(connection)
    killed = 0
    for step in (0, 2, 3, 5, 7, 9, 11, 12, 99):
        code = killed_after(step, database_url, object_store, job, number)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
        deadline = time.monotonic() + 5  # until Postgres has noticed
        while state(connection) != before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert state(connection) == before
    assert killed >= 6
    assert state(connection)["counts"] == [(2, 2, 1)]
    assert rows(connection, "select state from mill.job_source") == [("stored",)]
    assert len(state(connection)["refused"]) == 1
