from __future__ import annotations

import signal
import time

import psutil
import redis

from workers.services import place, valkey
from workers.services.place import Place


def _start(where: Place) -> None:
    with place.exclusive(where):
        valkey.start(where)


def _client(where: Place) -> redis.Redis:
    return redis.Redis.from_url(valkey.url(where).replace("redis+socket", "unix"))


def _pid(where: Place) -> int:
    found = valkey.pid(where)
    assert found is not None
    return found


def _kill(where: Place) -> None:
    process = psutil.Process(_pid(where))
    process.send_signal(signal.SIGKILL)
    process.wait(5)


def test_it_stops_and_starts_with_its_messages(where: Place) -> None:
    _start(where)
    first = _pid(where)
    _start(where)
    assert _pid(where) == first
    _client(where).set("kept", "yes")
    valkey.stop(where)
    assert not valkey.is_ready(where)
    assert valkey.pid(where) is None
    _start(where)
    assert _client(where).get("kept") == b"yes"


def test_it_is_private_and_forgets_nothing_to_make_room(where: Place) -> None:
    _start(where)
    process = psutil.Process(_pid(where))
    assert process.net_connections("inet") == []
    assert (where.run / "valkey.sock").stat().st_mode & 0o077 == 0
    assert valkey.folder(where).stat().st_mode & 0o077 == 0
    with _client(where) as client:
        shown = client.config_get("*")
    assert shown["maxmemory-policy"] == "noeviction"
    assert shown["appendonly"] == "yes"


def test_a_kill_is_recovered(where: Place) -> None:
    _start(where)
    first = _pid(where)
    _client(where).set("kept", "yes")
    time.sleep(1.2)  # it writes its file every second
    _kill(where)
    assert not valkey.is_ready(where)
    _start(where)
    assert _pid(where) != first
    assert _client(where).get("kept") == b"yes"


def test_a_file_that_cannot_be_read_is_set_aside(where: Place) -> None:
    _start(where)
    _client(where).set("lost", "yes")
    valkey.stop(where)
    folder = valkey.folder(where) / "appendonlydir"
    for file in folder.iterdir():
        file.write_bytes(b"not what a broker writes" * 10)
    _start(where)
    assert _client(where).get("lost") is None
    assert (valkey.folder(where) / "appendonlydir.unreadable").is_dir()


def test_stopping_what_does_not_run_is_nothing(where: Place) -> None:
    valkey.stop(where)
    _start(where)
    valkey.stop(where)
    valkey.stop(where)
