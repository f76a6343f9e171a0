"""Boxes are matched one to one."""

import numpy as np
import pytest

from pipeline.evaluation.boxes import Boxes, BoxScore, iou, score_boxes


def upright(*boxes: tuple[float, float, float, float]) -> Boxes:
    """Return the corners of upright boxes (left, top, right, bottom)."""
    return np.array(
        [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1 in boxes], np.float32
    ).reshape(-1, 4, 2)


def test_iou_of_shifted_turned_and_parted_boxes() -> None:
    a, b, c = upright((0, 0, 10, 10), (5, 0, 15, 10), (20, 0, 30, 10))
    assert iou(a, a) == pytest.approx(1)
    assert iou(a, b) == pytest.approx(1 / 3)
    assert iou(a, c) == 0
    diamond = np.array([[5, 0], [10, 5], [5, 10], [0, 5]], np.float32)
    assert iou(a, diamond) == pytest.approx(0.5)


def test_a_true_box_is_matched_once() -> None:
    true = upright((0, 0, 10, 10), (20, 0, 30, 10))
    found = upright((0, 0, 10, 10), (0, 0, 10, 9), (20, 0, 23, 10))
    assert score_boxes(found, true) == BoxScore(1, 3, 2)


def test_scores_add_up_and_nothing_is_no_mistake() -> None:
    none = upright()
    assert score_boxes(none, none) == BoxScore()
    assert BoxScore().precision == BoxScore().recall == 1
    total = BoxScore(1, 2, 4) + BoxScore(1, 1, 0)
    assert total == BoxScore(2, 3, 4)
    assert total.precision == pytest.approx(2 / 3)
    assert total.recall == 0.5
    assert total.f1 == pytest.approx(4 / 7)
