"""What processes cost: their processor seconds, and the most memory that they held together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

import psutil

_EVERY_SECONDS = 0.25

Roots = Callable[[], Iterable[int]]
"""Returns the processes that count, each with all that it has started."""


class Usage:
    """Watches processes while it is entered: `cpu` and `peak` are then those of that time.

    `cpu` is in seconds, `peak` in bytes, pages that processes share counted once (PSS). A process
    that begins and ends in between, and is nobody's child of those watched, is not seen.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)
        self._before = 0.0
        self.cpu = 0.0
        self.peak = 0

    def __enter__(self) -> Usage:
        self._before = spent(self._roots())
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.cpu = max(0.0, spent(self._roots()) - self._before)

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, sum(map(_memory, _processes(self._roots()))))
            if self._over.wait(_EVERY_SECONDS):
                return


def spent(pids: Iterable[int], children: bool = True) -> float:
    """Return what processes, and all that they have started, took of the processors; seconds."""
    return sum(map(_seconds, _processes(pids, children)))


def _processes(pids: Iterable[int], children: bool = True) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            found |= {root, *(root.children(recursive=True) if children else [])}
    return found


def _seconds(process: psutil.Process) -> float:
    """Return what a process, and those of its children that have ended, took of the processors."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
