"""Calibration: a network that is too sure of itself, told how often it was right."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pipeline.evaluation.confidence import calibration_error, equal_count
from pipeline.page import Alternative, Reading
from pipeline.recognition.calibration import (
    Calibration,
    calibrate,
    features,
    fit,
    fit_characters,
    from_config,
    is_binary,
)


def reading(*alternatives: tuple[str, float]) -> Reading:
    listed = tuple(Alternative(text, math.log(p)) for text, p in alternatives)
    return Reading(alternatives[0][0], alternatives[0][1], listed, (0.9,))


def too_sure(count: int, seed: int) -> tuple[list[Reading], np.ndarray]:
    """Return readings that are right far less often than their confidence says."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(3, 1, count)
    odds = truth / (1 - truth)
    said = odds**2.5 / (1 + odds**2.5)
    return (
        [reading(("12.5", p), ("13.5", (1 - p) / 2)) for p in np.clip(said, 0.01, 1 - 1e-5)],
        draw.random(count) < truth,
    )


def error(readings: list[Reading], right: np.ndarray) -> float:
    return calibration_error(equal_count([r.confidence for r in readings], right))


def test_what_was_too_sure_is_not_any_more() -> None:
    calibration = fit(*too_sure(3000, 1))
    readings, right = too_sure(3000, 2)
    assert error(readings, right) > 0.08
    assert error([calibrate(each, calibration) for each in readings], right) < 0.03


def test_alternatives_follow_and_keep_their_order() -> None:
    calibration = Calibration((0.2, 0.1, 0.0, 0.0, -0.5), (0.5, -0.2))
    before = reading(("28.7", 0.6), ("29.7", 0.3), ("2.87", 0.05))
    after = calibrate(before, calibration)
    odds = [math.exp(a.logprob) for a in after.alternatives]
    assert [a.text for a in after.alternatives] == [a.text for a in before.alternatives]
    assert odds == sorted(odds, reverse=True)
    assert odds[0] == pytest.approx(after.confidence)
    assert after.confidence < 0.6
    assert after.characters[0] < 0.9
    assert (after.text, len(after.characters)) == (before.text, 1)


def test_spellings_of_one_number_support_each_other() -> None:
    split = features(reading(("28.7", 0.5), ("287", 0.45)))
    rival = features(reading(("28.7", 0.5), ("29.7", 0.45)))
    assert split[0] == pytest.approx(rival[0])
    assert split[1] > rival[1] + 2
    assert split[2] > rival[2] + 1
    word = features(reading(("July", 0.5), ("Juli", 0.45)))
    assert word == pytest.approx(rival)
    assert features(reading(("-2.1", 0.5), ("2.1", 0.45))) == pytest.approx(rival)
    assert features(reading(("11.55", 0.5), ("1.55", 0.45)))[3] > rival[3]


def test_a_reading_of_nothing_can_be_judged() -> None:
    calibration = Calibration((1.0, 0.0, 0.0, 0.0, 0.0))
    assert 0 <= calibrate(Reading("", 0.0), calibration).confidence < 1e-5
    assert calibrate(Reading("", 1.0, (Alternative("", 0.0),)), calibration).confidence > 0.999


def test_black_and_white_crops_may_be_less_sure() -> None:
    gray = np.tile(np.arange(0, 240, 4), (20, 1)).astype(np.uint8)
    assert is_binary(np.where(gray < 120, 0, 255).astype(np.uint8))
    assert not is_binary(gray)
    readings, right = too_sure(2000, 6)
    others = [reading(("12.5", 0.9), ("13.5", 0.05))] * 1000
    good = np.arange(1000) % 10 > 0
    calibration = fit([*readings, *others], [*right, *good], None, [True] * 2000 + [False] * 1000)
    binary = calibrate(others[0], calibration, True).confidence
    assert binary < calibrate(others[0], calibration).confidence
    older = Calibration(calibration.line[:5])
    assert calibrate(others[0], older, True) == calibrate(others[0], older)


def test_it_is_kept_with_the_weights() -> None:
    calibration = Calibration((0.25, 1.5, -0.125, 2.0, -1.0), (0.5, 0.25))
    kept = json.loads(json.dumps({"calibration": calibration.to_config()}))
    assert from_config(kept) == calibration
    assert from_config({}) is None


def test_characters_have_a_curve_of_their_own() -> None:
    draw = np.random.default_rng(4)
    truth = draw.beta(5, 1, 4000)
    said = 1 / (1 + ((1 - truth) / truth) ** 2)
    slope, offset = fit_characters(said, draw.random(4000) < truth)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert offset == pytest.approx(0, abs=0.1)


def test_nothing_can_be_learnt_from_readings_that_are_all_right() -> None:
    with pytest.raises(ValueError, match="some that are wrong"):
        fit([reading(("1", 0.5), ("2", 0.1))] * 5, [True] * 5)
