"""What a worker does with a message: claim its shard, work, and see that the next one is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import celery
import sqlalchemy
import structlog
from structlog.contextvars import bound_contextvars

from pipeline.decode import decode_image
from pipeline.errors import LedgermillError, Unavailable
from pipeline.profiles import Profile
from pipeline.version import CODE_VERSION
from storage import jobs
from storage.jobs import ClaimedShard, ClaimedSource, Kind, RunOfShard
from storage.objects import ObjectStore
from workers.app import task_name
from workers.ingest import ingest_source
from workers.machine import SHARE, most_memory
from workers.monitoring.measure import Measure, timed, unmeasured
from workers.patience import is_blameless, patiently, reason
from workers.reconciler import refill, shard_died
from workers.settings import Settings
from workers.shards import DeviceLostError, Digitize, Image, Limits, digitize_shard
from workers.sources.model import Limits as SourceLimits
from workers.watch import Watch
from workers.weights import placed

if TYPE_CHECKING:
    from pipeline.engines import Engine

_REFILL_SECONDS = 1.0

_T = TypeVar("_T")
_log = structlog.get_logger()


@dataclass(frozen=True)
class Bench:
    """Everything a worker process has at hand.

    `note(kind, token)` tells the supervisor of a shard to put back should this process die,
    `note(None, None)` that there is none any more; `end_process` ends it on the spot.
    """

    settings: Settings
    database: sqlalchemy.Engine
    store: ObjectStore
    app: celery.Celery
    name: str
    note: Callable[[Kind | None, str | None], None]
    stopping: Callable[[], bool]
    end_process: Callable[[], None]
    measure: Measure = unmeasured


def register(bench: Bench, after: Callable[[], None] = lambda: None) -> None:
    """Make the worker's application answer to its messages; `after` is called after each."""

    def ingest(job: int, shard: str) -> None:  # noqa: ARG001 (see `jobs.turn`)
        _serve(bench, "ingest", ingest_task, after)

    def digitize(job: int, shard: str) -> None:  # noqa: ARG001
        _serve(bench, "digitize", digitize_task, after)

    bench.app.task(ingest, name=task_name("ingest"))
    bench.app.task(digitize, name=task_name("digitize"))


def _serve(
    bench: Bench,
    kind: Kind,
    task: Callable[[Bench, str], bool],
    after: Callable[[], None],
) -> None:
    """Work on the shard whose turn it is; which one the message was sent for does not matter."""
    served = False
    try:
        while not served and not bench.stopping():
            token = patiently(lambda: _in(bench, lambda c: jobs.turn(c, kind)), bench.stopping)
            if token is None:
                break
            bench.note(kind, token)
            with bound_contextvars(shard=token):
                _log.debug("begun", kind=kind)
                served = task(bench, token)
    finally:
        bench.note(None, None)
        after()


# --- pages --------------------------------------------------------------------------------------


def digitize_task(bench: Bench, token: str) -> bool:
    """Read the pages of a shard; return False where another worker was faster."""
    run = patiently(lambda: _in(bench, lambda c: jobs.run_of_shard(c, token)), bench.stopping)
    if run is None:
        return False
    reader: Digitize | None = None
    trouble = ""
    try:
        reader = reader_of(run, bench.settings, bench.store, bench.measure)
    except Exception as error:
        # No page is to blame: another worker, or a later one, may have what it takes.
        trouble = reason(error)
        _log.error("the engine does not load", reason=trouble)
    shard = patiently(
        lambda: _in(bench, lambda c: jobs.claim(c, token, bench.name)), bench.stopping
    )
    if shard is None:
        return False
    if reader is None:
        patiently(lambda: _in(bench, lambda c: jobs.postpone(c, token, trouble)), bench.stopping)
        return True
    settings = bench.settings
    run_id = run.run_id
    again = sum(page.attempt > 1 for page in shard.pages)
    if again:
        bench.measure("retry", "", again)

    def more() -> ClaimedShard | None:
        return None if again else _next_shard(bench, run_id)

    try:
        digitize_shard(
            bench.database,
            shard,
            read=lambda sha256: read_image(bench.store, sha256, settings, bench.measure),
            digitize=reader,
            limits=Limits(
                settings.page_seconds,
                settings.heartbeat_seconds,
                settings.max_attempts,
                settings.max_read_memory or int(SHARE * most_memory()),
            ),
            end_process=bench.end_process,
            stopping=bench.stopping,
            measure=bench.measure,
            more=more,
        )
        bench.measure("moved", "", 1)
    except DeviceLostError:
        bench.end_process()
    _refill(bench, shard.job_id)
    return True


def _next_shard(bench: Bench, run_id: int) -> ClaimedShard | None:
    """Claim a shard that follows upon another of the same run, where it is the turn of one."""
    try:
        with bench.database.begin() as connection:
            token = jobs.turn(connection, "digitize", run_id)
        if token is None:
            return None
        bench.note("digitize", token)
        with bench.database.begin() as connection:
            shard = jobs.claim(connection, token, bench.name)
    except LedgermillError as error:  # what is at hand is read to its end all the same
        _log.warning("no more", reason=reason(error))
        return None
    if shard is not None:
        _refill(bench, shard.job_id)
    return shard


