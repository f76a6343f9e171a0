"""How often anybody may ask, each minute: by user and address, by address where nobody signed in.

Counted in this process alone: several of them let through as many times more.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
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


class Rates:
    """The counters of one process."""

    def __init__(self) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def hit(self, most: int, *who: str) -> None:
        """Count one request of `who`. Raises `Problem` where it is one too many."""
        item = RateLimitItemPerMinute(most)
        if not self._limiter.hit(item, *who):
            self._refuse(item, *who)

    def check(self, most: int, *who: str) -> None:
        """Raise `Problem` where one more of `who` would be one too many; counts nothing."""
        item = RateLimitItemPerMinute(most)
        if not self._limiter.test(item, *who):
            self._refuse(item, *who)

    def _refuse(self, item: RateLimitItemPerMinute, *who: str) -> None:
        reset = self._limiter.get_window_stats(item, *who).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        raise Problem(
            429,
            f"more than {item.amount} requests a minute; wait {wait} s",
            {"Retry-After": str(wait)},
        )


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
