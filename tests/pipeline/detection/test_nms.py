"""What is made of the network's maps, right or wrong as they are."""

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detection.geometry import Floats, corners, draw_maps
from pipeline.detection.nms import find_boxes
from pipeline.evaluation.boxes import iou

REACH = 96.0


def upright(*boxes: tuple[float, float, float, float]) -> Floats:
    """Return the corners of upright boxes (left, top, right, bottom)."""
    return np.array(
        [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for x0, y0, x1, y1 in boxes], np.float32
    )


def found(boxes: Floats, size: int, noise: float = 0.0) -> tuple[Floats, Floats]:
    text, maps, _ = draw_maps(boxes, size, size, REACH)
    rng = np.random.default_rng(3)
    maps[:4] *= np.exp(rng.normal(0, noise, maps[:4].shape)).astype(np.float32)
    score = np.where(text > 0, rng.uniform(0.6, 1.0, text.shape), 0.0).astype(np.float32)
    return find_boxes(score, maps, 0.5)


def test_no_text_gives_no_boxes() -> None:
    boxes, scores = find_boxes(
        np.zeros((32, 32), np.float32), np.zeros((5, 32, 32), np.float32), 0.5
    )
    assert boxes.shape == (0, 4, 2)
    assert scores.shape == (0,)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10_000), st.floats(0.0, 0.4), st.sampled_from([(1, 1), (7, 31), (40, 24)]))
def test_any_maps_give_finite_clockwise_boxes(
    seed: int, share: float, shape: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    score = np.where(rng.random(shape) < share, rng.uniform(0, 1, shape), 0).astype(np.float32)
    maps = rng.uniform(0, 96, (5, *shape)).astype(np.float32)
    maps[4] = rng.uniform(-1.5, 1.5, shape)
    boxes, scores = find_boxes(score, maps, 0.5)
    assert len(boxes) == len(scores) <= (score >= 0.5).sum()
    assert np.isfinite(boxes).all()
    assert ((scores >= 0.5 - 1e-5) & (scores <= 1 + 1e-5)).all()
    along, down = (boxes[:, i].astype(np.float64) - boxes[:, 0] for i in (1, 3))
    assert (along[:, 0] * down[:, 1] - along[:, 1] * down[:, 0] >= -1e-2).all()


def test_uncertain_cells_of_one_text_make_one_box() -> None:
    truth = upright((40, 60, 200, 90))
    boxes, _ = found(truth, 256, noise=0.15)
    assert len(boxes) == 1
    assert iou(boxes[0], truth[0]) > 0.85


def test_neighbours_in_a_row_and_lines_below_each_other_stay_apart() -> None:
    truth = upright((20, 20, 62, 34), (74, 20, 116, 34), (20, 41, 62, 55), (74, 41, 116, 55))
    boxes, _ = found(truth, 160, noise=0.1)
    assert len(boxes) == 4
    assert all(max(iou(box, other) for other in truth) > 0.7 for box in boxes)


def test_a_line_whose_gaps_the_network_missed_is_one_text() -> None:
    truth = upright((40, 60, 440, 90))
    text, maps, _ = draw_maps(truth, 512, 512, REACH)
    score = (text > 0).astype(np.float32)
    score[:, 30:34] = score[:, 60:63] = 0.0
    boxes, _ = find_boxes(score, maps, 0.5)
    assert len(boxes) == 1
    assert iou(boxes[0], truth[0]) > 0.9


def test_a_speck_that_is_taken_for_a_large_text_is_dropped() -> None:
    truth = upright((40, 60, 300, 120))
    text, maps, _ = draw_maps(truth, 384, 384, REACH)
    score = np.zeros_like(text)
    score[22:24, 30:32] = 1.0
    assert len(find_boxes(score, maps, 0.5)[0]) == 0
    assert len(find_boxes((text > 0).astype(np.float32), maps, 0.5)[0]) == 1


def test_lines_that_strokes_between_them_join_stay_two() -> None:
    truth = upright((40, 60, 440, 90), (40, 92, 440, 122))
    bridge = upright((200, 76, 300, 106))
    text, maps, _ = draw_maps(truth, 512, 512, REACH)
    text_bridge, maps_bridge, _ = draw_maps(bridge, 512, 512, REACH)
    between = (text <= 0) & (text_bridge > 0)
    maps[:, between] = maps_bridge[:, between]
    score = ((text > 0) | between).astype(np.float32)
    boxes, _ = find_boxes(score, maps, 0.5)
    assert len(boxes) == 2
    assert all(max(iou(box, other) for other in truth) > 0.85 for box in boxes)


def test_a_small_text_within_a_large_one_is_its_own() -> None:
    truth = upright((20, 20, 230, 120), (60, 130, 110, 146))
    boxes, _ = found(truth, 256)
    assert len(boxes) == 2


def test_two_thousand_cells_are_merged_fast() -> None:
    columns, rows = np.meshgrid(np.arange(40), np.arange(50))
    middle = np.stack([columns.ravel() * 48 + 40, rows.ravel() * 24 + 40], axis=1)
    parts = (np.full(2000, value, np.float32) for value in (36.0, 14.0, 0.0))
    truth = corners(middle.astype(np.float32), *parts)
    start = time.perf_counter()
    boxes, _ = found(truth, 2048, noise=0.1)
    assert time.perf_counter() - start < 10  # 0.1 s on an idle machine
    assert len(boxes) == 2000
