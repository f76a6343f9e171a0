"""Threads: what takes its time does not hold up what is quick."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from starlette.concurrency import run_in_threadpool

from web import lanes
from web.lanes import Lane

Said = TypeVar("Said")


def _run(work: Coroutine[Any, Any, Said]) -> Said:
    """Run it in a thread of its own: a browser's loop may run in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def test_what_is_slow_leaves_the_quick_alone_and_waits_for_its_own_kind() -> None:
    lane = Lane("test", 2)
    go_on = threading.Event()
    running = threading.Semaphore(0)

    @lane
    def slow(number: int, *, by: int) -> int:
        running.release()
        assert go_on.wait(20)
        return number * by

    async def run() -> list[int]:
        lanes.keep_few()
        asked = [asyncio.create_task(slow(n, by=2)) for n in range(lanes.QUICK + 1)]
        for _ in range(2):
            assert await run_in_threadpool(running.acquire, timeout=20)
        assert not await run_in_threadpool(running.acquire, timeout=0.05)  # a third waits
        go_on.set()
        return await asyncio.gather(*asked)

    assert _run(run()) == [2 * n for n in range(lanes.QUICK + 1)]


def test_what_an_iterator_gives_comes_in_order_and_its_errors_too() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("no third")

    found: list[int] = []

    async def run() -> None:
        async for each in lanes.slowly.each(broken()):
            found.append(each)  # noqa: PERF401 (what came before the error counts)

    with pytest.raises(LookupError):
        _run(run())
    assert found == [1, 2]
