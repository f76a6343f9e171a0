"""Pages made upright and even, and the way back to their own pixels."""

import cv2
import numpy as np
import pytest

from pipeline.preprocess import (
    STRIP,
    flatten,
    grayscale,
    ink_mask,
    page_box,
    prepare,
    rotate,
    skew,
)
from pipeline.profiles import Preprocessing


def lined(height: int = 600, width: int = 900) -> np.ndarray:
    """Return a page of dashes that stand for words, in level lines."""
    page = np.full((height, width), 240, np.uint8)
    rng = np.random.default_rng(1)
    for y in range(60, height - 40, 30):
        x = 50
        while x < width - 100:
            long = int(rng.integers(15, 60))
            cv2.rectangle(page, (x, y), (x + long, y + 9), 30, -1)
            x += long + 12
    return page


@pytest.mark.parametrize("angle", [-5.0, -1.3, 0.0, 0.7, 4.2])
def test_skew_is_measured_counter_clockwise(angle: float) -> None:
    turned, _ = rotate(lined(), angle)
    assert skew(ink_mask(turned)) == pytest.approx(angle, abs=0.1)


def test_ink_is_the_same_however_a_page_is_cut_to_strips() -> None:
    gray = np.asarray(cv2.GaussianBlur(lined(300, 500), (0, 0), 1.5), np.uint8)
    values = gray.astype(np.float64)
    mean = cv2.boxFilter(values, -1, (41, 41))
    deviation = np.sqrt(np.maximum(cv2.boxFilter(values**2, -1, (41, 41)) - mean**2, 0))
    threshold = mean * (1 + 0.2 * (deviation / 128 - 1))
    assert len(gray) > 2 * STRIP
    assert np.mean(ink_mask(gray) != ((values < threshold) & (deviation > 6))) < 1e-4


def test_an_empty_page_has_no_skew() -> None:
    assert skew(ink_mask(np.full((300, 300), 250, np.uint8))) == 0.0


@pytest.mark.parametrize("angle", [-3.0, 2.0])
def test_the_way_back_from_an_upright_page(angle: float) -> None:
    page = lined()
    cv2.circle(page, (700, 45), 8, 0, -1)
    turned, _ = rotate(page, angle)
    ready = prepare(turned, Preprocessing())
    assert ready.angle == pytest.approx(angle, abs=0.1)
    assert (ready.width, ready.height) == (turned.shape[1], turned.shape[0])
    # The dot, found on the prepared page, lies on a dark spot of the page as photographed.
    spots = cv2.HoughCircles(
        cv2.GaussianBlur(ready.gray, (3, 3), 0), cv2.HOUGH_GRADIENT, 1, 50, None, 200, 12, 6, 11
    )
    assert spots is not None
    x, y, _ = spots[0][0]
    (back_x, back_y), *_ = ready.polygon_on_page(np.array([[x, y]] * 4, np.float64))
    assert turned[round(back_y), round(back_x)] < 80


def test_light_that_fades_is_made_even() -> None:
    page = lined().astype(np.float64)
    shaded = (page * np.linspace(1.0, 0.45, page.shape[1])).astype(np.uint8)
    even = flatten(shaded)
    paper = ~cv2.dilate(ink_mask(even).astype(np.uint8), np.ones((9, 9))).astype(bool)
    left, right = even[:, :200][paper[:, :200]], even[:, -200:][paper[:, -200:]]
    assert abs(float(left.mean()) - float(right.mean())) < 6


def test_ink_is_found_in_shadow_and_light() -> None:
    page = lined()
    truth = page < 100
    shaded = (page * np.linspace(1.0, 0.5, page.shape[1])).astype(np.uint8)
    found = ink_mask(flatten(shaded))
    agree = (found & truth).sum() / (found | truth).sum()
    assert agree > 0.9


def test_a_dark_surround_is_cut_off() -> None:
    photograph = np.full((800, 1200), 12, np.uint8)
    photograph[100:700, 150:1050] = lined()
    x0, y0, x1, y1 = page_box(photograph)
    assert abs(x0 - 150) <= 6
    assert abs(y0 - 100) <= 6
    assert abs(x1 - 1050) <= 6
    assert abs(y1 - 700) <= 6


def test_a_page_without_surround_stays_whole() -> None:
    assert page_box(lined()) == (0, 0, 900, 600)


def test_colour_and_gray_are_read_alike() -> None:
    gray = lined()
    assert np.array_equal(grayscale(np.stack([gray] * 3, axis=2)), gray)


def test_binarized_on_request() -> None:
    ready = prepare(lined(), Preprocessing(binarize=True, denoise=True, equalize=True))
    assert set(np.unique(ready.gray)) == {0, 255}


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3), (30, 30, 3)])
def test_the_smallest_images_do_no_harm(shape: tuple[int, ...]) -> None:
    ready = prepare(np.full(shape, 200, np.uint8), Preprocessing())
    assert (ready.height, ready.width) == shape[:2]
