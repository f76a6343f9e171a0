"""Processes that answer together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil

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
