"""An engine for drawn test pages: quick, the same every time, and bad on demand.

What it reads is a hash of the crop's pixels, so two pages or two places are never the same. The
width of a page in pixels says what is wrong with it (see `EVIL`).
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Alternative, Reading

HEIGHT = 300
WIDTH = 400
ROWS = [60, 110, 160, 210]
COLUMNS = [20, 110, 200, 290]
CELL = (90, 50)


def fail() -> None:
    raise ValueError("this page cannot be read")


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang() -> None:
    while True:
        time.sleep(0.01)


def hang_with_the_lock() -> None:
    re.match(r"(a+)+$", "a" * 60 + "b")  # in C, for some million years


def eat() -> None:
    """Take memory until there is no more, as a page of absurd size would."""
    eaten = []
    while True:
        eaten.append(bytes(range(256)) * 40_000)
        time.sleep(0.01)


def be_killed() -> None:
    """Die as the kernel ends the process that has taken the last of the memory."""
    os.kill(os.getpid(), signal.SIGKILL)


EVIL: dict[int, Callable[[], None]] = {
    401: fail,
    402: crash,
    403: hang,
    404: hang_with_the_lock,
    405: eat,
    406: be_killed,
}


class DrawnEngine:
    digest = hashlib.sha256(b"drawn").hexdigest()

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        time.sleep(float(os.environ.get("DRAWN_ENGINE_SECONDS", "0")))
        EVIL.get(gray.shape[1], lambda: None)()
        places = [(20, 15, 200, 40)] + [
            (x + 15, y + 12, x + CELL[0] - 15, y + CELL[1] - 12) for y in ROWS for x in COLUMNS
        ]
        boxes = [[(l, t), (r, t), (r, b), (l, b)] for l, t, r, b in places]  # noqa: E741
        return np.array(boxes, np.float32)

    def recognize(
        self, crops: Sequence[NDArray[np.uint8]], charset: str | None = None
    ) -> list[Reading]:
        return [self._read(crop) for crop in crops]

    def _read(self, crop: NDArray[np.uint8]) -> Reading:
        digest = hashlib.sha256(repr(crop.shape).encode() + np.ascontiguousarray(crop).tobytes())
        number = int.from_bytes(digest.digest()[:4], "big")
        text = f"{number % 100000 / 100:.2f}"
        return Reading(text, 0.5 + number % 1000 / 2001, (Alternative(text, -0.25),))


def load(profile: Any, device: str, threads: int | None) -> DrawnEngine:
    return DrawnEngine()


def weights_digest(_profile: Any) -> str:
    return DrawnEngine.digest
