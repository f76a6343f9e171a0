"""Which of our recognizers' readings of a crop is taken."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pipeline.engines.native import Native
from pipeline.page import Reading
from pipeline.preprocess import Gray

NUMBER, LETTERS, HANGUL, BLACKLETTER = (np.full((8, 8), shade, np.uint8) for shade in range(4))
CHANCES = np.array(
    [[0.99, 0.01, 0.0], [0.0, 0.9, 0.1], [0.0, 0.1, 0.9], [0.0, 0.3, 0.7]], np.float32
)
"""What the four crops look like: numeric, latin, korean."""


class Router:
    def weigh(self, crops: Sequence[Gray]) -> np.ndarray:
        return CHANCES[[int(crop[0, 0]) for crop in crops]]


class Reader:
    """Reads a crop as `text`, as surely as its shade says."""

    def __init__(self, text: str, *confidence: float) -> None:
        self.text, self.confidence = text, confidence

    def read(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        return [Reading(self.text, self.confidence[int(crop[0, 0])]) for crop in crops]


@pytest.fixture
def native() -> Native:
    engine = object.__new__(Native)
    router: Any = Router()
    readers: Any = {
        "numeric": Reader("12", 0.99, 0.1, 0.1, 0.1),
        "latin": Reader("ab", 0.5, 0.9, 0.2, 0.8),
        "korean": Reader("가", 0.9, 0.9, 0.7, 0.4),
    }
    engine.readers, engine.router = readers, router
    return engine


def said(native: Native, charset: str | None = None) -> list[str]:
    crops = [NUMBER, LETTERS, HANGUL, BLACKLETTER]
    return [reading.text for reading in native.recognize(crops, charset)]


def test_what_looks_korean_is_where_it_is_read_so_more_surely(native: Native) -> None:
    assert said(native) == ["12", "ab", "가", "ab"]


def test_a_charset_or_no_weights_leave_it_to_latin(native: Native) -> None:
    assert said(native, "narrow") == ["12", "ab", "ab", "ab"]
    del native.readers["korean"]
    assert said(native) == ["12", "ab", "ab", "ab"]
