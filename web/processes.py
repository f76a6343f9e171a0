"""Several processes that answer at one address: an interpreter uses one core.

Nothing that a request needs of an earlier one is kept in a process: sessions and leases are in
Postgres, rates in the broker.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

MOST = 4
"""Processes where nobody asks for more: each has its own memory and connections to Postgres."""

_HANGS_SECONDS = 60
"""A process that does not answer for so long is killed, and another one started."""

_PR_SET_PDEATHSIG = 1


def usual() -> int:
    """Return how many processes answer where nobody says: as many as cores, within reason."""
    return min(MOST, len(os.sched_getaffinity(0)))


def run(listening: socket.socket, processes: int, hosts: tuple[str, ...], proxied: bool) -> None:
    """Answer on a bound socket until SIGTERM or SIGINT; a process that dies is started again.

    `proxied`: whoever stands in front is believed who asks.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    config = uvicorn.Config(
        partial(_application, hosts, os.getpid()),
        factory=True,
        workers=processes,
        log_config=None,
        access_log=False,
        server_header=False,
        # Whoever stands in front says who asks; without one, anybody could say anything.
        proxy_headers=proxied,
        timeout_graceful_shutdown=5,
        timeout_worker_healthcheck=_HANGS_SECONDS,
    )
    if processes == 1:
        uvicorn.Server(config).run([listening])
    else:
        Multiprocess(config, [listening]).run()


def _application(hosts: tuple[str, ...], parent: int) -> FastAPI:
    from web.app import create_app
    from workers.logging import set_up
    from workers.settings import settings

    if os.getpid() != parent:
        end_with(parent)
    chosen = settings()
    set_up(chosen.log_level)
    return create_app(chosen, hosts)


def end_with(parent: int) -> None:
    """Have this process killed when its parent dies, whatever it does then: nobody else would."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died already
        os.kill(os.getpid(), signal.SIGKILL)
