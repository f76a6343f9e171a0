"""The worker: a supervisor, and one Celery process for each kind of work that it keeps alive.

CUDA does not survive a fork, so a process takes its messages and does the work itself
(`--pool=solo`). That leaves nobody to see that it died or that it hangs, hence the supervisor: it
starts the process again, puts the work of a dead one back at once, and kills one that has not
said a word for `stale_seconds`, even where a loop in C holds Python's lock. A process whose
supervisor died before it hung is ended by an alarm that nobody has put off.

The two talk over a socket pair: `.` for "I live", `+KIND TOKEN` for a shard at hand, `-` for none,
`#NAME LABEL VALUE` for what was measured. Its end tells the process that its supervisor is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from pipeline.errors import LedgermillError
from workers.logging import set_up
from workers.machine import share_out
from workers.memory import give_back as give_back_memory
from workers.memory import go_first
from workers.monitoring.measure import Measure, Outbox, parse, unmeasured
from workers.settings import settings

if TYPE_CHECKING:
    import celery
    import sqlalchemy

    from storage.jobs import Kind
    from workers.services import Endpoints

GROUPS: tuple[tuple[str, ...], ...] = (("ingest", "export"), ("digitize",))
"""The queues of one process: taking in goes on while others read, and loads no models."""

EXIT_AFTER_SHARDS = 1000
"""A process makes way for a new one then, so that nothing it leaks adds up."""

RECONCILE_SECONDS = 3.0
KILL_AFTER_SECONDS = 60.0
"""After being told to stop, a process has so long for the pages that it has begun."""

START_SECONDS = 300.0
"""A process that starts has so long for its first word: on a busy machine its imports take long."""

STUCK = 75  # EX_TEMPFAIL

_ALIVE_SECONDS = 1.0
_LATER_SECONDS = 10.0
_DEAF_SECONDS = 3.0
_QUICK_DEATH_SECONDS = 10.0
_LONGEST_PAUSE = 30.0

_log = structlog.get_logger()


# --- the supervisor -----------------------------------------------------------------------------


@dataclass
class _Child:
    """One process of the worker, started again whenever it ends."""

    queues: tuple[str, ...]
    threads: int | None = None
    process: subprocess.Popen[bytes] | None = None
    line: socket.socket | None = None
    shards: list[tuple[Kind, str]] = field(default_factory=list)
    started: float = 0.0
    heard: float = 0.0
    spoke: bool = False
    quick_deaths: int = 0
    start_at: float = 0.0
    begun: float | None = None
    moved: float = field(default_factory=time.monotonic)
    measure: Measure = unmeasured
    unread: bytes = field(default=b"", repr=False)


def supervise(
    endpoints: Endpoints,
    groups: Sequence[Sequence[str]],
    stop: threading.Event,
    watched: bool = False,
) -> None:
    """Keep processes for each group of queues at work until `stop` is set and they have ended.

    A group that reads pages has as many as the machine has room for, others one.
    `watched`, it also serves metrics where the settings say so.
    """
    from storage.database import connect

    database = connect(endpoints.database_url)
    reconciling = threading.Thread(
        target=_reconcile_forever, args=(database, endpoints, stop), name="reconcile", daemon=True
    )
    reconciling.start()
    children = [child for group in groups for child in _children(tuple(group))]
    unwatch = _watch(children, database, endpoints, stop) if watched else None
    try:
        while not stop.wait(0.1):
            for child in children:
                _tend(child, endpoints, database)
        for child in children:
            _stop(child, signal.SIGTERM)
        deadline = time.monotonic() + KILL_AFTER_SECONDS
        while any(child.process for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)
            for child in children:
                _listen(child)
                _bury(child, database)
    finally:
        for child in children:
            _stop(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
                _bury(child, database, blame=False)
        if unwatch is not None:
            unwatch()
        reconciling.join(RECONCILE_SECONDS)
        database.dispose()


def _children(group: tuple[str, ...]) -> list[_Child]:
    chosen = settings()
    if "digitize" not in group:
        return [_Child(group, chosen.threads)]
    readers = share_out(chosen.device, chosen.readers, chosen.threads)
    return [_Child(group, readers.threads) for _ in range(readers.processes)]


def _watch(
    children: Sequence[_Child],
    database: sqlalchemy.Engine,
    endpoints: Endpoints,
    stop: threading.Event,
) -> Callable[[], None] | None:
    """Serve metrics and health until the function that is returned is called."""
    chosen = settings()
    if chosen.metrics_port is None:
        return None
    from workers.app import celery_app
    from workers.monitoring.health import judge
    from workers.monitoring.metrics import Metrics
    from workers.monitoring.server import serve
    from workers.monitoring.survey import Surveyor

    limit = chosen.health_seconds
    surveyor = Surveyor(database, celery_app(endpoints.broker_url), limit)
    metrics = Metrics(surveyor.latest)
    for child in children:
        child.measure = metrics.add
    server = serve(
        chosen.metrics_host,
        chosen.metrics_port,
        metrics,
        lambda: judge(children, surveyor.latest(), time.monotonic(), limit),
    )
    threading.Thread(target=surveyor.run, args=(stop,), name="survey", daemon=True).start()
    _log.info("metrics", host=chosen.metrics_host, port=chosen.metrics_port)

    def end() -> None:
        server.shutdown()
        server.server_close()

    return end


def _tend(child: _Child, endpoints: Endpoints, database: sqlalchemy.Engine) -> None:
    now = time.monotonic()
    if child.process is None:
        if now >= child.start_at:
            _start(child, endpoints)
        return
    _listen(child)
    if child.process.poll() is not None:
        _bury(child, database)
    elif now - child.heard > (settings().stale_seconds if child.spoke else START_SECONDS):
        _log.error("silent", pid=child.process.pid, queues=child.queues)
        child.process.kill()
        child.process.wait()
        _bury(child, database)


def _start(child: _Child, endpoints: Endpoints) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    command = [sys.executable, "-m", "workers.worker", "--line", str(theirs.fileno())]
    with theirs:
        child.process = subprocess.Popen(
            [*command, *child.queues],
            env=_environment(endpoints, child.threads),
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,  # what interrupts a terminal is for the supervisor
        )
    child.line = ours
    child.started = child.heard = time.monotonic()
    child.spoke = False
    _log.info("started", pid=child.process.pid, queues=child.queues)


def _environment(endpoints: Endpoints, threads: int | None) -> dict[str, str]:
    environment = dict(os.environ)
    environment["LEDGERMILL_DATABASE_URL"] = endpoints.database_url
    environment["LEDGERMILL_BROKER_URL"] = endpoints.broker_url
    environment["LEDGERMILL_OBJECT_STORE"] = endpoints.object_store
    # Every shard starts threads anew; each may otherwise keep what the C library has freed for it.
    environment.setdefault("MALLOC_ARENA_MAX", "2")
    # torch keeps what it has made for a shape of batch, of 1,024 shapes, in two caches: that grows
    # for hours, by half of what a worker holds.
    environment.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    environment.setdefault("LRU_CACHE_CAPACITY", "16")
    if threads is not None:
        environment["LEDGERMILL_THREADS"] = str(threads)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(threads)
    return environment


def _listen(child: _Child) -> None:
    if child.line is None:
        return
    try:
        while data := child.line.recv(4096):
            child.heard = time.monotonic()
            child.spoke = True
            *lines, child.unread = (child.unread + data).split(b"\n")
            for line in lines:
                if line.startswith(b"+"):
                    kind, _, token = line[1:].decode().partition(" ")
                    child.shards.append(("ingest" if kind == "ingest" else "digitize", token))
                    child.begun = child.heard
                elif line == b"-":
                    child.shards.clear()
                    child.begun = None
                elif line.startswith(b"#"):
                    _count(child, line[1:].decode(errors="replace"))
    except (BlockingIOError, ConnectionError):
        pass


def _count(child: _Child, line: str) -> None:
    said = parse(line)
    if said is None:
        return
    if said[0] == "moved":
        child.moved = time.monotonic()
    child.measure(*said)


def _stop(child: _Child, how: signal.Signals) -> None:
    if child.process is not None:
        child.process.send_signal(how)


def _bury(child: _Child, database: sqlalchemy.Engine, blame: bool = True) -> None:
    """Put back what a process that has ended left behind, and let the next one start.

    Its pages are not to blame where it was killed because it took too long to stop.
    """
    if child.process is None or child.process.poll() is None:
        return
    _listen(child)
    status = child.process.returncode
    if child.shards:
        from workers.patience import reason
        from workers.reconciler import give_back, shard_died

        for shard in child.shards:
            try:
                if blame:
                    shard_died(database, settings(), *shard, _how(status))
                else:
                    give_back(database, *shard)
            except Exception as error:  # then its rows go stale, and are found by that
                _log.warning("not put back", shard=shard[1], reason=reason(error))
    if child.line is not None:
        child.line.close()
    child.measure("process_end", _how(status) or f"exit {status}", 1)
    quick = time.monotonic() - child.started < _QUICK_DEATH_SECONDS
    child.quick_deaths = child.quick_deaths + 1 if quick and not child.shards else 0
    pause = min(_LONGEST_PAUSE, 0.5 * 2**child.quick_deaths) if child.quick_deaths else 0.0
    if status:
        _log.error("ended", pid=child.process.pid, how=_how(status), next_start=pause)
    child.start_at = time.monotonic() + pause
    child.process, child.line, child.unread = None, None, b""
    child.shards, child.begun = [], None


def _how(status: int) -> str | None:
    if status >= 0:
        return None
    with contextlib.suppress(ValueError):
        return signal.Signals(-status).name
    return f"signal {-status}"


def _reconcile_forever(
    database: sqlalchemy.Engine, endpoints: Endpoints, stop: threading.Event
) -> None:
    from workers import services
    from workers.app import celery_app
    from workers.patience import reason
    from workers.reconciler import reconcile

    app = celery_app(endpoints.broker_url)
    while not stop.wait(RECONCILE_SECONDS):
        try:
            services.revive()
            reconcile(database, app, settings())
        except Exception as error:
            _log.warning("not reconciled", reason=reason(error))


# --- the process --------------------------------------------------------------------------------


def _work(queues: Sequence[str], line: socket.socket) -> int:
    """Take messages from queues until told to stop; return the exit status."""
    from celery.worker import state

    from storage.database import connect
    from storage.objects import open_store
    from workers.app import celery_app
    from workers.patience import patiently
    from workers.tasks import Bench, register

    chosen = settings()
    assert chosen.database_url is not None
    assert chosen.broker_url is not None
    assert chosen.object_store is not None
    name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
    outbox = Outbox()
    # The supervisor, while there is one, is to find it first: it knows what was at hand.
    say = _talk(line, outbox, chosen.stale_seconds + _LATER_SECONDS)

    idle_since: float | None = time.monotonic()
    shards = 0

    def note(kind: Kind | None, token: str | None) -> None:
        nonlocal idle_since, shards
        shards += kind is not None
        idle_since = None if kind else time.monotonic()
        say(f"+{kind} {token}\n".encode() if kind else b"-\n")

    def idle() -> float:
        since = idle_since
        return 0.0 if since is None else time.monotonic() - since

    def stopping() -> bool:
        return any(
            wanted is not None and wanted is not False
            for wanted in (state.should_stop, state.should_terminate)
        )

    def after() -> None:
        give_back_memory()
        if shards >= EXIT_AFTER_SHARDS:
            state.should_stop = os.EX_OK

    # Tasks are JSON with two fields, so root is as good as any account.
    warnings.filterwarnings("ignore", message=".*superuser privileges")
    if chosen.threads is not None:
        import cv2

        cv2.setNumThreads(chosen.threads)
    go_first()
    app = celery_app(chosen.broker_url)
    database = connect(chosen.database_url)
    object_store = chosen.object_store
    bench = Bench(
        settings=chosen,
        database=database,
        store=patiently(lambda: open_store(object_store)),
        app=app,
        name=name,
        note=note,
        stopping=stopping,
        end_process=lambda: os._exit(STUCK),
        measure=outbox.measure,
    )
    register(bench, after)
    threading.Thread(
        target=_end_when_deaf, args=(app, queues, idle), name="ears", daemon=True
    ).start()
    worker = app.Worker(
        pool="solo",
        concurrency=1,
        queues=list(queues),
        hostname=f"{'-'.join(queues)}@{name}",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=not chosen.task_events,
        task_events=chosen.task_events,
        loglevel="WARNING",
        quiet=True,
    )
    worker.start()
    say(outbox.take())
    database.dispose()
    return int(worker.exitcode or 0)


def _talk(line: socket.socket, outbox: Outbox, silent: float) -> Callable[[bytes], None]:
    """Tell the supervisor that this process lives, and what it measured.

    Stops the process when the supervisor is gone. Where nothing can be said for `silent` seconds,
    since a loop in C holds Python's lock, the system ends it: nobody else may be there to do so.
    """
    lock = threading.Lock()

    def say(words: bytes) -> None:
        with lock, contextlib.suppress(OSError):
            line.sendall(words)

    def run() -> None:
        line.settimeout(_ALIVE_SECONDS)
        while True:
            signal.setitimer(signal.ITIMER_REAL, silent)
            say(outbox.take() + b".\n")
            try:
                gone = line.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                gone = True
            if gone:
                signal.setitimer(signal.ITIMER_REAL, KILL_AFTER_SECONDS)
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=run, name="line", daemon=True).start()
    return say


def _end_when_deaf(app: celery.Celery, queues: Sequence[str], idle: Callable[[], float]) -> None:
    """Stop this process once messages wait that it does not take, although it has time.

    A consumer whose broker went away while it was busy sometimes never listens again; the next
    process does.
    """
    from workers.app import count_waiting

    unheard = 0.0
    while True:
        time.sleep(_ALIVE_SECONDS)
        try:
            waits = idle() > _DEAF_SECONDS and count_waiting(app, queues) > 0
        except LedgermillError:
            waits = False
        unheard = unheard + _ALIVE_SECONDS if waits else 0.0
        if unheard > _DEAF_SECONDS:
            _log.warning("deaf", queues=list(queues))
            os.kill(os.getpid(), signal.SIGTERM)
            return


def start_logging() -> None:
    """Send structured logs to stderr, from the level that the settings name."""
    set_up(settings().log_level)


def run_supervisor(queues: Sequence[str] = (), with_client: bool = False) -> int:
    """Be a worker until told to stop, by SIGTERM, SIGINT or, `with_client`, the end of stdin.

    The named queues share processes; without any, each of `GROUPS` has its own. Stopping, it
    finishes the pages that it has begun and gives the others back; told twice, it does not wait.
    """
    from workers import services

    endpoints = services.ensure()
    stop = threading.Event()
    told = 0

    def tell(*_: object) -> None:
        nonlocal told
        told += 1
        stop.set()
        if told > 1:
            raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    if with_client:
        threading.Thread(target=_watch_client, args=(stop,), name="client", daemon=True).start()
    # A client's worker ends with it; its numbers would vanish, and the port may be another's.
    supervise(endpoints, [tuple(queues)] if queues else GROUPS, stop, watched=not with_client)
    return 0


def _watch_client(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    stop.set()


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the worker of one client, or a process of a supervisor: not for people to start."""
    parser = argparse.ArgumentParser(prog="python -m workers.worker")
    parser.add_argument("--with-client", action="store_true")
    parser.add_argument("--line", type=int)
    parser.add_argument("queues", nargs="*")
    chosen = parser.parse_args(arguments)
    start_logging()
    if chosen.line is None:
        return run_supervisor(chosen.queues, chosen.with_client)
    return _work(chosen.queues, socket.socket(fileno=chosen.line))


if __name__ == "__main__":
    sys.exit(main())
