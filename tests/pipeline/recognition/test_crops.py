import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.recognition.crops import LONGEST, batch, bucket, fit_crop, fitted_size


@given(st.integers(1, 3000), st.integers(1, 6000))
def test_a_fitted_crop_is_never_taller_or_longer_than_the_network_takes(
    height: int, width: int
) -> None:
    high, wide = fitted_size(height, width, 64, 32, 5120)
    assert 32 <= high <= 64
    assert 8 <= wide <= LONGEST
    assert bucket(wide) >= wide


@given(st.floats(2.0, 4.5))
def test_in_between_the_area_is_kept(aspect: float) -> None:
    high, wide = fitted_size(1000, round(1000 * aspect), 64, 32, 5120)
    assert high * wide == pytest.approx(5120, rel=0.06)


def test_a_cell_with_its_surroundings_is_shown_larger_than_a_tight_one() -> None:
    tight, wide = fitted_size(100, 200, 96, 32, 5120), fitted_size(160, 208, 96, 32, 5120)
    assert tight == (51, 101)
    assert wide == (94, 122)
    assert fitted_size(160, 208, 64, 32, 5120) == (64, 122)


def test_paper_is_nought_and_the_darkest_ink_one() -> None:
    gray = np.full((40, 90), 180, np.uint8)
    gray[10:30, 40:46] = 60
    ink = fit_crop(gray, 64, 32, 5120)
    assert ink.shape[0] == 64
    assert ink.dtype == np.float32
    assert (ink.min(), ink.max()) == (0, 1)
    assert ink[0].max() == 0


def test_an_empty_cell_stays_empty() -> None:
    noise = np.random.default_rng(0).normal(200, 2, (40, 90)).astype(np.uint8)
    assert fit_crop(noise, 64, 32, 5120).max() < 0.3


def test_a_batch_is_padded_with_paper() -> None:
    crops = [np.ones((64, width), np.float32) for width in (30, 50)]
    pixels, widths = batch(crops)
    assert pixels.shape == (2, 1, 64, bucket(50))
    assert widths.tolist() == [30, 50]
    assert float(pixels[0, 0, :, 30:].max()) == 0
