"""How often anybody may ask, each minute: by user and address, by address where nobody signed in.

Counted in the broker, for all processes together. While it is away each process counts alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import structlog
from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from web.problems import Problem

if TYPE_CHECKING:
    from web.security.principal import Principal
    from web.site import Site

ANONYMOUS = 600
"""Requests a minute from an address where nobody is signed in."""

FAILURES = 20
"""Wrong passwords and links a minute from an address; a token is too long to be guessed."""

COSTLY = 120
"""Requests a minute that read images, make files or ask SQL, of one user at one address."""

_AWAY_SECONDS = 5.0
"""A broker that did not answer is left alone for so long."""

_ANSWER_SECONDS = 1.0

Said = TypeVar("Said")

_log = structlog.get_logger()


class Rates:
    """The counters, shared by all that know the same broker; those of one process without one."""

    def __init__(self, broker_url: str | None = None) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if broker_url is None else _shared(broker_url)
        self._away_until = 0.0

    def hit(self, most: int, *who: str) -> None:
        """Count one request of `who`. Raises `Problem` where it is one too many."""
        item = RateLimitItemPerMinute(most)
        if not self._ask(lambda limiter: limiter.hit(item, *who)):
            self._refuse(item, *who)

    def check(self, most: int, *who: str) -> None:
        """Raise `Problem` where one more of `who` would be one too many; counts nothing."""
        item = RateLimitItemPerMinute(most)
        if not self._ask(lambda limiter: limiter.test(item, *who)):
            self._refuse(item, *who)

    def _refuse(self, item: RateLimitItemPerMinute, *who: str) -> None:
        reset = self._ask(lambda limiter: limiter.get_window_stats(item, *who).reset_time)
        wait = max(1, math.ceil(reset - time.time()))
        raise Problem(
            429,
            f"more than {item.amount} requests a minute; wait {wait} s",
            {"Retry-After": str(wait)},
        )

    def _ask(self, question: Callable[[SlidingWindowCounterRateLimiter], Said]) -> Said:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except StorageError as error:
                self._away_until = time.monotonic() + _AWAY_SECONDS
                _log.warning("web.rates", reason=f"counted by this process alone: {error}")
        return question(self._own)


def _shared(broker_url: str) -> SlidingWindowCounterRateLimiter:
    storage = RedisStorage(
        broker_url.replace("redis+socket://", "redis+unix://", 1),
        key_prefix="ledgermill-rates",
        wrap_exceptions=True,
        socket_timeout=_ANSWER_SECONDS,
        socket_connect_timeout=_ANSWER_SECONDS,
    )
    return SlidingWindowCounterRateLimiter(storage)


def count(site: Site, principal: Principal | None, address: str | None) -> None:
    """Count one request of anybody."""
    if principal is None or principal.name is None:
        site.rates.hit(ANONYMOUS, "anonymous", str(address))
    else:
        most = site.settings.requests_per_minute
        site.rates.hit(most, "user", principal.name, str(address))


def count_costly(site: Site, principal: Principal) -> None:
    """Count one request that costs much."""
    site.rates.hit(COSTLY, "costly", str(principal.name), str(principal.address))


def count_failure(site: Site, address: str | None) -> None:
    """Count a wrong password or link."""
    site.rates.hit(FAILURES, "failure", str(address))
