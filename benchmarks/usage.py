"""What processes cost: their processor seconds, and the most memory that they held together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

import psutil

_EVERY_SECONDS = 0.25

Roots = Callable[[], Iterable[int]]
"""Returns the processes that count, each with all that it has started unless told otherwise."""


class Spent:
    """The processor seconds of processes while it is entered, by what they are called."""

    def __init__(self, roots: Roots, children: bool = True) -> None:
        self._roots = roots
        self._children = children
        self._before: dict[str, float] = {}
        self.by_name: dict[str, float] = {}

    @property
    def cpu(self) -> float:
        return sum(self.by_name.values())

    def __enter__(self) -> Spent:
        self._before = self._now()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        now = self._now()
        self.by_name = {name: max(0.0, now[name] - self._before.get(name, 0.0)) for name in now}

    def _now(self) -> dict[str, float]:
        spent: dict[str, float] = {}
        for process in _processes(self._roots, self._children):
            with contextlib.suppress(psutil.Error):
                name = process.name()
                spent[name] = spent.get(name, 0.0) + _seconds(process)
        return spent


class Usage:
    """Watches processes while it is entered: `cpu` and `peak` are then those of that time.

    `cpu` is in seconds, `peak` in bytes, pages that processes share counted once (PSS). A process
    that begins and ends in between, and is nobody's child of those watched, is not seen.
    """

    def __init__(self, roots: Roots) -> None:
        self._spent = Spent(roots)
        self._roots = roots
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)
        self.cpu = 0.0
        self.peak = 0

    def __enter__(self) -> Usage:
        self._spent.__enter__()
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
        self._spent.__exit__(kind, error, traceback)
        self.cpu = self._spent.cpu

    def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, sum(map(_memory, _processes(self._roots))))
            if self._over.wait(_EVERY_SECONDS):
                return


def _processes(roots: Roots, children: bool = True) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for pid in roots():
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
