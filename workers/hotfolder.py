"""A folder into which scans are put: each is taken in once it is complete, and only once.

A file is complete when its size and its time have not changed between two looks. Names that
programs give to what they are still writing are left alone until they are renamed.
"""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import text

from pipeline.errors import BadInput
from pipeline.profiles import Profile
from storage import jobs
from storage.imports import Kept
from storage.jobs import Failure
from storage.objects import open_store
from workers import client, services
from workers.ingest import submit
from workers.patience import patiently
from workers.sources import FoundSource, IgnoredFile, Limits, RefusedSource
from workers.sources.find import find_files
from workers.sources.names import natural_key

LOOK_SECONDS = 2.0
"""Between two looks; a file that is put in is taken up after two to four seconds."""

_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download", "~")
_MOST = 1000  # files of one job: those that come later need not wait for all

_log = structlog.get_logger()

State = tuple[int, int]
"""Size in bytes, and the time of the last change in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Files that became a job; `failures` are those that were refused at once."""

    job_id: int
    sources: int
    failures: list[Failure]


def watch(
    place: client.Office,
    folders: Sequence[Path],
    profile: Profile,
    collection: str,
    language: str,
    keep: Kept | None,
    tell: Callable[[Taken], None],
) -> None:
    """Take in what is put into folders until interrupted (SIGINT, SIGTERM).

    What the collection has taken in already under the same name is passed over, also when
    watching begins anew. Raises `BadInput` where a folder is none.
    """
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(str(folder), "it is no folder", "name the folder to be watched")
    over = threading.Event()
    before = [signal.signal(kind, lambda *_: over.set()) for kind in _SIGNALS]
    try:
        last: dict[Path, State] = {}
        taken: dict[Path, State] = {}
        while not over.is_set():
            now = look(folders)
            finished = [
                path for path, state in now.items() if last.get(path) == state != taken.get(path)
            ]
            last = now
            for some in _bundles(sorted(finished, key=lambda path: natural_key(str(path)))):
                done = patiently(
                    lambda some=some: _take_in(  # type: ignore[misc]
                        place, some, profile, collection, language, keep
                    ),
                    over.is_set,
                )
                taken |= {path: now[path] for path in some}
                if done is not None:
                    tell(done)
            over.wait(LOOK_SECONDS)
    finally:
        for kind, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(kind, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def look(folders: Sequence[Path]) -> dict[Path, State]:
    """Return the files of folders that may be scans, with their size and time.

    Hidden files, links, and what bears the name of something unfinished are left out.
    """
    found: dict[Path, State] = {}
    for folder in folders:
        for root, inside, names in os.walk(folder):
            inside[:] = [name for name in inside if not name.startswith(".")]
            for name in names:
                if name.startswith(".") or name.lower().endswith(_UNFINISHED):
                    continue
                path = Path(root) / name
                try:
                    status = path.lstat()
                except OSError:
                    continue  # gone again
                found[path] = (status.st_size, status.st_mtime_ns)
    return found


def _bundles(paths: list[Path]) -> Iterator[list[Path]]:
    for start in range(0, len(paths), _MOST):
        yield paths[start : start + _MOST]


def _take_in(
    place: client.Office,
    paths: list[Path],
    profile: Profile,
    collection: str,
    language: str,
    keep: Kept | None,
) -> Taken | None:
    """Make a job of files; return None where there is nothing new among them."""
    services.ensure()
    limits = Limits.of(place.settings)
    store = open_store(place.endpoints.object_store)
    found = [
        source
        for source in find_files(paths, limits, transcribed=keep is not None)
        if not isinstance(source, IgnoredFile)
    ]
    with place.database.begin() as connection:
        known = {
            (row.source, row.sha256)
            for row in connection.execute(
                text(
                    "select s.source, s.sha256 from mill.job_source s join mill.job on job.id ="
                    " s.job_id join mill.collection c on c.id = job.collection_id"
                    " where c.name = :collection and s.source = any(:names)"
                ),
                {"collection": collection, "names": [source.name for source in found]},
            )
        }
    names = {name for name, _ in known}
    new = [
        source
        for source in found
        if source.name not in names or (source.name, _digest(source, limits)) not in known
    ]
    if not new:
        return None
    job_id = client.make_job(place, profile, collection, language, client.PRIORITY_BULK)
    started = time.monotonic()
    with place.database.connect() as connection:
        submitted = submit(connection, store, job_id, new, limits, keep)
        jobs.all_listed(connection, job_id)
        connection.commit()
        failures = jobs.failures(connection, job_id)
    _log.info("taken in", job=job_id, seconds=time.monotonic() - started)
    return Taken(job_id, submitted.found, failures)


def _digest(source: FoundSource | RefusedSource, limits: Limits) -> str | None:
    """Return the SHA-256 of a file; None, as its row has it, of one that was refused."""
    if isinstance(source, RefusedSource):
        return None
    try:
        return hashlib.sha256(source.read(limits)).hexdigest()
    except BadInput:
        return None
