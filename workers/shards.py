"""One shard's life: its pages read ahead, digitized together, and each saved as it is done.

claim -> read and decode (threads) -> digitize -> save (thread) -> done
  ^-- more, before the last pages are through
                                         |
                    what fails is split until it is alone, then set aside
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from contextvars import copy_context
from dataclasses import dataclass

import numpy as np
import sqlalchemy
import structlog
from numpy.typing import NDArray

from pipeline.page import Transcription
from storage import jobs, transcriptions
from storage.database import commit_soon
from storage.jobs import ClaimedPage, ClaimedShard
from storage.transcriptions import ReadPage
from workers.memory import give_back, resident
from workers.monitoring.measure import Measure, timed, unmeasured
from workers.patience import is_blameless, is_transient, patiently, reason
from workers.watch import Watch

Image = NDArray[np.uint8]
Read = Callable[[str], Image]
"""From an image's SHA-256 to its pixels (H x W or H x W x 3, uint8)."""
Digitize = Callable[[Iterable[Image]], Generator[Transcription]]
"""Lazily from images to their transcriptions, in order."""

READ_AHEAD = 4
"""Decoded pages that wait for the network, at most."""
READ_AHEAD_PIXELS = 100_000_000
"""Fewer pages where they have more than this together: some 300 MB in colour."""
WRITE_BEHIND = 8
"""Transcriptions that wait for the database, at most; those that do are written together."""
GIVE_BACK_PAGES = 16
"""After about so many pages the system has back what memory is free."""
MOST_PAGES = 128
"""So many are read without a break, in shards that follow upon each other."""

_Held = tuple[ClaimedShard, ClaimedPage]
_Unsaved = tuple[ClaimedShard, ClaimedPage, Transcription]

_log = structlog.get_logger()


class DeviceLostError(Exception):
    """The accelerator is of no more use to this process, which had better end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a page may take, how often its worker may die on it, and how often it beats.

    `memory` is how many bytes the process may hold; None for no limit.
    """

    page_seconds: float
    heartbeat_seconds: float
    max_attempts: int
    memory: int | None = None


def digitize_shard(
    database: sqlalchemy.Engine,
    shard: ClaimedShard,
    read: Read,
    digitize: Digitize,
    limits: Limits,
    end_process: Callable[[], None],
    stopping: Callable[[], bool] = lambda: False,
    measure: Measure = unmeasured,
    more: Callable[[], ClaimedShard | None] = lambda: None,
) -> int:
    """Read a claimed shard's pages and return how many were saved.

    `more` claims another shard of the same run, or returns None: its pages follow before those at
    hand are read to their end, so that no network stands still in between.

    Every page ends as done, set aside, or waiting again with its reason recorded. When
    `stopping()` no further page is begun and the rest is given back. `end_process` is called (in
    another thread) once a page takes too long, after that has been recorded. Raises
    `DeviceLostError` where the process should end, and what the database raised if it went away
    while stopping.
    """
    shards = [shard]
    in_flight: deque[_Held] = deque()
    log = structlog.get_logger().bind(job=shard.job_id, shard=shard.token)

    def record(change: Callable[[sqlalchemy.Connection], object]) -> None:
        def transaction() -> None:
            with database.begin() as connection:
                change(connection)

        patiently(transaction, stopping)

    def end(connection: sqlalchemy.Connection, blame: Callable[[str], object]) -> None:
        """Blame the shards whose pages are in flight, and give the others back."""
        guilty = {held.token for held, _ in in_flight.copy()} or {shards[-1].token}
        for each in shards:
            if each.token in guilty:
                blame(each.token)
            else:
                jobs.give_back(connection, each.token)

    def beat() -> None:
        try:
            with database.begin() as connection:
                for each in shards:
                    jobs.beat(connection, "digitize", each.token)
        except Exception as error:  # the next beat may go through; the work goes on meanwhile
            log.warning("no heartbeat", reason=reason(error))

    def died(connection: sqlalchemy.Connection, how: str) -> None:
        end(connection, lambda token: jobs.shard_died(connection, token, limits.max_attempts, how))

    def stuck(how: str | None) -> None:
        how = how or f"a page took longer than {limits.page_seconds:g} s"
        log.error("stuck", reason=how)
        try:
            with database.begin() as connection:
                died(connection, how)
        finally:
            end_process()

    def too_much() -> str | None:
        if limits.memory is None or resident() <= limits.memory:
            return None
        return f"a page took more than {limits.memory / 2**30:.2g} GiB of memory"

    def page_limit() -> float:
        # Pages are read together, so the first of them may take as long as all.
        return limits.page_seconds * max(1, len(in_flight))

    def unreadable(held: ClaimedShard, page_id: int, error: Exception) -> None:
        why = reason(error)
        log.warning("unreadable", page=page_id, reason=why)
        if is_blameless(error):
            record(lambda c: jobs.postpone(c, held.token, why, [page_id]))
        else:
            record(lambda c: jobs.page_failed(c, held.token, page_id, why))

    def pages() -> Iterator[_Held | None]:
        while True:
            held = shards[-1]
            yield from ((held, page) for page in held.pages)
            yield None
            with watch.waiting():
                taken = sum(len(each.pages) for each in shards)
                if taken // GIVE_BACK_PAGES > (taken - len(held.pages)) // GIVE_BACK_PAGES:
                    give_back()
                following = None if stopping() or taken >= MOST_PAGES else more()
            if following is None:
                return
            shards.append(following)

    def images() -> Iterator[Image]:
        for (held, page), image in _read_ahead(pages(), read):
            if stopping():
                return
            try:
                pixels = image.result()
            except Exception as error:
                unreadable(held, page.page_id, error)
                continue
            in_flight.append((held, page))
            yield pixels

    saved = 0
    failure: Exception | None = None
    with (
        Watch(beat, limits.heartbeat_seconds, page_limit, stuck, too_much) as watch,
        _Writer(database, stopping, measure) as writer,
        ExitStack() as stack,
    ):
        try:
            for transcription in stack.enter_context(closing(digitize(images()))):
                if not in_flight:
                    raise RuntimeError("more transcriptions than pages")
                writer.save(*in_flight[0], transcription, watch)
                in_flight.popleft()
                saved += 1
                watch.moved()
                measure("moved", "", 1)
            if in_flight:
                raise RuntimeError("fewer transcriptions than pages")
        except Exception as error:
            failure = error
        with watch.waiting():
            writer.flush()
            if failure is None:
                for each in shards:
                    record(lambda c, each=each: jobs.give_back(c, each.token))  # type: ignore[misc]
                return saved
            why = reason(failure)
            log.warning("failed", reason=why, saved=saved, shards=len(shards))
            if "CUDA error" in why:
                record(lambda c: died(c, why))
                raise DeviceLostError(why) from failure
            if is_blameless(failure):
                record(lambda c: end(c, lambda token: jobs.postpone(c, token, why)))
            else:
                held, page = in_flight[0] if in_flight else (shards[-1], shards[-1].pages[0])
                in_flight.clear()
                in_flight.append((held, page))  # of all that are in flight, the first has failed
                suspect = page.page_id
                record(lambda c: end(c, lambda t: jobs.shard_failed(c, t, suspect, why)))
    return saved


