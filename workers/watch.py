"""A thread that says that the work is moving, and acts when it no longer does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType


class Watch:
    """Calls `beat()` every `every` seconds for as long as the work moves.

    `moved()` says that it did. Once it has not for longer than `limit()` seconds, `stuck(None)` is
    called once, and the beating ends; time spent in `waiting()` does not count. The same goes for
    the reason that `too_much()` returns, for instance that memory runs out. All are called in the
    watch's own thread. Errors of `beat` are its own business.
    """

    def __init__(
        self,
        beat: Callable[[], None],
        every: float,
        limit: Callable[[], float],
        stuck: Callable[[str | None], None],
        too_much: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._beat = beat
        self._every = every
        self._limit = limit
        self._stuck = stuck
        self._too_much = too_much
        self._moved = time.monotonic()
        self._waiting = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._moved = time.monotonic()
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

    def moved(self) -> None:
        self._moved = time.monotonic()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Say that the work waits for something that is not its own, such as the database."""
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            self.moved()

    def _run(self) -> None:
        beaten = time.monotonic()
        while not self._over.wait(min(self._every, 0.5, self._limit() / 4)):
            now = time.monotonic()
            reason = self._too_much()
            if reason or (not self._waiting and now - self._moved > self._limit()):
                self._stuck(reason)
                return
            if now - beaten >= self._every:
                beaten = now
                self._beat()
