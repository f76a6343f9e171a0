"""The pipeline measured: its networks, its pages, and how sure of them it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from pipeline.digitize import digitize
from pipeline.engines import Engine
from pipeline.page import Reading, Transcription
from pipeline.profiles import Profile
from workers.monitoring.measure import Measure, timed

_P = ParamSpec("_P")
_T = TypeVar("_T")

Image = NDArray[np.uint8]


def measured(
    profile: Profile, engine: Engine, measure: Measure
) -> Callable[[Iterable[Image]], Generator[Transcription]]:
    """Return `pipeline.digitize` by a profile and an engine, its stages and pages measured.

    The time between two pages is split into what the networks worked, `busy`, and what they stood
    still for want of prepared pages, or because what they read is not taken from them.
    """

    def stage(name: str, work: Callable[_P, _T], /) -> Callable[_P, _T]:
        return timed(measure, name, work)

    def read(images: Iterable[Image]) -> Generator[Transcription]:
        watched = _Watched(engine, measure)
        last = time.perf_counter()
        for transcription in digitize(images, profile, watched, stage):
            now = time.perf_counter()
            busy, watched.busy = watched.busy, 0.0
            measure("device", "busy", busy)
            measure("device", "waiting", max(0.0, now - last - busy))
            measure("page", "", 1)
            confidence = mean_confidence(transcription)
            if confidence is not None:
                measure("confidence", "", confidence)
            last = now
            yield transcription

    return read


def mean_confidence(page: Transcription) -> float | None:
    """Return the mean over a page's lines and its cells that hold text; None if it has neither."""
    found = [line.confidence for line in page.lines]
    found += [cell.confidence for table in page.tables for cell in table.cells if cell.text]
    return sum(found) / len(found) if found else None


class _Watched:
    """An `Engine` that adds up the seconds that it is at work, in `busy`."""

    def __init__(self, engine: Engine, measure: Measure) -> None:
        self._engine = engine
        self._measure = measure
        self.busy = 0.0

    @property
    def digest(self) -> str:
        return self._engine.digest

    def detect(self, gray: Image) -> NDArray[np.float32]:
        return self._timed("detect", lambda: self._engine.detect(gray))

    def recognize(self, crops: Sequence[Image], charset: str | None = None) -> list[Reading]:
        return self._timed("recognize", lambda: self._engine.recognize(crops, charset))

    def _timed(self, stage: str, work: Callable[[], _T]) -> _T:
        begun = time.perf_counter()
        try:
            return work()
        finally:
            took = time.perf_counter() - begun
            self.busy += took
            self._measure("stage", stage, took)