def _read_ahead(pages: Iterable[_Held | None], read: Read) -> Iterator[tuple[_Held, Future[Image]]]:
    """Yield the pages in order, each with its pixels on the way, `READ_AHEAD` of them at most.

    None among them stands where more would have to be claimed: that waits until there is but one
    page ahead, so that others find something to do.
    """
    with ThreadPoolExecutor(2, thread_name_prefix="read") as pool:
        coming: deque[tuple[_Held, Future[Image]]] = deque()
        try:
            for item in pages:
                if item is None:
                    while len(coming) > 1:
                        yield coming.popleft()
                    continue
                coming.append((item, pool.submit(read, item[1].image_sha256)))
                while len(coming) > READ_AHEAD or (
                    sum(waiting.pixels for (_, waiting), _ in coming) > READ_AHEAD_PIXELS
                ):
                    yield coming.popleft()
            while coming:
                yield coming.popleft()
        finally:
            for _, future in coming:
                future.cancel()


class _Writer:
    """Saves transcriptions in a thread of its own, those that wait for it in one transaction."""

    def __init__(
        self,
        database: sqlalchemy.Engine,
        stopping: Callable[[], bool],
        measure: Measure,
    ) -> None:
        self._database = database
        self._stopping = stopping
        self._measure = measure
        self._waiting: deque[_Unsaved] = deque()
        self._turns: deque[Future[None]] = deque()
        self._stack = ExitStack()

    def __enter__(self) -> _Writer:
        self._pool = self._stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="write"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def save(
        self, shard: ClaimedShard, page: ClaimedPage, transcription: Transcription, watch: Watch
    ) -> None:
        """Save a page soon, waiting where the database is far behind.

        A transcription that the database will not take sets its page aside.
        """
        self._waiting.append((shard, page, transcription))
        # With the context of the task, so that what is logged there says which one it is.
        self._turns.append(self._pool.submit(copy_context().run, self._turn))
        with watch.waiting():
            while len(self._turns) > WRITE_BEHIND:
                self._turns.popleft().result()

    def flush(self) -> None:
        while self._turns:
            self._turns.popleft().result()

    def _turn(self) -> None:
        """Save all that waits by now: of later turns there may be nothing left to do."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if waiting:
            timed(self._measure, "save", self._save)(waiting)

    def _save(self, read: list[_Unsaved]) -> None:
        def save() -> None:
            with self._database.begin() as connection:
                commit_soon(connection)  # a page that is lost is not done, and is read again
                transcriptions.save_all(
                    connection,
                    read[0][0].run_id,
                    [ReadPage(page.page_id, found, shard.job_id) for shard, page, found in read],
                )
                for shard, page, _ in read:
                    jobs.page_done(connection, shard.job_id, page)

        try:
            patiently(save, self._stopping)
        except Exception as error:
            if is_transient(error):
                raise
            if len(read) > 1:  # one of them is to blame
                for each in read:
                    self._save([each])
            else:
                self._set_aside(*read[0][:2], reason(error))

    def _set_aside(self, shard: ClaimedShard, page: ClaimedPage, why: str) -> None:
        def set_aside() -> None:
            with self._database.begin() as connection:
                jobs.page_failed(connection, shard.token, page.page_id, why)

        why = f"what was read cannot be saved: {why}"
        _log.warning("not saved", page=page.page_id, reason=why)
        patiently(set_aside, self._stopping)
