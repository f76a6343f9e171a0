"""A storm: faults of every kind, in a random order that a seed repeats, while pages are read.

Workers and clients that died are started again, as systemd or a person would; everything else has
to come back by itself. After each fault `inconsistencies` asks Postgres for what must never be.
"""

from __future__ import annotations

import contextlib
import json
import math
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import redis
import sqlalchemy
from sqlalchemy import text

from pipeline.page import to_json
from storage import transcriptions
from tests.faults.machine import Machine

UNFINISHED = (
    "select count(*) from mill.job where state not in ('done', 'failed')"
    " and exists (select from mill.collection c where c.id = collection_id and c.name = :name)"
)

NEVER = {
    "a page is read twice": "select page_id from mill.transcription"
    " group by page_id, run_id having count(*) > 1",
    "a page is done, but nothing is read": "select page_id from mill.job_page p"
    " join mill.job on job.id = p.job_id where p.state = 'done' and not exists"
    " (select from mill.transcription t where t.page_id = p.page_id and t.run_id = job.run_id)",
    "a page is set aside and not": "select page_id from mill.job_page p"
    " full join mill.quarantine q using (job_id, page_id)"
    " where (p.state is not distinct from 'quarantined') <> (q.job_id is not null)",
    "a page moves without a shard, or has one and does not move": "select page_id"
    " from mill.job_page where (shard is not null) <> (state in ('queued', 'running'))",
    "a page is worked on without an open attempt": "select p.page_id from mill.job_page p"
    " left join mill.attempt a on (a.job_id, a.page_id, a.number)"
    " = (p.job_id, p.page_id, p.attempts) where p.state = 'running' and"
    " (a.job_id is null or a.outcome is not null)",
    "a page's current run has not read it": "select page.id from mill.page"
    " where current_run_id is not null and not exists (select from mill.transcription t"
    " where t.page_id = page.id and t.run_id = current_run_id)",
    # Other tests read pages that have none.
    "a transcription has lost its table": "select t.id from mill.transcription t"
    " join mill.page on page.id = t.page_id join mill.collection c on c.id = collection_id"
    " where c.name like '%stormy%' and not exists"
    ' (select from mill."table" where transcription_id = t.id)',
}


class Store(Protocol):
    """An object store that can be stopped."""

    def kill(self) -> None: ...
    def start(self) -> None: ...
    def processes(self) -> list[psutil.Process]: ...


