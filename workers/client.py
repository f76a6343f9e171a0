"""The client's side of a job: make it, keep a worker and the services alive, wait for its end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
import structlog

from pipeline.engines import weights_digest
from pipeline.errors import BadInput, Unavailable
from pipeline.profiles import Profile, load_profile, profile_names
from pipeline.version import CODE_VERSION
from storage import jobs
from storage.database import connect
from storage.exports import ALL, export
from storage.exports.observed.selected import export_selected
from storage.exports.pages import pages_of_job
from storage.imports import Kept
from storage.jobs import Failure, Progress
from storage.objects import open_store
from storage.runs import ensure_run
from workers import services
from workers.app import celery_app
from workers.ingest import submit
from workers.logging import set_up
from workers.patience import is_transient, patiently, reason
from workers.reconciler import reconcile
from workers.services import Endpoints
from workers.settings import Settings, settings
from workers.sources.find import Found, find_sources
from workers.sources.model import IgnoredFile, Limits
from workers.weights import placed, stored

PRIORITY_WAITING = 2
PRIORITY_BULK = 5

PATIENCE_SECONDS = 600.0
"""Whoever waits at a terminal is told so long after that what is missing does not come back."""

_POLL_SECONDS = 0.25
_RECONCILE_SECONDS = 1.0
_LONGEST_LOG = 10 * 1024 * 1024

_log = structlog.get_logger()


@dataclass(frozen=True)
class Waited:
    """How a job ended that somebody waited for."""

    job_id: int
    progress: Progress
    failures: list[Failure]
    ignored: int
    seconds: float


@dataclass(frozen=True)
class Office:
    """Where a client works: the services, and a connection to each."""

    endpoints: Endpoints
    database: sqlalchemy.Engine
    settings: Settings


@contextmanager
def office() -> Iterator[Office]:
    """Bring the services up and connect to them."""
    set_up("error")  # what passes by itself is shown by the progress bar
    endpoints = services.ensure()
    database = connect(endpoints.database_url)
    try:
        yield Office(endpoints, database, settings())
    finally:
        database.dispose()


def run_for(place: Office, connection: sqlalchemy.Connection, profile: Profile) -> int:
    """Return the run that reads by a profile on this version's weights, without loading them.

    A profile of the user's own is told from others of its name by what it says; weights of its own
    are copied to where workers find them.
    """
    name = profile.name
    local, kept = _own_weights(place, profile)
    said = kept.model_dump(mode="json")
    if name not in profile_names() or load_profile(name) != profile:
        written = json.dumps(said, sort_keys=True).encode()
        name = f"{name}~{hashlib.sha256(written).hexdigest()[:8]}"
    return ensure_run(connection, name, weights_digest(local), CODE_VERSION, said)


def _own_weights(place: Office, profile: Profile) -> tuple[Profile, Profile]:
    """Return the profile with weights of its own as files here, and as objects of the store."""
    if not profile.detection.weights and not profile.recognition.weights:
        return profile, profile
    store = open_store(place.endpoints.object_store)
    local = placed(profile, store, place.settings.home / "weights")
    return local, stored(local, store)


def make_job(place: Office, profile: Profile, collection: str, language: str, priority: int) -> int:
    """Add a job without sources yet and return its number.

    Raises `BadInput` for a language that Postgres has no text search configuration of.
    """
    with place.database.begin() as connection:
        known = set(
            connection.execute(sqlalchemy.text("select cfgname from pg_ts_config")).scalars()
        )
        if language not in known:
            raise BadInput(
                language, "no such language", f"choose one of {', '.join(sorted(known))}"
            )
        run_id = run_for(place, connection, profile)
        collection_id = jobs.ensure_collection(connection, collection, language)
        return jobs.create(connection, "ingest", collection_id, run_id, priority)


def list_sources(place: Office, job_id: int, specs: Sequence[str], keep: Kept | None = None) -> int:
    """Copy the sources into the object store and list them; the job can end from then on.

    `keep` is as what transcriptions that come with them are kept; None: not at all.
    Returns how many files were passed over because they are no scans. Where a service goes away
    meanwhile, goes on after what is listed once it is back.
    """
    ignored = patiently(lambda: _list_the_rest(place, job_id, specs, keep))

    def end() -> None:
        with place.database.begin() as connection:
            jobs.all_listed(connection, job_id)

    patiently(end)
    return ignored


def _list_the_rest(place: Office, job_id: int, specs: Sequence[str], keep: Kept | None) -> int:
    limits = Limits.of(place.settings)
    store = open_store(place.endpoints.object_store)
    with place.database.connect() as connection:
        listed = jobs.listed(connection, job_id)
        found = _after(find_sources(specs, limits, transcribed=keep is not None), listed)
        ignored = submit(connection, store, job_id, found, limits, keep).ignored
        connection.commit()
    return ignored


def _after(sources: Iterable[Found], listed: int) -> Iterator[Found]:
    """Yield what is not listed yet, and what never is: the files passed over."""
    for source in sources:
        if listed and not isinstance(source, IgnoredFile):
            listed -= 1
        else:
            yield source


def run_job(
    place: Office,
    job_id: int,
    specs: Sequence[str],
    show: Callable[[Progress, str | None], None] = lambda _progress, _trouble: None,
    patience: float | None = None,
    keep: Kept | None = None,
) -> Waited:
    """List a job's sources and wait until it is done, with a worker of its own.

    Whatever dies meanwhile, worker or embedded service, is started again. `show` is told about
    the progress several times a second, and what it waits for while something is out of reach.
    Raises `Unavailable` where one reason has held the job for `patience` seconds. Interrupted, the
    job is ended; what it has read stays, and is not read again by another.
    """
    started = time.monotonic()
    listing = _Listing(place, job_id, specs, keep)
    try:
        with PrivateWorker(place.settings) as worker:
            listing.start()
            progress = _wait(place, job_id, listing, worker, show, patience)
    except BaseException:
        with contextlib.suppress(Exception), place.database.begin() as connection:
            jobs.cancel(connection, job_id)
        raise
    _, failures = look_at(place, job_id)
    return Waited(job_id, progress, failures, listing.ignored, time.monotonic() - started)


def wait_for(
    place: Office,
    job_id: int,
    show: Callable[[Progress, str | None], None] = lambda _progress, _trouble: None,
) -> Waited:
    """Wait until a job is done that has all its pages, as `run_job` does.

    Interrupted, the job goes on.
    """
    started = time.monotonic()
    with PrivateWorker(place.settings) as worker:
        progress = _wait(place, job_id, _Listed(), worker, show, None)
    _, failures = look_at(place, job_id)
    return Waited(job_id, progress, failures, 0, time.monotonic() - started)


def look_at(place: Office, job_id: int) -> tuple[Progress, list[Failure]]:
    """Return how far a job is, and what failed in it."""
    with place.database.begin() as connection:
        return jobs.progress(connection, job_id), jobs.failures(connection, job_id)


def write_results(
    place: Office, job_id: int, out: Path, formats: Sequence[str], left_out: list[str]
) -> list[Path]:
    """Write what a job has read to a folder and return the files; add what could not be written.

    A service that went away is started again once or twice; raises `Unavailable` after that, or
    where the folder cannot be written to.
    """
    for last in (False, False, True):
        try:
            fetch = open_store(place.endpoints.object_store).get
            left_out.clear()
            with place.database.begin() as connection:
                pages = pages_of_job(connection, job_id, fetch)
                chosen = [name for name in formats if name in ALL]
                found = export(pages, out, chosen, left_out) if chosen else ()
                files = [path for _, paths in found for path in paths]
                if "sef" in formats:
                    observed = export_selected(connection, out, ["sef"], job=job_id)
                    left_out += observed.left_out
                    files += observed.files
                return files
        except Exception as error:
            if last or not is_transient(error):
                raise
            services.ensure()
    raise AssertionError("the last try returns or raises")


def _wait(
    place: Office,
    job_id: int,
    listing: _Listing | _Listed,
    worker: PrivateWorker,
    show: Callable[[Progress, str | None], None],
    patience: float | None,
) -> Progress:
    app = celery_app(place.endpoints.broker_url)
    progress = Progress("ingesting", {}, {})
    reconciled = -_RECONCILE_SECONDS
    listed = False
    trouble: str | None = None
    held_since: float | None = None
    while True:
        listing.check()
        worker.tend()
        try:
            due = listing.done != listed or time.monotonic() - reconciled > _RECONCILE_SECONDS
            if due:
                listed = listing.done
                services.ensure()
                reconcile(place.database, app, place.settings)
                reconciled = time.monotonic()
            with place.database.begin() as connection:
                progress = jobs.progress(connection, job_id)
                held = jobs.troubles(connection, job_id)
            trouble = held[0].reason if held else None
            held_since = (held_since or time.monotonic()) if held else None
        except Exception as error:
            if not is_transient(error):
                raise
            trouble = reason(error)
        show(progress, trouble)
        if progress.finished and trouble is None:
            return progress
        if patience and held_since and time.monotonic() - held_since > patience:
            raise Unavailable(f"job {job_id} does not get on: {trouble}")
        time.sleep(_POLL_SECONDS)


class _Listing:
    """Lists a job's sources in a thread, so that the first are read while the last are copied."""

    def __init__(self, place: Office, job_id: int, specs: Sequence[str], keep: Kept | None) -> None:
        self.done = False
        self.ignored = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(place, job_id, specs, keep), name="list", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def check(self) -> None:
        """Raise what listing met, if anything."""
        if self._error is not None:
            raise self._error

    def _run(self, place: Office, job_id: int, specs: Sequence[str], keep: Kept | None) -> None:
        try:
            self.ignored = list_sources(place, job_id, specs, keep)
            self.done = True
        except BaseException as error:
            self._error = error


class _Listed:
    """A job of which nothing is to be listed any more."""

    done = True

    def check(self) -> None:
        """Find nothing wrong."""


class PrivateWorker:
    """A `ledgermill worker` that ends with its client, and is started again if it dies alone."""

    def __init__(self, chosen: Settings) -> None:
        self._path = chosen.home / "log" / "worker.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PrivateWorker:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None:
            return
        try:
            process.send_signal(signal.SIGTERM)
            process.wait()
        except BaseException:  # interrupted once more: no more waiting for the pages at hand
            process.kill()
            process.wait()
            raise

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def tend(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            self._start()

    def _start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _log_file(self._path) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workers.worker", "--with-client"],
                stdin=subprocess.PIPE,  # its end tells the worker that the client is gone
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@contextmanager
def _log_file(path: Path) -> Iterator[int]:
    if path.exists() and path.stat().st_size > _LONGEST_LOG:
        path.replace(path.with_suffix(".log.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
