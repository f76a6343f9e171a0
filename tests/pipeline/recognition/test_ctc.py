"""CTC decoding against the definition: the sum over every alignment."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.recognition.ctc import BEAM, BLANK, allowed, beam_search, decode, decode_all

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
    [found] = beam_search([probabilities])
    best = max(truth.values())
    assert truth[found[0][0]] == pytest.approx(best, rel=1e-4)
    # No candidate is ever said to be likelier than it is.
    for labels, logprob in found:
        assert math.exp(logprob) <= truth[labels] * (1 + 1e-4)


def plain_search(probabilities: np.ndarray) -> dict[tuple[int, ...], float]:
    """Search one crop, every class at every step, with nothing left out but by the beam."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    for step in probabilities.astype(float):
        grown: dict[tuple[int, ...], list[float]] = {}
        for prefix, (blank, label) in beams.items():
            grown.setdefault(prefix, [0.0, 0.0])[0] += (blank + label) * step[BLANK]
            for k, p in enumerate(step):
                if k == BLANK:
                    continue
                again = prefix[-1:] == (k,)
                if again:
                    grown[prefix][1] += label * p
                longer = grown.setdefault((*prefix, k), [0.0, 0.0])
                longer[1] += (blank if again else blank + label) * p
        kept = sorted(grown.items(), key=lambda item: -sum(item[1]))[:BEAM]
        beams = {prefix: (a, b) for prefix, (a, b) in kept}
    return {prefix: math.log(a + b) for prefix, (a, b) in beams.items()}


def peaked(seed: int) -> np.ndarray:
    """Return what networks give: certain steps, most of them blank, and a few doubtful ones."""
    draw = np.random.default_rng(seed)
    steps = int(draw.integers(1, 60))
    found = np.full((steps, 5), 1e-7)
    at = draw.choice(5, steps, p=[0.7, 0.1, 0.1, 0.05, 0.05])
    found[np.arange(steps), at] = 1
    for t in draw.choice(steps, steps // 4, replace=False):
        found[t] = draw.dirichlet(np.full(5, 0.3))
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)


def test_searching_many_at_once_finds_what_a_plain_search_finds() -> None:
    crops = [peaked(seed) for seed in range(300)]
    for probabilities, found in zip(crops, beam_search(crops), strict=True):
        truth = plain_search(probabilities)
        assert found[0][0] == max(truth, key=lambda labels: truth[labels])
        for labels, logprob in found:
            if logprob > math.log(0.01):
                assert logprob == pytest.approx(truth[labels], abs=1e-3)


def test_a_crop_reads_the_same_in_any_company() -> None:
    crops = [peaked(seed) for seed in range(40)]
    together = decode_all(crops, LETTERS)
    for probabilities, reading in zip(crops, together, strict=True):
        alone = decode(probabilities, LETTERS)
        assert [a.text for a in alone.alternatives] == [a.text for a in reading.alternatives]
        assert alone.confidence == pytest.approx(reading.confidence, rel=1e-12)


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


def test_no_crops_give_no_readings() -> None:
    assert decode_all([], LETTERS) == []
    assert decode(np.zeros((0, 5), np.float32), LETTERS).text == ""


def test_nothing_seen_is_an_empty_text() -> None:
    assert decode(certain([0, 0], 5), LETTERS).text == ""
