"""One image read at once: networks loaded once, in one thread, with a short line before it."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.page import Polygon
from web.problems import Problem

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.engines import Engine
    from pipeline.profiles import Profile

WAITING = 8
"""Images that are read or wait at once; one more is told to come again."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """A line that was found; text and confidence are null where it was not read."""

    polygon: Polygon
    text: str | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ReadImage:
    """The lines of an image of so many pixels."""

    width: int
    height: int
    angle: float
    lines: tuple[ReadLine, ...]


class Recognizer:
    """Reads images for whoever asks, one after the other; an engine serves one thread only."""

    def __init__(self, device: str, threads: int | None) -> None:
        self._device = device
        self._threads = threads
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="recognize")
        self._line = threading.BoundedSemaphore(WAITING)
        self._loaded: tuple[Profile, Engine] | None = None

    def submit(self, image: NDArray[np.uint8], detect_only: bool) -> Future[ReadImage]:
        """Begin to read an image, H x W gray or H x W x 3 RGB.

        Raises `Problem` where too many wait already.
        """
        if not self._line.acquire(blocking=False):
            raise Problem(503, "too many images wait to be read", {"Retry-After": "10"})
        try:
            future = self._pool.submit(self._read, image, detect_only)
        except BaseException:
            self._line.release()
            raise
        future.add_done_callback(lambda _: self._line.release())
        return future

    def close(self) -> None:
        """Read no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, image: NDArray[np.uint8], detect_only: bool) -> ReadImage:
        from pipeline.digitize import digitize
        from pipeline.outline import outline

        profile, engine = self._load()
        if detect_only:
            found = next(outline([image], profile, engine))
            lines = tuple(ReadLine(polygon) for polygon in found.polygons)
            return ReadImage(found.width, found.height, found.angle, lines)
        said = next(digitize([image], profile, engine))
        return ReadImage(
            said.width,
            said.height,
            said.angle,
            tuple(ReadLine(line.polygon, line.text, line.confidence) for line in said.lines),
        )

    def _load(self) -> tuple[Profile, Engine]:
        if self._loaded is None:
            from pipeline.engines import load_engine
            from pipeline.profiles import load_profile

            profile = load_profile("default")
            # Every line is wanted as a line, also those that stand in tables.
            tables = profile.tables.model_copy(update={"find": False})
            profile = profile.model_copy(update={"tables": tables})
            self._loaded = profile, load_engine(profile, self._device, self._threads)
        return self._loaded
