"""Engines: what finds text on a page and reads it, chosen by name through entry points.

An engine is registered under the entry-point group `ledgermill.engines`; its entry point is a
function `load(profile, device, threads) -> Engine`, beside which its module has
`weights_digest(profile) -> str`, quick and the same as the engine's `digest`.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import LedgermillError
from pipeline.page import Reading
from pipeline.profiles import Profile

GROUP = "ledgermill.engines"


class Engine(Protocol):
    """Networks loaded once and used for many pages, from one thread at a time."""

    @property
    def digest(self) -> str:
        """SHA-256, in hex, of the weights: a part of a run's identity."""

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Find text on an H x W page: N x 4 x 2 corners, clockwise from the text's top left."""

    def recognize(
        self, crops: Sequence[NDArray[np.uint8]], charset: str | None = None
    ) -> list[Reading]:
        """Read crops of one line each (h x w, gray, dark on light), in the order given.

        `charset` names one of `pipeline.recognition.ctc.CHARSETS`; `None` allows everything.
        """


def load_engine(profile: Profile, device: str = "auto", threads: int | None = None) -> Engine:
    """Load the engine that the profile names.

    `device` is `auto`, `cpu` or `cuda:N`; `threads` bounds the CPU threads (all cores if `None`).
    Raises `LedgermillError` where no such engine is installed or the device is not there.
    """
    found = entry_points(group=GROUP)
    names = sorted(point.name for point in found)
    if profile.engine not in names:
        raise LedgermillError(
            f"engine {profile.engine}: not installed; name one of {', '.join(names) or 'none'} "
            f"in profile {profile.name}"
        )
    engine: Engine = found[profile.engine].load()(profile, device, threads)
    return engine


def weights_digest(profile: Profile) -> str:
    """Return the digest that the profile's engine would have, without loading its networks."""
    found = entry_points(group=GROUP)
    if profile.engine not in {point.name for point in found}:
        return load_engine(profile).digest  # raises with the remedy
    module = found[profile.engine].load().__module__
    digest: str = __import__(module, fromlist=["weights_digest"]).weights_digest(profile)
    return digest
