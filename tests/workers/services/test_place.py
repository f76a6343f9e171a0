from __future__ import annotations

import os
import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Unavailable
from workers.services import place
from workers.services.place import ServiceError

_NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(_NAMES.filter(lambda name: name not in (".", "..")), min_size=1, max_size=8))
def test_sockets_fit_and_need_no_escapes_whatever_the_home(names: list[str]) -> None:
    home = Path("/nowhere", *names)
    run = place.place(home).run
    assert len(os.fsencode(run / "postgres" / ".s.PGSQL.5432.lock")) <= 107
    assert re.fullmatch(r"[A-Za-z0-9._/-]+", str(run))
    assert run == place.place(home).run


def test_two_long_homes_have_two_socket_folders() -> None:
    base = Path("/", *["long"] * 30)
    assert place.place(base / "a").run != place.place(base / "b").run


def test_a_short_home_keeps_its_sockets() -> None:
    assert place.place(Path("/nowhere/home")).run == Path("/nowhere/home/run")


def test_folders_are_private(short: Path) -> None:
    where = place.place(short / "home")
    place.prepare(where)
    for folder in (where.home, where.run, where.home / "objects", where.home / "log"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_taken_for_the_private_folder(short: Path) -> None:
    (short / "elsewhere").mkdir()
    (short / "link").symlink_to(short / "elsewhere")
    with pytest.raises(ServiceError, match="belongs to another user"):
        place.private(short / "link")


def test_a_folder_that_others_may_write_is_closed(short: Path) -> None:
    (short / "open").mkdir()
    (short / "open").chmod(0o777)
    place.private(short / "open")
    assert (short / "open").stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_way_is_named(short: Path) -> None:
    (short / "home").write_text("")
    with pytest.raises(ServiceError, match="home"):
        place.private(short / "home")


def test_alive_is_as_long_as_somebody_holds_the_file(short: Path) -> None:
    assert not place.is_alive(short)
    held = place.claim(short, seconds=0)
    assert held is not None
    assert place.is_alive(short)
    assert place.claim(short, seconds=0.1) is None
    copy = os.dup(held)
    os.close(held)
    assert place.is_alive(short)
    os.close(copy)
    assert not place.is_alive(short)


def test_one_at_a_time(where: place.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    inside: list[int] = []
    most = 0

    def enter() -> None:
        nonlocal most
        with place.exclusive(where):
            inside.append(1)
            most = max(most, len(inside))
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1

    monkeypatch.setattr(place, "START_SECONDS", 0.1)
    with place.exclusive(where), pytest.raises(Unavailable, match="another ledgermill"):
        place.exclusive(where).__enter__()
