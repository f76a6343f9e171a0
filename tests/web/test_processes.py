"""Processes that answer together: who gets what, and what becomes of those that die or hang."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil
import pytest

from web import processes
from web.processes import Child, How, hand_out

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""
CHILD = """
import ctypes, os
from web.processes import end_with
end_with(os.getppid())
print("ready", flush=True)
ctypes.PyDLL(None).sleep(600)  # holds Python's lock
"""


def test_a_process_that_hangs_ends_with_the_one_that_started_it() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    try:
        assert child.is_running()
    finally:
        parent.kill()
        parent.wait(10)
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert gone
    assert not alive


def test_a_process_whose_parent_is_gone_already_ends_at_once() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD.replace("os.getppid()", str(os.getpid() + 10**6))],
        stdout=subprocess.PIPE,
        timeout=60,
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, b"")


@dataclass
class Taker:
    """Stands for a process; `full`, it takes nothing."""

    full: bool = False
    taken: list[int] = field(default_factory=list)

    def tend(self) -> None:
        """Run."""

    def take(self, connection: socket.socket) -> bool:
        if not self.full:
            self.taken.append(connection.getpeername()[1])
        return not self.full

    def end(self) -> None:
        """End."""

    def bury(self, seconds: float | None) -> None:
        """Have ended."""


def test_connections_are_handed_out_in_turn_to_who_takes_them() -> None:
    takers = [Taker(), Taker(full=True), Taker()]
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = listening.getsockname()
        thread = threading.Thread(target=hand_out, args=(listening, takers, stop))
        thread.start()
        ports = []
        for _ in range(6):
            with socket.create_connection(address) as one:
                ports.append(one.getsockname()[1])
                wait_until(lambda: sum(len(taker.taken) for taker in takers) == len(ports))
        for taker in takers:
            taker.full = True
        with socket.create_connection(address) as one:
            ports.append(one.getsockname()[1])
            time.sleep(0.1)
            takers[0].full = False
            wait_until(lambda: len(takers[0].taken) == 4)  # it has waited for that
        stop.set()
        thread.join(10)
    assert [len(taker.taken) for taker in takers] == [4, 0, 3]
    assert sorted(takers[0].taken + takers[2].taken) == sorted(ports)


def dies(line: socket.socket, *_: object) -> None:
    line.send(b".")
    os._exit(1)


def hangs(line: socket.socket, *_: object) -> None:
    line.send(b".")
    ctypes.PyDLL(None).sleep(600)  # Python's lock is held


@pytest.mark.parametrize("fault", [dies, hangs])
def test_a_process_that_dies_or_hangs_is_replaced(
    fault: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_answer", fault)
    monkeypatch.setattr(processes, "HANGS_SECONDS", 0.5)
    child = Child(How((), proxied=False))
    seen: set[int] = set()

    def replaced() -> bool:
        child.tend()
        if child.process is not None and child.process.pid is not None:
            seen.add(child.process.pid)
        return len(seen) == 2

    try:
        wait_until(replaced)
    finally:
        child.end()
        child.bury(10)
    assert child.process is None


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
