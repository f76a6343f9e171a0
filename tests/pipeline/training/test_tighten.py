"""Corners are drawn in to the line's own ink."""

import numpy as np
import pytest

from pipeline.training.tighten import tightened


def line(mask: np.ndarray, x0: int, y0: int, x1: int, y1: int) -> None:
    """Draw letters as upright bars in a box."""
    for x in range(x0, x1 - 5, 12):
        mask[y0:y1, x : x + 6] = True


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    return np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], np.float32)


def test_a_generous_box_becomes_that_of_its_ink() -> None:
    mask = np.zeros((200, 400), bool)
    line(mask, 60, 80, 342, 110)
    ((a, _, c, _),) = tightened(mask, box(20, 50, 390, 150))
    assert np.allclose([*a, *c], [60, 80, 342, 110], atol=3)


def test_neighbouring_lines_and_rules_are_not_its_own() -> None:
    mask = np.zeros((200, 400), bool)
    line(mask, 60, 80, 342, 110)
    line(mask, 60, 30, 342, 62)
    line(mask, 60, 138, 342, 170)
    mask[:, 30:33] = True
    mask[120:123, 40:390] = True
    ((a, _, c, _),) = tightened(mask, box(20, 50, 390, 150))
    assert np.allclose([*a, *c], [60, 80, 342, 110], atol=3)


def test_a_turned_box_stays_turned() -> None:
    mask = np.zeros((400, 200), bool)
    mask[60:340, 80:110] = True
    climbing = np.array([[[50, 380], [50, 20], [150, 20], [150, 380]]], np.float32)
    (found,) = tightened(mask, climbing)
    assert np.allclose(found, [[80, 340], [80, 60], [110, 60], [110, 340]], atol=4)


@pytest.mark.parametrize("count", [0, 2])
def test_lines_without_ink_keep_their_corners(count: int) -> None:
    boxes = np.repeat(box(20, 50, 90, 80), count, axis=0)
    found = tightened(np.zeros((100, 100), bool), boxes)
    assert found.shape == (count, 4, 2)
    assert np.array_equal(found, boxes)
