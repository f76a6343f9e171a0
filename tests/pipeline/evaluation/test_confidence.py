"""Calibration error and coverage, against what can be counted by hand."""

import numpy as np
import pytest

from pipeline.evaluation.confidence import (
    accuracy_at,
    calibration_error,
    equal_count,
    equal_width,
)


def test_the_error_is_the_mean_gap_by_count() -> None:
    sure, right = [0.95, 0.95, 0.95, 0.95, 0.15], [1, 1, 1, 0, 0]
    bins = equal_width(sure, right, 10)
    assert [(b.count, b.accuracy) for b in bins] == [(1, 0.0), (4, 0.75)]
    assert calibration_error(bins) == pytest.approx((0.15 + 4 * 0.2) / 5)
    assert calibration_error(equal_count(sure, right, 1)) == pytest.approx(abs(0.79 - 0.6))
    assert calibration_error([]) == 0


def test_certain_readings_have_a_bin() -> None:
    assert equal_width([1.0, 0.0], [1, 0])[-1].confidence == 1


def test_who_says_the_truth_has_no_error() -> None:
    draw = np.random.default_rng(1)
    sure = draw.beta(4, 1, 50_000)
    right = draw.random(50_000) < sure
    assert calibration_error(equal_width(sure, right)) < 0.01
    assert calibration_error(equal_count(sure, right)) < 0.01
    assert calibration_error(equal_width(sure**0.2, right)) > 0.05


def test_rejecting_the_least_sure() -> None:
    sure = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    right = [1, 1, 1, 1, 0, 1, 1, 0, 1, 0]
    assert accuracy_at(sure, right, 1.0) == (0.7, 0.05)
    assert accuracy_at(sure, right, 0.9) == pytest.approx((7 / 9, 0.1))
    assert accuracy_at(sure, right, 0.4) == (1.0, 0.6)
    assert accuracy_at([0.5] * 4, [1, 0, 1, 0], 0.5) == (0.5, 0.5)  # no telling them apart
    assert accuracy_at([], [], 0.9) == (1.0, 0.0)


def test_each_reading_has_one_confidence() -> None:
    with pytest.raises(ValueError, match="one confidence for each"):
        equal_width([0.5], [1, 0])
