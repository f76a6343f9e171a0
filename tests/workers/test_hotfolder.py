"""Files that are put into a folder are taken in once they are complete, and once only."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput
from pipeline.profiles import load_profile
from tests.workers.sources.remote.server import picture
from workers import client, hotfolder
from workers.hotfolder import Taken, look, watch
from workers.services import Endpoints
from workers.settings import settings


@pytest.fixture
def place(
    services: Endpoints, connection: sqlalchemy.Connection, monkeypatch: pytest.MonkeyPatch
) -> client.Office:
    monkeypatch.setattr(hotfolder, "LOOK_SECONDS", 0.4)
    engine = connection.engine
    return client.Office(services, engine, settings())


def watching(place: client.Office, folder: Path, at_end: int) -> list[Taken]:
    """Watch until so many sources were taken in, and a little longer."""
    taken: list[Taken] = []

    def tell(done: Taken) -> None:
        taken.append(done)
        if sum(each.sources for each in taken) >= at_end:
            threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    watch(place, [folder], load_profile("default"), "hot", "simple", None, tell)
    return taken


@pytest.mark.timeout(60)
def test_only_what_is_complete_and_once(
    place: client.Office, tmp_path: Path, connection: sqlalchemy.Connection
) -> None:
    (tmp_path / "2.jpg").write_bytes(picture(2))
    (tmp_path / "notes.txt").write_text("no page")
    (tmp_path / ".hidden.jpg").write_bytes(picture(3))
    (tmp_path / "copied.jpg.part").write_bytes(picture(4))
    growing = tmp_path / "1.jpg"
    data = picture(1)
    over = threading.Event()

    def write() -> None:
        with growing.open("wb") as file:
            for start in range(0, len(data), len(data) // 12):
                file.write(data[start : start + len(data) // 12])
                file.flush()
                over.wait(0.02)
        (tmp_path / "copied.jpg.part").rename(tmp_path / "copied.jpg")

    thread = threading.Thread(target=write)
    thread.start()
    taken = watching(place, tmp_path, 3)
    thread.join()
    assert sum(each.sources for each in taken) == 3
    assert not any(each.failures for each in taken)
    rows = connection.execute(
        text("select source, count(*), min(length(sha256)) from mill.job_source group by 1")
    ).all()
    assert sorted(tuple(row) for row in rows) == [
        (str(tmp_path / name), 1, 64) for name in ("1.jpg", "2.jpg", "copied.jpg")
    ]
    connection.rollback()
    # Watching begins anew: what is known is passed over, what has changed is not.
    (tmp_path / "2.jpg").write_bytes(picture(22))
    (again,) = watching(place, tmp_path, 1)
    assert again.sources == 1
    states = connection.execute(text("select distinct state from mill.job")).scalars().all()
    assert states == ["running"], "its listing is complete"


def test_what_is_looked_at(tmp_path: Path) -> None:
    for name in ("a.tif", "b.TMP", ".c.jpg", "d.crdownload", "e~", ".git/f.jpg", "sub/g.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert {path.name for path in look([tmp_path])} == {"a.tif", "g.jpg"}


def test_a_watch_is_of_folders(place: client.Office, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder"):
        watching(place, tmp_path / "none", 0)