def read_image(
    store: ObjectStore, sha256: str, settings: Settings, measure: Measure = unmeasured
) -> Image:
    """Return the pixels of a stored page image. Raises `BadInput` or `Unavailable`."""
    data = timed(measure, "fetch", store.get)(sha256)
    return timed(measure, "decode", decode_image)(data, SourceLimits.of(settings).image)


def reader_of(
    run: RunOfShard, settings: Settings, store: ObjectStore, measure: Measure = unmeasured
) -> Digitize:
    """Return what reads pages the way a run does, its models loaded once.

    Weights of a profile's own come from the store.

    Raises `Unavailable` where this worker has other weights or another version of the code.
    """
    if run.code_version != CODE_VERSION:
        raise Unavailable(
            f"worker: it is version {CODE_VERSION}, the job wants {run.code_version}; "
            "start a worker of that version, or submit the job again"
        )
    profile = placed(Profile(**run.settings), store, settings.home / "weights")
    engine = _engine(profile.model_dump_json(), settings.device, settings.threads)
    if engine.digest != run.weights_digest:
        raise Unavailable(
            f"worker: its weights are {engine.digest[:8]}, the job wants "
            f"{run.weights_digest[:8]}; start a worker with those, or submit the job again"
        )
    from workers.monitoring.reading import measured  # slow, and of no use where sources are opened

    return measured(profile, engine, measure)


@lru_cache(maxsize=2)
def _engine(profile: str, device: str, threads: int | None) -> Engine:
    from pipeline.engines import load_engine

    return load_engine(Profile.model_validate_json(profile), device, threads)


Ingest = Callable[[sqlalchemy.Connection, ClaimedSource, Callable[[], None]], object]
"""Stores a source, its pages and its state in one transaction; says so when it moves."""


# --- sources ------------------------------------------------------------------------------------


def ingest_task(bench: Bench, token: str) -> bool:
    """Take in the sources of a shard, one after the other; return False where none is left."""
    taken = ingest_shard(
        bench,
        token,
        lambda connection, source, moved: ingest_source(
            connection,
            bench.store,
            source.job_id,
            source.number,
            SourceLimits.of(bench.settings),
            moved,
        ),
    )
    return taken > 0


def ingest_shard(
    bench: Bench,
    token: str,
    ingest: Ingest,
) -> int:
    """Take in what waits under a token and return how many sources it was."""
    settings = bench.settings
    # What opens a source has a limit of its own; this is for what hangs all the same.
    limit = settings.max_open_seconds + settings.page_seconds

    def beat() -> None:
        try:
            _in(bench, lambda c: jobs.beat(c, "ingest", token))
        except Exception as error:  # the next beat may go through; the work goes on meanwhile
            _log.warning("no heartbeat", shard=token, reason=reason(error))

    def stuck(_: str | None) -> None:
        how = f"it took longer than {limit:g} s"
        _log.error("stuck", shard=token, reason=how)
        try:
            shard_died(bench.database, settings, "ingest", token, how)
        finally:
            bench.end_process()

    taken = 0
    job_ids = set()
    refilled = time.monotonic()
    with Watch(beat, settings.heartbeat_seconds, lambda: limit, stuck) as watch:
        while not bench.stopping():
            source = patiently(
                lambda: _in(bench, lambda c: jobs.claim_source(c, token)), bench.stopping
            )
            if source is None:
                break
            job_ids.add(source.job_id)
            timed(bench.measure, "ingest", _ingest_one)(bench, token, source, ingest, watch.moved)
            taken += 1
            watch.moved()
            bench.measure("source", "", 1)
            bench.measure("moved", "", 1)
            # Not at once: pages that come together are read together.
            if time.monotonic() - refilled > _REFILL_SECONDS:
                _refill(bench, source.job_id)
                refilled = time.monotonic()
        patiently(lambda: _in(bench, lambda c: jobs.give_back_sources(c, token)), bench.stopping)
    for job_id in job_ids:
        _refill(bench, job_id)
    return taken


def _ingest_one(
    bench: Bench,
    token: str,
    source: ClaimedSource,
    ingest: Ingest,
    moved: Callable[[], None],
) -> None:
    try:
        with bench.database.connect() as connection:
            ingest(connection, source, moved)
            connection.commit()
    except Exception as error:
        why, blameless = reason(error), is_blameless(error)
        seconds = getattr(error, "seconds", None)  # `Later` may know
        _log.warning("not taken in", job=source.job_id, source=source.number, reason=why)

        def end(connection: sqlalchemy.Connection) -> None:
            if blameless:
                jobs.source_postponed(connection, token, source, why, seconds)
            else:
                jobs.source_refused(connection, source.job_id, source.number, why)

        patiently(lambda: _in(bench, end), bench.stopping)


def _refill(bench: Bench, job_id: int) -> None:
    """Send the job's next shards; if it cannot be done now, the reconciler will."""
    try:
        with bench.database.begin() as connection:
            jobs.finish_jobs(connection)
            wanted = [job for job in jobs.open_jobs(connection) if job.job_id == job_id]
        for job in wanted:
            refill(bench.database, bench.app, bench.settings, job)
    except LedgermillError as error:
        _log.warning("not refilled", job=job_id, reason=reason(error))


def _in(bench: Bench, action: Callable[[sqlalchemy.Connection], _T]) -> _T:
    with bench.database.begin() as connection:
        return action(connection)
