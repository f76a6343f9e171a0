from collections.abc import Callable

import numpy as np
import pytest

from pipeline.preprocess import Gray
from pipeline.training.wear import age, bend, frame, handle, recut, relight


@pytest.fixture
def line() -> Gray:
    gray = np.full((40, 300), 255, np.uint8)
    gray[12:28, 20:280:9] = 0
    return gray


@pytest.mark.parametrize("change", [bend, frame, age, handle, recut, relight])
def test_every_change_keeps_an_image_and_follows_the_seed(
    change: Callable[..., Gray], line: Gray
) -> None:
    for seed in range(25):
        once = change(line.copy(), np.random.default_rng(seed))
        again = change(line.copy(), np.random.default_rng(seed))
        assert once.dtype == np.uint8
        assert once.ndim == 2
        assert min(once.shape) > 3
        assert np.array_equal(once, again)


@pytest.mark.parametrize("size", [(4, 4), (6, 90), (60, 5)])
def test_very_small_lines_survive(size: tuple[int, int]) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        gray = np.random.default_rng(seed).integers(0, 255, size).astype(np.uint8)
        seen = handle(age(frame(bend(gray, rng), rng, [gray]), rng, [gray]), rng)
        assert min(seen.shape) >= 1


def test_neighbours_reach_into_the_margins_only(line: Gray) -> None:
    other = np.zeros((40, 900), np.uint8)
    for seed in range(40):
        strip = frame(line, np.random.default_rng(seed), [other])
        middle = strip[strip.shape[0] // 2 - 4 : strip.shape[0] // 2 + 4]
        assert (middle == 255).mean() > 0.3


def test_a_recut_line_keeps_its_middle(line: Gray) -> None:
    for seed in range(20):
        cut = recut(line, np.random.default_rng(seed))
        assert cut.shape[0] > 0.7 * line.shape[0]
        assert cut.shape[1] > 0.9 * line.shape[1]
