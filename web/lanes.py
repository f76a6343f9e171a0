"""Threads that endpoints run in: few for what is quick, others for what takes its time.

More threads than cores make nobody faster: whoever holds Python's lock is waited for by all, and
all end late. So few of them answer, first come, first served. What may take seconds would hold them
up, and has a lane of its own:

    @router.post("/sql")
    @slowly
    def ask(...) -> Answer: ...
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

QUICK = 4
"""Threads for what is answered at once; Postgres works for some of them meanwhile."""

P = ParamSpec("P")
Said = TypeVar("Said")


class Lane:
    """So many threads of a process."""

    def __init__(self, name: str, threads: int) -> None:
        self._threads = threads
        self._limiters: RunVar[CapacityLimiter] = RunVar(f"ledgermill.{name}")

    def __call__(self, endpoint: Callable[P, Said]) -> Callable[P, Coroutine[Any, Any, Said]]:
        """Return the endpoint as one that runs in this lane."""

        @functools.wraps(endpoint)
        async def answer(*args: P.args, **kwargs: P.kwargs) -> Said:
            call = functools.partial(endpoint, *args, **kwargs)
            return await to_thread.run_sync(call, limiter=self._limiter())

        return answer

    async def each(self, items: Iterator[Said]) -> AsyncIterator[Said]:
        """Yield what an iterator gives, each got in this lane."""
        following = self(lambda: next(items, _END))
        while not isinstance(item := await following(), _End):
            yield item

    def _limiter(self) -> CapacityLimiter:
        try:
            return self._limiters.get()
        except LookupError:  # the first to ask in this event loop
            limiter = CapacityLimiter(self._threads)
            self._limiters.set(limiter)
            return limiter


class _End:
    """Comes after the last item."""


_END = _End()

searching = Lane("searching", 4)
"""For what looks through everything; Postgres works for it most of the time."""

slowly = Lane("slowly", 8)
"""For what may take seconds: pictures, files, SQL, whatever is uploaded."""


def keep_few() -> None:
    """Have the event loop that runs use `QUICK` threads for what names no lane."""
    to_thread.current_default_thread_limiter().total_tokens = QUICK
