from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput, Unavailable
from pipeline.page import Line, Transcription
from storage import jobs, transcriptions
from storage.jobs import ClaimedShard
from storage.transcriptions import ReadPage
from workers.shards import (
    READ_AHEAD,
    READ_AHEAD_PIXELS,
    DeviceLostError,
    Digitize,
    Image,
    Limits,
    Read,
    digitize_shard,
)

Engine = sqlalchemy.Engine
LIMITS = Limits(page_seconds=30, heartbeat_seconds=0.05, max_attempts=3)
BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def read(sha256: str) -> Image:
    return np.full((1, 1), int(sha256), np.uint8)


def transcribe(image: Image) -> Transcription:
    return Transcription(1, 1, 0.0, (Line(f"page {image[0, 0]}", 0.5, BOX),), ())


def digitize(images: Iterable[Image]) -> Generator[Transcription]:
    for image in images:
        yield transcribe(image)


def failing(guilty: int, error: BaseException) -> Digitize:
    def digitize(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            if image[0, 0] == guilty:
                raise error
            yield transcribe(image)

    return digitize


@pytest.fixture
def shard(make_job: Callable[[int], int], engine: Engine) -> ClaimedShard:
    job_id = make_job(8)
    return claim(engine, job_id)


def claim(engine: Engine, job_id: int) -> ClaimedShard:
    with engine.begin() as connection:
        token = jobs.queue_pages(connection, job_id, 16, 1)[0]
        claimed = jobs.claim(connection, token, "w")
    assert claimed is not None
    return claimed


def work(
    engine: Engine,
    shard: ClaimedShard,
    digitize: Digitize = digitize,
    read: Read = read,
    limits: Limits = LIMITS,
    end_process: Callable[[], None] = lambda: None,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    return digitize_shard(engine, shard, read, digitize, limits, end_process, stopping)


def states(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(
            connection.execute(text("select state from mill.job_page order by page_id")).scalars()
        )


def reasons(engine: Engine) -> dict[int, str]:
    with engine.begin() as connection:
        rows = connection.execute(text("select page_id, reason from mill.quarantine"))
        return {row.page_id: row.reason for row in rows}


def test_every_page_is_saved_under_its_own_name(engine: Engine, shard: ClaimedShard) -> None:
    assert work(engine, shard) == 8
    assert states(engine) == ["done"] * 8
    with engine.begin() as connection:
        for page in shard.pages:
            found = transcriptions.load(connection, page.page_id)
            assert found.lines[0].text == f"page {page.page_id}"
        outcomes = connection.execute(text("select distinct outcome from mill.attempt")).scalars()
        assert list(outcomes) == ["done"]


def test_a_page_is_saved_before_the_next_ones_are_read(engine: Engine, shard: ClaimedShard) -> None:
    seen: list[int] = []

    def slow(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            yield transcribe(image)
            time.sleep(0.05)
            seen.append(states(engine).count("done"))

    work(engine, shard, slow)
    assert seen[1] >= 1
    assert seen[-2] >= 6


def test_pages_are_read_only_a_few_ahead(engine: Engine, shard: ClaimedShard) -> None:
    opened: list[str] = []

    def count(sha256: str) -> Image:
        opened.append(sha256)
        return read(sha256)

    def check(images: Iterable[Image]) -> Generator[Transcription]:
        for number, image in enumerate(images, 1):
            assert len(opened) <= number + READ_AHEAD
            yield transcribe(image)

    assert work(engine, shard, check, count) == 8


def test_an_unreadable_page_is_set_aside_and_the_others_are_done(
    engine: Engine, shard: ClaimedShard
) -> None:
    def broken(sha256: str) -> Image:
        if int(sha256) == 3:
            raise BadInput("page-3", "truncated", "scan it again")
        return read(sha256)

    assert work(engine, shard, read=broken) == 7
    assert states(engine) == ["done"] * 2 + ["quarantined"] + ["done"] * 5
    assert reasons(engine) == {3: "page-3: truncated; scan it again"}


def test_a_page_whose_bytes_are_out_of_reach_waits(engine: Engine, shard: ClaimedShard) -> None:
    def unreachable(sha256: str) -> Image:
        if int(sha256) == 3:
            raise Unavailable("object store: gone")
        return read(sha256)

    assert work(engine, shard, read=unreachable) == 7
    assert states(engine)[2] == "pending"
    assert reasons(engine) == {}


def test_a_page_that_raises_is_split_off(engine: Engine, shard: ClaimedShard) -> None:
    assert work(engine, shard, failing(4, ValueError("ink"))) == 3
    assert states(engine) == ["done"] * 3 + ["pending"] * 5
    alone = claim(engine, shard.job_id)
    assert [page.page_id for page in alone.pages] == [4]
    assert work(engine, alone, failing(4, ValueError("ink"))) == 0
    assert reasons(engine) == {4: "ValueError: ink"}
    for _ in range(2):
        work(engine, claim(engine, shard.job_id))
    assert states(engine) == ["done"] * 3 + ["quarantined"] + ["done"] * 4


def test_a_transient_error_blames_nobody(engine: Engine, shard: ClaimedShard) -> None:
    assert work(engine, shard, failing(4, Unavailable("gone"))) == 3
    with engine.begin() as connection:
        limits = connection.execute(text("select max(shard_limit) from mill.job_page")).scalar()
    assert limits is None
    assert states(engine) == ["done"] * 3 + ["pending"] * 5


def test_too_few_transcriptions_are_a_failure(engine: Engine, shard: ClaimedShard) -> None:
    def forgetful(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            if image[0, 0] != 8:
                yield transcribe(image)

    work(engine, shard, forgetful)
    assert states(engine) == ["done"] * 7 + ["pending"]


def test_what_the_database_will_not_take_sets_its_page_aside(
    engine: Engine, shard: ClaimedShard
) -> None:
    def odd(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            if image[0, 0] == 2:
                yield Transcription(1, 1, float("nan"), (), ())
            else:
                yield transcribe(image)

    work(engine, shard, odd)
    assert states(engine) == ["done", "quarantined"] + ["done"] * 6
    assert "angle is nan" in reasons(engine)[2]


def test_pages_that_wait_for_the_database_are_saved_together_but_for_the_one_it_will_not_take(
    engine: Engine, shard: ClaimedShard, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: list[int] = []
    all_read = threading.Event()
    save_all = transcriptions.save_all

    def slow(connection: sqlalchemy.Connection, run_id: int, read: list[ReadPage]) -> set[int]:
        together.append(len(read))
        assert all_read.wait(30)
        return save_all(connection, run_id, read)

    def odd(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            wrong = image[0, 0] == 3
            yield Transcription(1, 1, float("nan"), (), ()) if wrong else transcribe(image)
        all_read.set()

    monkeypatch.setattr(transcriptions, "save_all", slow)
    work(engine, shard, odd)
    first, others, *each = together
    assert first + others == 8
    assert each == [1] * others
    assert states(engine) == ["done"] * 2 + ["quarantined"] + ["done"] * 5


def test_stopping_finishes_what_is_begun_and_gives_the_rest_back(
    engine: Engine, shard: ClaimedShard
) -> None:
    stop = threading.Event()

    def stopped(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            if image[0, 0] == 3:
                stop.set()
            yield transcribe(image)

    assert work(engine, shard, stopped, stopping=stop.is_set) == 3
    assert states(engine) == ["done"] * 3 + ["pending"] * 5
    assert reasons(engine) == {}


def test_a_page_that_takes_too_long_ends_the_process(engine: Engine, shard: ClaimedShard) -> None:
    ended = threading.Event()

    def endless(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            if image[0, 0] == 2:
                assert ended.wait(20)
                raise SystemExit  # as if the process had ended
            yield transcribe(image)

    limits = Limits(page_seconds=0.3, heartbeat_seconds=0.05, max_attempts=1)
    with pytest.raises(SystemExit):
        work(engine, shard, endless, limits=limits, end_process=ended.set)
    assert states(engine) == ["done"] + ["pending"] * 7
    # Split until it is alone, and then set aside.
    for _ in range(20):
        if states(engine).count("pending") == 0:
            break
        ended.clear()
        with contextlib.suppress(SystemExit):
            work(engine, claim(engine, shard.job_id), endless, limits=limits, end_process=ended.set)
    assert states(engine) == ["done", "quarantined"] + ["done"] * 6
    assert reasons(engine) == {2: "the worker died 1 time on it (a page took longer than 0.3 s)"}


def test_a_lost_device_ends_the_process(engine: Engine, shard: ClaimedShard) -> None:
    with pytest.raises(DeviceLostError):
        work(engine, shard, failing(2, RuntimeError("CUDA error: an illegal memory access")))
    assert states(engine) == ["done"] + ["pending"] * 7


@pytest.fixture
def two(make_job: Callable[[int], int], engine: Engine) -> list[ClaimedShard]:
    job_id = make_job(8)
    with engine.begin() as connection:
        tokens = jobs.queue_pages(connection, job_id, 4, 2)
        claimed = [jobs.claim(connection, token, "w") for token in tokens]
    return [shard for shard in claimed if shard is not None]


def follow(
    engine: Engine, two: list[ClaimedShard], digitize: Digitize, limits: Limits = LIMITS
) -> int:
    first, *others = two
    return digitize_shard(
        engine,
        first,
        read,
        digitize,
        limits,
        lambda: None,
        more=lambda: others.pop(0) if others else None,
    )


def test_another_shard_follows_without_a_break(engine: Engine, two: list[ClaimedShard]) -> None:
    begun: list[int] = []

    def counting(images: Iterable[Image]) -> Generator[Transcription]:
        begun.append(0)
        yield from digitize(images)

    assert follow(engine, two, counting) == 8
    assert begun == [0]
    assert states(engine) == ["done"] * 8


def test_only_the_shard_that_failed_is_split(engine: Engine, two: list[ClaimedShard]) -> None:
    def ahead(images: Iterable[Image]) -> Generator[Transcription]:
        pages = list(images)
        for image in pages[:5]:
            yield transcribe(image)
        raise ValueError("bad")

    assert follow(engine, two, ahead) == 5
    assert states(engine) == ["done"] * 5 + ["pending"] * 3
    with engine.begin() as connection:
        found = connection.execute(
            text("select page_id, shard_limit from mill.job_page where state = 'pending'")
        )
        assert {row.page_id: row.shard_limit for row in found} == {6: 1, 7: 1, 8: 1}
        outcomes = connection.execute(
            text("select outcome from mill.attempt where page_id > 5 order by page_id")
        )
        assert list(outcomes.scalars()) == ["failed"] * 3


def test_a_shard_that_has_not_been_begun_is_given_back(
    engine: Engine, two: list[ClaimedShard]
) -> None:
    assert follow(engine, two, failing(2, ValueError("bad"))) == 1
    with engine.begin() as connection:
        outcomes = connection.execute(
            text("select outcome, count(*) as n from mill.attempt group by outcome")
        )
        found = {row.outcome: row.n for row in outcomes}
    assert found.pop("done") == 1
    assert found.pop("failed") == 3
    assert set(found) <= {"returned", None}


def test_large_pages_are_not_read_ahead_of(engine: Engine, shard: ClaimedShard) -> None:
    large = tuple(replace(page, pixels=READ_AHEAD_PIXELS) for page in shard.pages)
    opened: list[str] = []

    def read_it(sha256: str) -> Image:
        opened.append(sha256)
        return read(sha256)

    def one_by_one(images: Iterable[Image]) -> Generator[Transcription]:
        for number, image in enumerate(images, 1):
            time.sleep(0.02)
            assert len(opened) <= number + 1
            yield transcribe(image)

    assert work(engine, replace(shard, pages=large), one_by_one, read_it) == 8


def test_more_memory_than_allowed_ends_the_process(engine: Engine, shard: ClaimedShard) -> None:
    ended = threading.Event()

    def greedy(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            if image[0, 0] == 2:
                assert ended.wait(20)
                raise SystemExit
            yield transcribe(image)

    limits = replace(LIMITS, memory=1)
    with pytest.raises(SystemExit):
        work(engine, shard, greedy, limits=limits, end_process=ended.set)
    with engine.begin() as connection:
        why = connection.execute(text("select distinct reason from mill.attempt")).scalars().all()
    assert "a page took more than 9.3e-10 GiB of memory" in why


def test_the_work_is_seen_to_move(engine: Engine, shard: ClaimedShard) -> None:
    def slow(images: Iterable[Image]) -> Generator[Transcription]:
        for image in images:
            time.sleep(0.1)
            yield transcribe(image)

    with engine.begin() as connection:
        connection.execute(text("update mill.job_page set heartbeat_at = '2000-01-01'"))
    work(engine, shard, slow)
    with engine.begin() as connection:
        oldest = connection.execute(
            text("select min(heartbeat_at) from mill.job_page where page_id = 8")
        ).scalar_one()
    assert oldest.year > 2000
