from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.page import Line, Reading, Transcription
from pipeline.profiles import load_profile
from tests.storage.pages import box, transcription
from workers.monitoring.reading import mean_confidence, measured


class _Slow:
    """An engine that takes 20 ms to find nothing."""

    digest = "00"

    def detect(self, gray: Any) -> Any:
        time.sleep(0.02)
        return np.zeros((0, 4, 2), np.float32)

    def recognize(self, crops: Sequence[Any], charset: str | None = None) -> list[Reading]:
        return [Reading("x", 0.5) for _ in crops]


def test_busy_and_waiting_time_add_up_to_the_time_that_passed() -> None:
    found: list[tuple[str, str, float]] = []
    read = measured(load_profile("default"), _Slow(), lambda *said: found.append(said))
    begun = time.perf_counter()
    pages = []
    for page in read([np.full((90, 200), 250, np.uint8)] * 3):
        time.sleep(0.01)  # whoever takes the page makes the networks wait
        pages.append(page)
    took = time.perf_counter() - begun
    assert len(pages) == 3
    assert sum(value for name, _, value in found if name == "page") == 3
    busy = sum(v for name, label, v in found if (name, label) == ("device", "busy"))
    waiting = sum(v for name, label, v in found if (name, label) == ("device", "waiting"))
    assert busy >= 3 * 0.02
    assert waiting >= 2 * 0.01
    assert busy + waiting <= took
    stages = [label for name, label, _ in found if name == "stage"]
    for each in ("prepare", "detect", "layout", "assemble", "check"):
        assert stages.count(each) == 3, each


def test_confidence_is_the_mean_over_what_was_read() -> None:
    page = transcription(("a", "b"), [["1", ""], ["", "2"]])
    assert mean_confidence(page) == pytest.approx((0.8 * 2 + 0.9 * 2) / 4)
    assert mean_confidence(transcription()) is None
    assert mean_confidence(Transcription(1, 1, 0, (Line("a", 0.25, box(0, 0)),), ())) == 0.25
