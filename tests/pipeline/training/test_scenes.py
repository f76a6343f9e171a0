"""Drawn scenes say where their texts stand, and nothing else."""

import numpy as np
import pytest

from pipeline.recognition.alphabets import LATIN
from pipeline.training.fonts import BUNDLED
from pipeline.training.hands import Hand
from pipeline.training.scenes import Case, Sheet, filling, letter, numbers, prose, register, scene
from pipeline.training.texts import read_texts


@pytest.fixture(scope="module")
def case() -> Case:
    """Return what scenes can be set from on any machine."""
    of = dict.fromkeys(LATIN, 0)
    hands = [Hand(style, (BUNDLED,), of) for style in ("serif", "hand")]
    return Case(hands, read_texts())


@pytest.mark.parametrize("kind", [prose, letter, register, numbers])
@pytest.mark.parametrize("seed", [1, 2])
def test_all_ink_of_text_lies_in_its_corners(case: Case, kind, seed: int) -> None:  # type: ignore[no-untyped-def]
    page = kind(case, np.random.default_rng(seed)).page()
    height, width = page.image.shape
    assert page.truth.lines
    for line in page.truth.lines:
        corners = np.array(line.polygon)
        assert (corners >= 0).all()
        assert (corners <= (width, height)).all()
        (x0, y0), (x1, y1) = corners.min(0).astype(int), np.ceil(corners.max(0)).astype(int)
        assert page.image[y0:y1, x0:x1].min() < 128
    if kind is prose:
        blank = page.image.copy()
        for line in page.truth.lines:
            corners = np.array(line.polygon)
            (x0, y0), (x1, y1) = corners.min(0).astype(int), np.ceil(corners.max(0)).astype(int)
            blank[y0 : y1 + 1, x0 : x1 + 1] = 255
        assert blank.min() > 128


def test_one_seed_one_scene(case: Case) -> None:
    (first, corners), (again, same) = (scene(case, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(corners, same)
    assert corners.dtype == np.float32
    assert corners.shape[1:] == (4, 2)


def test_a_turned_text_has_its_corners_where_it_reads_from() -> None:
    sheet = Sheet(200, 100)
    ink = np.zeros((10, 60), np.uint8)
    sheet.write(ink, 30, 150, 90)
    ((a, b, c, d),) = (np.array(line.polygon) for line in sheet.lines)
    assert np.allclose([a, b, c, d], [(30, 150), (30, 90), (40, 90), (40, 150)])
    assert sheet.image[91:149, 31:39].max() < 40
    assert sheet.image[:88].min() == 255


def test_a_text_that_would_leave_the_page_is_not_written() -> None:
    sheet = Sheet(50, 50)
    sheet.write(np.zeros((10, 60), np.uint8), 10, 10)
    assert not sheet.lines
    assert sheet.image.min() == 255


def test_a_line_fills_its_measure(case: Case) -> None:
    rng = np.random.default_rng(3)
    widths = [filling(case, case.hands[0], 20, 400, rng).shape[1] for _ in range(8)]
    assert max(widths) <= 400
    assert np.median(widths) > 250
