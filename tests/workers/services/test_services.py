from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis

from workers import services
from workers.services import Endpoints, place, postgres, valkey
from workers.services.place import Place
from workers.settings import settings

ROOT = Path(__file__).parents[3]
SCRIPT = """
import dataclasses, json
from workers import services
found = services.ensure()
by_name = {s.name: s for s in services.status()}
print(json.dumps(dataclasses.asdict(found) | {n: s.pid for n, s in by_name.items()}))
"""


def _works(found: Endpoints) -> None:
    with psycopg.connect(found.database_url.replace("+psycopg", "")) as connection:
        row = connection.execute("select count(*) from mill.page").fetchone()
        assert row == (0,)
    with redis.Redis.from_url(found.broker_url.replace("redis+socket", "unix")) as client:
        assert client.ping()


@pytest.fixture
def use(short: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Place]]:
    """Return a function that makes a folder LEDGERMILL_HOME; its services are stopped again."""

    def choose(name: str) -> Place:
        monkeypatch.setenv("LEDGERMILL_HOME", str(short / name))
        settings.cache_clear()
        return place.place(short / name)

    yield choose
    services.down()
    run = place.place(settings().home).run
    if run.parent == Path("/tmp"):
        shutil.rmtree(run)
    monkeypatch.undo()
    settings.cache_clear()


def test_whatever_was_killed_runs_again(own_home: Place) -> None:
    found = services.ensure()
    _works(found)
    before = {s.name: s.pid for s in services.status()}
    for name in ("database", "broker"):
        pid = before[name]
        assert pid is not None
        process = psutil.Process(pid)
        process.kill()
        process.wait(5)
    assert [s.running for s in services.status()] == [False, False, True]
    assert services.ensure() == found
    _works(found)
    after = {s.name: s.pid for s in services.status()}
    assert after["database"] != before["database"]
    services.down()
    services.down()
    assert [s.running for s in services.status()] == [False, False, True]


def test_the_dead_are_revived_and_the_stopped_are_left(own_home: Place) -> None:
    found = services.ensure()
    pid = next(s.pid for s in services.status() if s.name == "database")
    assert pid is not None
    process = psutil.Process(pid)
    process.kill()
    process.wait(5)
    services.revive()
    _works(found)
    services.down()
    services.revive()
    assert [s.running for s in services.status()] == [False, False, True]
    services.ensure()
    services.revive()
    assert [s.running for s in services.status()] == [True, True, True]
    services.down()


@pytest.mark.parametrize("name", ["with spaces, and a comma", "x" * 120, 'Bücher \'n "Akten" %41'])
def test_any_folder_will_do(use: Callable[[str], Place], name: str) -> None:
    where = use(name)
    _works(services.ensure())
    assert (where.home / "postgres" / "data" / "PG_VERSION").exists()
    assert where.home.name == name
    assert where.run.parent == Path("/tmp")
    assert where.run.stat().st_mode & 0o007 == 0


def test_many_processes_start_one_server(own_home: Place) -> None:
    several = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    outputs = [json.loads(process.communicate(timeout=100)[0]) for process in several]
    assert [process.returncode for process in several] == [0] * 4
    assert all(output == outputs[0] for output in outputs)
    assert outputs[0]["database"] == postgres.pid(own_home)
    assert outputs[0]["broker"] == valkey.pid(own_home)


def test_servers_outlive_who_started_them(own_home: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=100
    )
    assert json.loads(done.stdout)["database"] == postgres.pid(own_home)
    _works(services.ensure())


def test_what_is_configured_is_not_embedded(
    services: Endpoints, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workers import services as module

    home = short / "unused"
    monkeypatch.setenv("LEDGERMILL_HOME", str(home))
    monkeypatch.setenv("DATABASE_URL", services.database_url.replace("+psycopg", ""))
    monkeypatch.setenv("BROKER_URL", services.broker_url)
    monkeypatch.setenv("OBJECT_STORE", f"file://{short}/objects")
    settings.cache_clear()
    try:
        found = module.ensure()
        assert found.database_url == services.database_url
        assert found.broker_url == services.broker_url
        assert {s.mode for s in module.status()} == {"configured"}
        assert all(s.running for s in module.status())
        assert not (home / "postgres").exists()
        assert not (home / "valkey").exists()
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_a_status_shows_no_password_and_why_it_is_down(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGERMILL_HOME", str(short))
    monkeypatch.setenv("DATABASE_URL", "postgresql://joe:hunter2@127.0.0.1:1/db")
    monkeypatch.setenv("BROKER_URL", "redis://:hunter2@127.0.0.1:1/0")
    settings.cache_clear()
    try:
        found = services.status()
        assert [s.running for s in found[:2]] == [False, False]
        assert all(s.reason for s in found[:2])
        assert "hunter2" not in repr(found)
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are closed to the server")
def test_root_may_keep_the_data_in_its_closed_home(
    use: Callable[[str], Place], short: Path
) -> None:
    closed = short / "root"
    closed.mkdir(mode=0o700)
    use("root/mill")
    _works(services.ensure())
    assert closed.stat().st_mode & 0o007 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests run as an ordinary user")
def test_an_ordinary_user_needs_nobody() -> None:
    user = pwd.getpwnam("nobody")
    who: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    home = Path(tempfile.mkdtemp(prefix="lm-", dir="/tmp"))
    os.chown(home, user.pw_uid, user.pw_gid)
    environment = {
        "PATH": os.environ["PATH"],
        "LEDGERMILL_HOME": str(home / "mill"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def run(script: str, python: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python, "-c", script],
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            **who,
        )

    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info[1]}"):
        try:
            if run("import workers, psycopg", python).returncode == 0:
                break
        except OSError:
            continue
    else:
        pytest.skip("this Python, or this checkout, is closed to other users")
    try:
        done = run(SCRIPT, python)
        assert done.returncode == 0, done.stderr
        server = psutil.Process(json.loads(done.stdout)["database"])
        assert server.uids().real == user.pw_uid
        assert run("from workers import services; services.down()", python).returncode == 0
        server.wait(5)
    finally:
        run("from workers import services; services.down()", python)
        shutil.rmtree(home)
