import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.detection.geometry import corners, draw_maps, sides, widened
from pipeline.detection.nms import find_boxes

Floats = NDArray[np.float32]
REACH = 96.0


def box(x: float, y: float, width: float, height: float, degrees: float = 0.0) -> Floats:
    middle = np.array([[x, y]], np.float32)
    one = (np.array([n], np.float32) for n in (width, height, np.radians(degrees)))
    return corners(middle, *one)


def found_again(boxes: Floats, height: int = 512, width: int = 768) -> Floats:
    text, maps, _ = draw_maps(boxes, height, width, REACH)
    return find_boxes(text, maps, 0.5)[0]


@given(
    st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(10, 900), st.floats(4, 90),
    st.floats(-179, 179),
)  # fmt: skip
def test_corners_give_their_sides_back(
    x: float, y: float, width: float, height: float, degrees: float
) -> None:
    middle, wide, high, angle = sides(box(x, y, width, height, degrees))
    assert np.allclose(middle, [[x, y]], atol=0.1)
    assert np.allclose([wide[0], high[0]], [width, height], atol=0.1)
    assert np.isclose(np.cos(angle[0] - np.radians(degrees)), 1, atol=1e-4)


def test_corners_go_clockwise_from_the_text_s_top_left() -> None:
    upright = box(50, 20, 60, 10)
    assert upright[0].tolist() == [[20, 15], [80, 15], [80, 25], [20, 25]]
    climbing = box(50, 50, 60, 10, 90)[0]  # read from bottom to top
    assert np.allclose(climbing[0], [45, 80], atol=1e-4)
    assert np.allclose(climbing[1], [45, 20], atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(st.floats(30, 600), st.floats(9, 60), st.floats(-40, 40))
def test_a_text_is_found_again_in_its_own_maps(width: float, height: float, degrees: float) -> None:
    wanted = box(384, 256, max(width, height), height, degrees)
    found = found_again(wanted)
    assert len(found) == 1
    middle, wide, high, angle = sides(found)
    assert np.allclose(middle, [[384, 256]], atol=4)
    assert abs(high[0] - height) < 2
    assert abs(wide[0] - max(width, height)) < 8
    assert abs(np.degrees(angle[0]) - degrees) < 2


def test_a_dense_table_s_cells_stay_apart() -> None:
    cells = [box(30 + 44 * c, 20 + 14 * r, 36, 10) for r in range(30) for c in range(15)]
    assert len(found_again(np.concatenate(cells))) == 450


def test_a_line_longer_than_the_network_reaches_stays_whole() -> None:
    found = found_again(box(384, 100, 740, 18, 1.5))
    assert len(found) == 1
    assert sides(found)[1][0] > 725


def test_an_empty_page_has_no_maps_and_no_text() -> None:
    text, maps, counts = draw_maps(np.zeros((0, 4, 2), np.float32), 64, 96, REACH)
    assert text.shape == counts.shape == (16, 24)
    assert maps.shape == (5, 16, 24)
    assert not text.any()
    boxes, scores = find_boxes(text, maps, 0.5)
    assert boxes.shape == (0, 4, 2)
    assert scores.shape == (0,)


def test_what_lies_around_a_text_s_core_counts_neither_way() -> None:
    text, _, counts = draw_maps(box(100, 60, 120, 32), 128, 256, REACH)
    assert set(np.unique(text)) == {-1.0, 0.0, 1.0}
    assert np.array_equal(text == 1, counts == 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_texts_that_are_found_have_scores_and_hardly_cross(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.random((40, 60)).astype(np.float32)
    maps = rng.uniform(2, 30, (5, 40, 60)).astype(np.float32)
    maps[4] = rng.normal(0, 0.05, (40, 60))
    boxes, scores = find_boxes(score, maps, 0.7)
    assert len(boxes) == len(scores) > 0
    assert np.isfinite(boxes).all()
    assert ((scores >= 0.7) & (scores <= 1)).all()


def test_a_margin_is_added_all_around() -> None:
    wide = widened(box(100, 50, 80, 20), 0.5, 0.25)
    assert np.allclose(wide[0], [[50, 35], [150, 35], [150, 65], [50, 65]])
    assert len(widened(np.zeros((0, 4, 2), np.float32), 0.5, 0.25)) == 0
