"""Each character's probability against the definition: all texts that begin so."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.recognition.characters import character_odds
from pipeline.recognition.ctc import decode

LETTERS = "01."


def rows(steps: int, classes: int) -> st.SearchStrategy[np.ndarray]:
    weights = st.lists(st.floats(0.001, 1), min_size=classes, max_size=classes)
    return st.lists(weights, min_size=steps, max_size=steps).map(
        lambda m: (np.array(m) / np.sum(m, axis=1, keepdims=True)).astype(np.float32)
    )


def beginning(probabilities: np.ndarray, labels: tuple[int, ...]) -> float:
    """Return the probability that a text begins with `labels`."""
    total = 0.0
    for path in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        text = tuple(k for k, _ in itertools.groupby(path) if k)
        if text[: len(labels)] == labels:
            total += math.prod(float(probabilities[t, k]) for t, k in enumerate(path))
    return total


@settings(max_examples=60, deadline=None)
@given(rows(4, 4), st.lists(st.integers(1, 3), max_size=3).map(tuple))
def test_a_character_is_as_sure_as_the_texts_that_begin_so(
    probabilities: np.ndarray, labels: tuple[int, ...]
) -> None:
    begins = [beginning(probabilities, labels[:end]) for end in range(len(labels) + 1)]
    truth = [b / a if a > 1e-12 else 0.0 for a, b in itertools.pairwise(begins)]
    assert character_odds(probabilities, labels) == pytest.approx(truth, rel=1e-4, abs=1e-6)


def test_every_character_of_a_reading_has_one() -> None:
    draw = np.random.default_rng(3)
    for sharp in (1.0, 4.0, 30.0):
        for _ in range(30):
            logits = draw.normal(size=(40, 4)) * sharp
            p = np.exp(logits - logits.max(axis=1, keepdims=True))
            reading = decode((p / p.sum(axis=1, keepdims=True)).astype(np.float32), LETTERS)
            assert len(reading.characters) == len(reading.text)
            assert all(0 <= odds <= 1 for odds in reading.characters)


def test_a_sure_reading_is_as_sure_as_its_steps() -> None:
    steps = np.full((9, 4), 0.0005, np.float32)
    for t, label in enumerate([0, 1, 1, 0, 1, 2, 0, 0, 3]):
        steps[t, label] = 1 - 0.0015
    steps[5] = [0.0005, 0.0005, 0.997, 0.002]
    reading = decode(steps, LETTERS)
    assert reading.text == "001."
    exact = character_odds(steps, [1, 1, 2, 3])
    assert reading.characters == pytest.approx(exact, abs=3e-3)


def test_long_lines_take_no_longer_than_they_must() -> None:
    labels = [1 + i % 3 for i in range(300)]
    steps = np.full((1800, 4), 1e-6, np.float32)
    steps[:, 0] = 1
    for i, label in enumerate(labels):
        steps[6 * i + 2] = 0.03
        steps[6 * i + 2, label] = 0.9
    start = time.thread_time()
    odds = character_odds(steps / steps.sum(axis=1, keepdims=True), labels)
    assert time.thread_time() - start < 2  # 0.05 s on an idle machine
    assert len(odds) == 300
    assert min(odds) > 0.85