@dataclass
class Client:
    """A client that submits a folder, started again until it has."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    job_id: int | None = None


@dataclass
class Storm:
    """What faults hit: workers (command lines), the client, the services."""

    machine: Machine
    database: sqlalchemy.Engine
    broker_url: str
    random: random.Random
    collection: str
    profile: str
    settings: dict[str, object]
    workers: Sequence[tuple[str, ...]] = (("worker",),)
    store: Store | None = None
    full_disk: bool = False
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    restarts: int = 0

    def tend(self) -> None:
        """Start the workers and clients that do not run."""
        for place, command in enumerate(self.workers):
            if place == len(self.running):
                self.running.append(self._start(*command))
            elif self.running[place].poll() is not None:
                self.running[place] = self._start(*command)
                self.restarts += 1
        for client in self.clients:
            if client.job_id is None:
                self._tend(client)

    def submit(self, folder: Path) -> None:
        """Have the pages of a folder read, by a job of its own."""
        self.clients.append(Client(folder))
        self.tend()

    @property
    def submitting(self) -> list[Client]:
        return [client for client in self.clients if client.job_id is None]

    def read(self) -> int:
        """Count the pages that are read."""
        return self.count(
            "select count(*) from mill.transcription join mill.page on page.id = page_id"
            " join mill.collection c on c.id = collection_id where c.name = :name",
            name=self.collection,
        )

    def unfinished(self) -> int:
        """Count the jobs that are not done, those that a client has yet to submit included."""
        return self.count(UNFINISHED, name=self.collection) + len(self.submitting)

    def count(self, statement: str, **where: object) -> int:
        """Ask Postgres for a number, again and again while it is away."""
        return int(self.ask(statement, **where)[0][0])

    def ask(self, statement: str, **where: object) -> Sequence[Any]:
        deadline = time.monotonic() + 120
        while True:
            try:
                with self.database.begin() as connection:
                    return connection.execute(text(statement), where).all()
            except Exception:
                if time.monotonic() > deadline:
                    raise
                self.tend()
                time.sleep(0.2)

    def wait(self, seen: Callable[[], bool], seconds: float) -> bool:
        """Keep everything running until something is seen; tell whether it was in time."""
        deadline = time.monotonic() + seconds
        while not seen():
            if time.monotonic() > deadline:
                return False
            self.tend()
            time.sleep(0.1)
        return True

    def end(self) -> None:
        """Stop what was started."""
        started = [*self.running, *(c.process for c in self.clients if c.process)]
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in started:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def abandon(self) -> None:
        """Let a day pass for the jobs whose clients were killed before they had listed it all."""
        with self.database.begin() as connection:
            connection.execute(
                text(
                    "update mill.job set created_at = created_at - interval '1 day',"
                    " listed_at = listed_at - interval '1 day' where state = 'ingesting'"
                )
            )

    def broker(self) -> redis.Redis:
        return redis.Redis.from_url(
            self.broker_url.replace("redis+socket://", "unix://", 1),
            socket_timeout=5,
            socket_connect_timeout=5,
        )

    def children(self, queue: str) -> list[psutil.Process]:
        return [each for worker in self.running for each in self.machine.workers(worker, queue)]

    def pick(self, found: Sequence[psutil.Process]) -> psutil.Process | None:
        return self.random.choice(found) if found else None

    def _start(self, *command: str) -> subprocess.Popen[str]:
        with (self.machine.home / "storm.log").open("a") as log:
            return self.machine.start(*command, log=log, **self.settings)

    def _tend(self, client: Client) -> None:
        path = self.machine.home / f"client-{client.folder.name}.json"
        if client.process is not None:
            if client.process.poll() is None:
                return
            with contextlib.suppress(OSError, ValueError, KeyError, IndexError):
                words = path.read_text()
                said, _ = json.JSONDecoder().raw_decode(words[words.index('{\n  "job"') :])
                if client.process.returncode in (0, 1):
                    client.job_id = int(said["job"])
                    return
            self.restarts += 1
        with path.open("w") as log:
            client.process = self.machine.start(
                *("ingest", str(client.folder), "-c", self.collection),
                *("--profile", self.profile, "--json"),
                log=log,
                **self.settings,
            )


# --- the faults ---------------------------------------------------------------------------------

Fault = Callable[[Storm], bool]
"""Does harm; returns False where there was nothing to be harmed."""


def _kill(process: psutil.Process | None) -> bool:
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()
        return True
    return False


@contextlib.contextmanager
def _stopped(processes: Sequence[psutil.Process]) -> Iterator[None]:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def kill_reader(storm: Storm) -> bool:
    return _kill(storm.pick(storm.children("digitize")))


def kill_taker(storm: Storm) -> bool:
    return _kill(storm.pick(storm.children("ingest")))


def kill_supervisor(storm: Storm) -> bool:
    worker = storm.random.choice(storm.running)
    worker.kill()
    worker.wait()
    return True


def kill_client(storm: Storm) -> bool:
    running = [c.process for c in storm.submitting if c.process and c.process.poll() is None]
    if not running:
        return False
    running[0].kill()
    running[0].wait()
    return True


def kill_postgres(storm: Storm) -> bool:
    there = bool(storm.machine.postgres())
    storm.machine.kill_postgres()
    return there


def kill_backend(storm: Storm) -> bool:
    """Kill one process of Postgres, which then recovers as from a crash."""
    return _kill(storm.pick(storm.machine.postgres()[1:]))


def kill_broker(storm: Storm) -> bool:
    return _kill(storm.pick(storm.machine.broker()))


def flush_broker(storm: Storm) -> bool:
    try:
        with storm.broker() as broker:
            return bool(broker.flushall())
    except redis.RedisError:
        return False


def repeat_messages(storm: Storm) -> bool:
    """Deliver every message that waits three times, in any order."""
    return _change_queues(storm, lambda waiting: waiting * 3)


def lose_messages(storm: Storm) -> bool:
    return _change_queues(storm, lambda waiting: waiting[: len(waiting) // 2])


def _change_queues(storm: Storm, change: Callable[[list[bytes]], list[bytes]]) -> bool:
    changed = False
    try:
        with storm.broker() as broker:
            for key in broker.keys("*"):
                if not key.startswith((b"digitize", b"ingest")) or broker.type(key) != b"list":
                    continue
                waiting: list[bytes] = broker.lrange(key, 0, -1)
                again = change(list(waiting))
                storm.random.shuffle(again)
                broker.delete(key)
                if again:
                    broker.lpush(key, *again)
                changed = True
    except redis.RedisError:
        return changed
    return changed


def pause_reader(storm: Storm) -> bool:
    reader = storm.pick(storm.children("digitize"))
    if reader is None:
        return False
    with _stopped([reader]):
        time.sleep(storm.random.uniform(0.5, 2))
    return True


def pause_reader_too_long(storm: Storm) -> bool:
    """Stop a reader until its supervisor kills it, or its shard is given to another."""
    reader = storm.pick(storm.children("digitize"))
    if reader is None:
        return False
    with _stopped([reader]):
        time.sleep(float(str(storm.settings["ledgermill_stale_seconds"])) + 1)
    return True


def pause_supervisor(storm: Storm) -> bool:
    """Stop a supervisor: its processes work on, and their shards are thought to be dead by none."""
    worker = psutil.Process(storm.random.choice(storm.running).pid)
    with _stopped([worker]):
        time.sleep(storm.random.uniform(0.5, 2))
    return True


def pause_postgres(storm: Storm) -> bool:
    found = storm.machine.postgres()
    with _stopped(found):
        time.sleep(storm.random.uniform(0.5, 2))
    return bool(found)


def pause_broker(storm: Storm) -> bool:
    found = storm.machine.broker()
    with _stopped(found):
        time.sleep(storm.random.uniform(0.5, 2))
    return bool(found)


def stop_store(storm: Storm) -> bool:
    """Kill the object store and start it again some seconds later."""
    if storm.store is None:
        return False
    storm.store.kill()
    time.sleep(storm.random.uniform(0.5, 3))
    storm.store.start()
    return True


def pause_store(storm: Storm) -> bool:
    if storm.store is None:
        return False
    with _stopped(storm.store.processes()):
        time.sleep(storm.random.uniform(0.5, 2))
    return True


def fill_disk(storm: Storm) -> bool:
    """Leave no byte for the database, the broker and the object store, for some seconds."""
    if not storm.full_disk:
        return False
    ballast = storm.machine.home / "ballast"
    try:
        with contextlib.suppress(OSError), ballast.open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
        time.sleep(storm.random.uniform(1, 3))
    finally:
        ballast.unlink()
    return True


def set_clock(storm: Storm) -> bool:
    """Set the clock that workers and clients see, by up to a day, either way."""
    hours = storm.random.uniform(-24, 24)
    (storm.machine.home / "clock").write_text(str(hours * 3600))
    return True


def set_database_clock(storm: Storm) -> bool:
    """Set the database's clock by hours: what it has noted is then long past, or in the future.

    Seen from the rows it is the same to move what is noted.
    """
    hours = storm.random.choice([-24, -1, 1, 24])
    try:
        with storm.database.begin() as connection:
            for table in ("job_page", "job_source"):
                connection.execute(
                    text(
                        f"update mill.{table} set heartbeat_at = heartbeat_at + :by,"
                        " not_before = not_before + :by"
                        " where state in ('pending', 'queued', 'running')"
                    ),
                    {"by": f"{hours} hours"},
                )
    except Exception:
        return False
    return True


FAULTS: dict[Fault, int] = {
    kill_reader: 5,
    kill_taker: 2,
    kill_supervisor: 3,
    kill_client: 2,
    kill_postgres: 2,
    kill_backend: 2,
    kill_broker: 2,
    flush_broker: 3,
    repeat_messages: 3,
    lose_messages: 2,
    pause_reader: 2,
    pause_reader_too_long: 1,
    pause_supervisor: 1,
    pause_postgres: 1,
    pause_broker: 1,
    stop_store: 2,
    pause_store: 1,
    fill_disk: 2,
    set_clock: 2,
    set_database_clock: 2,
}
"""How often each comes."""


def harm(storm: Storm) -> str:
    """Do one fault at random and return its name."""
    while True:
        (fault,) = storm.random.choices(list(FAULTS), list(FAULTS.values()))
        if fault(storm):
            return fault.__name__


# --- what must be, whatever happened ------------------------------------------------------------


def inconsistencies(storm: Storm) -> list[str]:
    """Return what Postgres holds that must never be."""
    found = []
    for what, statement in NEVER.items():
        rows = storm.ask(statement)
        if rows:
            found.append(f"{what}: {', '.join(str(row[0]) for row in rows[:5])}")
    return found


def results(database: sqlalchemy.Engine, collection: str) -> dict[str, Any]:
    """Return what was read, by page name; fails where a page is there twice."""
    with database.begin() as connection:
        rows = connection.execute(
            text(
                "select page.name, page.id from mill.transcription t"
                " join mill.page on page.id = page_id"
                " join mill.collection c on c.id = collection_id where c.name = :name"
            ),
            {"name": collection},
        ).all()
        assert len({row.name for row in rows}) == len(rows)
        return {
            row.name: to_json(transcriptions.load(connection, row.id), row.name, "") for row in rows
        }


def difference(one: Any, other: Any, where: str = "") -> str | None:
    """Return where two results differ: texts, cells, polygons; confidences by 3 decimals."""
    if isinstance(one, dict):
        if one.keys() != other.keys():
            return f"{where}: {set(one) ^ set(other)}"
        pairs = [(one[key], other[key], f"{where}.{key}") for key in one]
    elif isinstance(one, list):
        if len(one) != len(other):
            return f"{where}: {len(one)} and {len(other)}"
        pairs = [(*pair, f"{where}[{i}]") for i, pair in enumerate(zip(one, other, strict=True))]
    elif where.endswith(("confidence", "logprob")):
        # In an alternative's logarithm, a difference of no account looks like a large one.
        chances = (math.exp(one), math.exp(other)) if where.endswith("logprob") else (one, other)
        return None if math.isclose(*chances, abs_tol=5e-4) else f"{where}: {one}, {other}"
    else:
        return None if one == other else f"{where}: {one!r}, {other!r}"
    return next((found for pair in pairs if (found := difference(*pair))), None)
