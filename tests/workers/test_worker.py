from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
import sqlalchemy
from sqlalchemy import text

from storage import jobs
from workers import worker
from workers.services import Endpoints

Engine = sqlalchemy.Engine
SAY = "import socket, time; s = socket.socket(fileno={fd}); s.sendall(b'.\\n+digitize {token}\\n');"


@pytest.fixture
def token(engine: Engine, make_job: Callable[..., int]) -> str:
    job_id = make_job(2)
    with engine.begin() as connection:
        (token,) = jobs.queue_pages(connection, job_id, 8, 1)
        assert jobs.claim(connection, token, "w") is not None
    return token


def outcomes(engine: Engine) -> list[tuple[str | None, str | None]]:
    with engine.begin() as connection:
        rows = connection.execute(text("select outcome, reason from mill.attempt"))
        return [(row.outcome, row.reason) for row in rows]


def child(code: str, token: str) -> worker._Child:
    """Return a supervised process that says that it has a shard and then runs `code`."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", SAY.format(fd=theirs.fileno(), token=token) + code],
            pass_fds=[theirs.fileno()],
        )
    now = time.monotonic()
    return worker._Child(("digitize",), process=process, line=ours, started=now, heard=now)


def tend_until_buried(
    tended: worker._Child, services: Endpoints, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_start", lambda child, endpoints: None)
    deadline = time.monotonic() + 20
    while tended.process is not None:
        assert time.monotonic() < deadline
        worker._tend(tended, services, engine)
        time.sleep(0.02)


def test_the_work_of_a_dead_process_is_put_back_at_once(
    engine: Engine, services: Endpoints, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tended = child("import os; os.kill(os.getpid(), 9)", token)
    tend_until_buried(tended, services, engine, monkeypatch)
    assert outcomes(engine) == [("died", "SIGKILL")] * 2
    assert tended.shards == []


def test_a_silent_process_is_killed(
    engine: Engine, services: Endpoints, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Impatient:
        stale_seconds = 0.5
        max_attempts = 3

    monkeypatch.setattr(worker, "settings", Impatient)
    tend_until_buried(child("time.sleep(60)", token), services, engine, monkeypatch)
    assert outcomes(engine) == [("died", "SIGKILL")] * 2


def test_a_process_that_finished_its_shard_leaves_nothing(
    engine: Engine, services: Endpoints, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tended = child("s.sendall(b'-\\n')", token)
    tend_until_buried(tended, services, engine, monkeypatch)
    assert outcomes(engine) == [(None, None)] * 2


def test_a_process_that_cannot_start_is_not_started_over_and_over(
    engine: Engine, services: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    def start(tended: worker._Child, endpoints: Endpoints) -> None:
        starts.append(time.monotonic())
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.close()
        tended.process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"])
        tended.line, tended.started, tended.heard = ours, time.monotonic(), time.monotonic()

    monkeypatch.setattr(worker, "_start", start)
    tended = worker._Child(("digitize",))
    until = time.monotonic() + 3
    while time.monotonic() < until:
        worker._tend(tended, services, engine)
        time.sleep(0.01)
    if tended.process is not None:
        tended.process.wait()
    if tended.line is not None:
        tended.line.close()
    assert 1 <= len(starts) <= 3


TALK = """
import ctypes, socket, time
from workers.monitoring.measure import Outbox
from workers.worker import _talk
_talk(socket.socket(fileno={fd}), Outbox(), silent=2.0)(b"+digitize 00\\n")
"""
HANGS = "time.sleep(0.2); ctypes.PyDLL(None).sleep(600)  # Python's lock is held"


def test_a_process_ends_with_its_supervisor_even_where_it_hangs() -> None:
    (idle, of_idle), (hung, of_hung) = (supervised(code) for code in ("time.sleep(600)", HANGS))
    try:
        for line in (of_idle, of_hung):
            said = b""
            while b"digitize" not in said:
                said += line.recv(100)
        time.sleep(1)  # it hangs by now
        of_hung.close()
        assert hung.wait(20) == -signal.SIGALRM
        assert idle.poll() is None  # it goes on saying that it lives
        of_idle.close()
        assert idle.wait(20) == -signal.SIGTERM
    finally:
        for process, line in ((idle, of_idle), (hung, of_hung)):
            line.close()
            process.kill()
            process.wait()


def supervised(code: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Return a process that says that it lives and runs `code`, and the line to it."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", TALK.format(fd=theirs.fileno()) + code],
            pass_fds=[theirs.fileno()],
        )
    return process, ours


def test_a_process_has_its_share_of_the_threads(services: Endpoints) -> None:
    found = worker._environment(services, 2)
    assert found["OMP_NUM_THREADS"] == found["LEDGERMILL_THREADS"] == "2"
    assert found["LEDGERMILL_BROKER_URL"] == services.broker_url
    assert "OMP_NUM_THREADS" not in os.environ or os.environ["OMP_NUM_THREADS"] != "2"
