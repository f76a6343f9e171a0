"""Where the embedded services live on disk, and the locks that keep them single.

Everything lies in `LEDGERMILL_HOME`, folders with mode 0700:

    lock            held while services are being started or stopped
    stopped         there while they are stopped on purpose
    postgres/       data, the server's log and `alive`
    valkey/         the broker's file, log and `alive`
    run/            sockets
    objects/        the object store
    log/            tracebacks of unexpected errors

`alive` files are how a running server is recognized. The server inherits an open, flock-ed `alive`
file, and the kernel drops that lock when the server's last process is gone. A process id in a file
cannot tell as much: after a kill or a reboot it may belong to somebody else's process.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import LedgermillError, Unavailable

START_SECONDS = 180.0
"""How long to wait for another process that is starting or stopping services."""

# A socket's path may have 107 bytes; ours end in `/postgres/.s.PGSQL.5432.lock` at most.
_SOCKET_FOLDER_BYTES = 78


class ServiceError(LedgermillError):
    """An embedded service that cannot be used until somebody changes something."""


@dataclass(frozen=True, slots=True)
class Place:
    """The data folder (absolute, links resolved) and the folder of its sockets."""

    home: Path
    run: Path


def place(home: Path) -> Place:
    """Return where `home`'s services live, without making anything.

    Sockets lie in `home/run`, or in a private folder of `/tmp` where that path is too long for a
    socket or has characters that an address would have to escape.
    """
    home = Path(os.path.realpath(home))
    run = home / "run"
    plain = re.fullmatch(r"[A-Za-z0-9._/-]+", str(run))
    if not plain or len(os.fsencode(run)) > _SOCKET_FOLDER_BYTES:
        name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
        run = Path(f"/tmp/ledgermill-{os.geteuid()}-{name}")  # noqa: S108 (checked in `private`)
    return Place(home, run)


def prepare(where: Place) -> None:
    """Make the folders. Raises `ServiceError` where one cannot be made or is not ours."""
    for folder in (where.home, where.run, *(where.home / n for n in ("objects", "log"))):
        private(folder)


def private(folder: Path) -> None:
    """Make `folder` with mode 0700, or check that it is a real folder of this user."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        writable = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except OSError as error:
        raise ServiceError(
            f"{folder}: cannot be used ({error.strerror}); set LEDGERMILL_HOME to a folder that "
            "you can write"
        ) from error
    mine = found.st_uid == os.geteuid() or os.geteuid() == 0
    if not stat.S_ISDIR(found.st_mode) or not mine or not writable:
        raise ServiceError(
            f"{folder}: belongs to another user; set LEDGERMILL_HOME to a folder of your own"
        )
    if os.geteuid() == 0 and found.st_uid != 0 and folder.parent == Path("/tmp"):  # noqa: S108
        raise ServiceError(f"{folder}: was put there by another user; remove it: rm -r {folder}")
    if found.st_mode & 0o022:
        folder.chmod(0o700)


@contextmanager
def exclusive(where: Place) -> Iterator[None]:
    """Hold the lock under which services are started and stopped; one process at a time.

    Raises `Unavailable` where another process holds it for more than `START_SECONDS`.
    """
    descriptor = os.open(where.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _lock(descriptor, START_SECONDS):
            raise Unavailable(
                f"{where.home}: another ledgermill has been starting or stopping services for "
                f"{START_SECONDS:.0f} s; wait for it, or end it and try again"
            )
        yield
    finally:
        os.close(descriptor)


def is_alive(folder: Path) -> bool:
    """Say whether a server that was started with `folder`'s `alive` file still runs."""
    try:
        descriptor = os.open(folder / "alive", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def claim(folder: Path, seconds: float) -> int | None:
    """Return a locked descriptor of `folder`'s `alive` file for a server to inherit.

    Returns `None` where a server still holds it after `seconds`. The caller closes the
    descriptor once the server has it.
    """
    descriptor = os.open(folder / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _lock(descriptor, seconds):
        return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True
