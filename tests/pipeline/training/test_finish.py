"""What a training leaves behind: calibration from held-out sets, each judged by what is not it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LedgermillError
from pipeline.evaluation.confidence import calibration_error, equal_width
from pipeline.page import Alternative, Reading
from pipeline.recognition.calibration import calibrate
from pipeline.recognition.network import RecognizerConfig
from pipeline.training.datasets import Labelled
from pipeline.training.finish import (
    Judged,
    character_odds_of,
    finish,
    held_out,
    learn_calibration,
    part,
)
from pipeline.training.loop import Schedule
from pipeline.training.recognizer import Lesson

BLANK = np.full((4, 4), 255, np.uint8)


def too_sure(count: int, seed: int, truth: str = "12.5") -> Judged:
    """Return a set that is right two times in three where its readings say nine in ten."""
    draw = np.random.default_rng(seed)
    right = draw.random(count) < 2 / 3
    said = np.clip(0.9 + 0.05 * draw.normal(size=count), 0.6, 0.99)
    readings = []
    for good, p in zip(right, said, strict=True):
        text = truth if good else truth[:-1] + "9"
        listed = (Alternative(text, math.log(p)), Alternative("1", math.log((1 - p) / 2)))
        readings.append(Reading(text, float(p), listed, (0.95,) * len(text)))
    samples = tuple(Labelled(BLANK, (truth,), f"folder {i % 3}") for i in range(count))
    return Judged(tuple(readings), right, samples)


def error(readings: list[Reading], judged: Judged) -> float:
    return calibration_error(equal_width([r.confidence for r in readings], judged.right))


def test_a_set_is_calibrated_by_what_is_not_it() -> None:
    judged, other = too_sure(600, 1), too_sure(300, 2)
    assert error(list(judged.readings), judged) > 0.2
    assert error(held_out(judged, [other]), judged) < 0.08
    calibration = learn_calibration([other])
    assert calibration is not None
    assert error([calibrate(r, calibration) for r in judged.readings], judged) < 0.08


def test_each_set_counts_the_same() -> None:
    calibration = learn_calibration([too_sure(50, 3), too_sure(2000, 4)])
    twice = learn_calibration([too_sure(50, 3), too_sure(2000, 4), too_sure(2000, 4)])
    assert calibration is not None
    assert twice is not None
    assert calibration != twice


def test_where_all_is_right_there_is_nothing_to_learn() -> None:
    judged = too_sure(30, 5)
    assert learn_calibration([part(judged, judged.right)]) is None
    assert learn_calibration([part(judged, ~judged.right)]) is None


def test_characters_count_up_to_the_first_wrong_one() -> None:
    samples = tuple(Labelled(BLANK, texts, "a") for texts in (("287", "28.7"), ("19",), ("4",)))
    readings = (
        Reading("28.3", 0.5, (), (0.9, 0.8, 0.7, 0.6)),
        Reading("19", 0.5, (), (0.5, 0.4)),
        Reading("74", 0.5, (), (0.3, 0.2)),
    )
    odds, good = character_odds_of([Judged(readings, np.array([False, True, False]), samples)])
    assert odds.tolist() == [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3]
    assert good.tolist() == [True, True, True, False, True, True, False]


def test_a_training_without_a_validation_has_nothing_to_leave(tmp_path: Path) -> None:
    lesson = Lesson(RecognizerConfig("01"), lambda rng: Labelled(BLANK, ("0",), ""), {})
    with pytest.raises(LedgermillError, match="train for more steps"):
        finish("tiny", lesson, Schedule(1), tmp_path, "")
