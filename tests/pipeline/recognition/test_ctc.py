"""CTC decoding against the definition: the sum over every alignment."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.recognition.ctc import BLANK, allowed, beam_search, decode

LETTERS = ["0", "1", ".", "x"]


def brute_force(probabilities: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return the probability of each label sequence, summed over all alignments."""
    steps, classes = probabilities.shape
    total: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(classes), repeat=steps):
        labels = tuple(k for k, _ in itertools.groupby(path) if k != BLANK)
        p = math.prod(float(probabilities[t, k]) for t, k in enumerate(path))
        total[labels] = total.get(labels, 0.0) + p
    return total


def rows(steps: int, classes: int) -> st.SearchStrategy[np.ndarray]:
    weights = st.lists(st.floats(0.01, 1), min_size=classes, max_size=classes)
    return st.lists(weights, min_size=steps, max_size=steps).map(
        lambda m: (np.array(m) / np.sum(m, axis=1, keepdims=True)).astype(np.float32)
    )


@settings(max_examples=60)
@given(rows(3, 3))
def test_beam_search_finds_the_likeliest(probabilities: np.ndarray) -> None:
    truth = brute_force(probabilities)
    found = beam_search(probabilities)
    best = max(truth.values())
    assert truth[found[0][0]] == pytest.approx(best, rel=1e-4)
    # No candidate is ever said to be likelier than it is.
    for labels, logprob in found:
        assert math.exp(logprob) <= truth[labels] * (1 + 1e-4)


@given(rows(5, 5))
def test_alternatives_are_distinct_and_sorted(probabilities: np.ndarray) -> None:
    reading = decode(probabilities, LETTERS)
    texts = [a.text for a in reading.alternatives]
    logprobs = [a.logprob for a in reading.alternatives]
    assert len(set(texts)) == len(texts)
    assert logprobs == sorted(logprobs, reverse=True)
    assert reading.text == texts[0]
    assert 0 <= reading.confidence <= 1


def certain(labels: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[labels]


def test_repeats_merge_unless_a_blank_parts_them() -> None:
    assert decode(certain([1, 1, 0, 1, 2], 5), LETTERS).text == "001"


def test_a_charset_leaves_out_what_it_does_not_name() -> None:
    probabilities = np.array([[0.05, 0.3, 0.05, 0.0, 0.6]], np.float32)
    assert decode(probabilities, LETTERS).text == "x"
    assert decode(probabilities, LETTERS, allowed(LETTERS, "numeric")).text == "0"


def test_an_unknown_charset_is_refused() -> None:
    with pytest.raises(ValueError, match="choose one of numeric, narrow"):
        allowed(LETTERS, "roman")


def test_nothing_seen_is_an_empty_text() -> None:
    assert decode(certain([0, 0], 5), LETTERS).text == ""
