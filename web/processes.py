"""Several processes that answer at one address: an interpreter uses one core.

One takes connections and hands them out in turn. Did each take its own, one of two might have
fourteen of twenty, all of which would wait. Nothing that a request needs of an earlier one is kept
in a process: sessions and leases are in Postgres, rates in the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING

import structlog
import uvicorn

from workers.logging import set_up
from workers.settings import settings

if TYPE_CHECKING:
    from fastapi import FastAPI

MOST = 4
"""Processes where nobody asks for more: each has its own memory and connections to Postgres."""

HANGS_SECONDS = 60.0
"""A process that says nothing for so long is killed, and another one started."""

_START_SECONDS = 300.0
_ALIVE_SECONDS = 1.0
_LOOK_SECONDS = 0.25
_FULL_SECONDS = 0.02
_FINISH_SECONDS = 5
_LONGEST_PAUSE = 30.0
_PR_SET_PDEATHSIG = 1

_log = structlog.get_logger()
_spawn = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class How:
    """How the application answers: by which names of the machine, and `proxied` or not.

    Whoever stands in front of it then says who asks; else anybody could say anything.
    """

    hosts: tuple[str, ...]
    proxied: bool


def usual() -> int:
    """Return how many processes answer where nobody says: as many as cores, within reason."""
    return min(MOST, len(os.sched_getaffinity(0)))


def run(listening: socket.socket, processes: int, how: How) -> None:
    """Answer on a listening socket until SIGTERM or SIGINT."""
    if processes == 1:
        uvicorn.Server(_config(how)).run([listening])
        return
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    hand_out(listening, [Child(how) for _ in range(processes)], stop)


def hand_out(listening: socket.socket, children: list[Child], stop: threading.Event) -> None:
    """Hand connections to processes in turn, and start those that die again, until `stop`.

    One that nobody takes just now waits, and those behind it in the system's queue.
    """
    listening.settimeout(_LOOK_SECONDS)
    looked, turn = 0.0, 0
    waiting: socket.socket | None = None
    try:
        while not stop.is_set():
            if time.monotonic() - looked > _LOOK_SECONDS:
                for child in children:
                    child.tend()
                looked = time.monotonic()
            try:
                waiting = waiting or listening.accept()[0]
            except TimeoutError:
                continue
            except OSError as error:  # too many files are open, or whoever came has gone
                _log.warning("web.accept", reason=str(error))
                time.sleep(_FULL_SECONDS)
                continue
            for step in range(1, len(children) + 1):
                if children[(turn + step) % len(children)].take(waiting):
                    waiting.close()
                    turn, waiting = turn + step, None
                    break
            else:
                time.sleep(_FULL_SECONDS)
    finally:
        if waiting is not None:
            waiting.close()
        for child in children:
            child.end()
        deadline = time.monotonic() + 2 * _FINISH_SECONDS
        for child in children:
            child.bury(deadline - time.monotonic())


@dataclass
class Child:
    """A process that answers, started again whenever it ends."""

    how: How
    process: SpawnProcess | None = None
    line: socket.socket | None = None
    heard: float = 0.0
    spoke: bool = False
    failures: int = 0
    start_at: float = field(default=0.0, repr=False)

    def tend(self) -> None:
        """Start it where it does not run; kill it where it hangs."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.start_at:
                try:
                    self._start()
                except OSError as error:  # no memory, or too many processes
                    _log.error("web.not_started", reason=str(error))
                    self.start_at = now + _LONGEST_PAUSE
            return
        if self.line is not None:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                while self.line.recv(4096):
                    self.heard, self.spoke, self.failures = now, True, 0
        if self.process.is_alive():
            if now - self.heard < (HANGS_SECONDS if self.spoke else _START_SECONDS):
                return
            _log.error("web.silent", pid=self.process.pid)
            self.process.kill()
            self.process.join()
        _log.error("web.ended", pid=self.process.pid, status=self.process.exitcode)
        self.failures += not self.spoke
        pause = min(_LONGEST_PAUSE, 0.5 * 2**self.failures) if self.failures else 0.0
        self.bury(None)
        self.start_at = now + pause

    def take(self, connection: socket.socket) -> bool:
        """Hand it a connection; returns False where it takes none just now."""
        if self.line is None:
            return False
        try:
            socket.send_fds(self.line, [b"+"], [connection.fileno()])
        except OSError:  # it is gone, or has not looked for long
            return False
        return True

    def end(self) -> None:
        """Have it finish what it has begun, and end."""
        if self.process is not None:
            self.process.terminate()

    def bury(self, seconds: float | None) -> None:
        """Wait until it has ended; after so many seconds it is killed."""
        if self.process is not None:
            self.process.join(None if seconds is None else max(0.0, seconds))
            if self.process.is_alive():
                self.process.kill()
                self.process.join()
        if self.line is not None:
            self.line.close()
        self.process, self.line = None, None

    def _start(self) -> None:
        # Each connection is a message of its own, which none is lost of or taken for another's.
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            process = _spawn.Process(target=_answer, args=(theirs, self.how, os.getpid()))
            try:
                process.start()
            except OSError:
                ours.close()
                raise
        self.process, self.line = process, ours
        self.heard, self.spoke = time.monotonic(), False


class _Server(uvicorn.Server):
    """Answers on the connections that come over a line."""

    def __init__(self, config: uvicorn.Config, line: socket.socket) -> None:
        super().__init__(config)
        self._line = line
        self._begun: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        await super().startup([])
        self._line.setblocking(False)
        asyncio.get_running_loop().add_reader(self._line, self._take)
        self._keep(asyncio.ensure_future(self._live()))

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        asyncio.get_running_loop().remove_reader(self._line)
        await super().shutdown([])

    async def _live(self) -> None:
        while not self.should_exit:
            with contextlib.suppress(OSError):
                self._line.send(b".")
            await asyncio.sleep(_ALIVE_SECONDS)

    def _take(self) -> None:
        loop = asyncio.get_running_loop()
        for descriptor in _descriptors(self._line):
            connection = socket.socket(fileno=descriptor)
            connection.setblocking(False)
            self._keep(loop.create_task(loop.connect_accepted_socket(self._protocol, connection)))

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    def _keep(self, task: asyncio.Task[object]) -> None:
        self._begun.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._begun.discard(task)
        if not task.cancelled() and task.exception() is not None:  # whoever came has gone
            _log.info("web.connection", reason=str(task.exception()))


def _descriptors(line: socket.socket) -> Iterator[int]:
    with contextlib.suppress(BlockingIOError, ConnectionError):
        while True:
            said, descriptors, _, _ = socket.recv_fds(line, 1, 1)
            if not said:
                return
            yield from descriptors


def _answer(line: socket.socket, how: How, parent: int) -> None:
    end_with(parent)
    set_up(settings().log_level)
    with contextlib.suppress(KeyboardInterrupt):  # which is for the one that started it, too
        _Server(_config(how), line).run()


def _config(how: How) -> uvicorn.Config:
    return uvicorn.Config(
        lambda: _application(how),
        factory=True,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=how.proxied,
        timeout_graceful_shutdown=_FINISH_SECONDS,
    )


def _application(how: How) -> FastAPI:
    from web.app import create_app

    app = create_app(settings(), how.hosts)
    # All that is loaded stays: to look through it for garbage would hold requests up for 100 ms.
    gc.collect()
    gc.freeze()
    return app


def end_with(parent: int) -> None:
    """Have this process killed when its parent dies, whatever it does then: nobody else would."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died already
        os.kill(os.getpid(), signal.SIGKILL)
