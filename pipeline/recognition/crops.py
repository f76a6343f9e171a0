"""From a crop of any size to the pixels that a recognizer takes: one rule to train and to read."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.preprocess import Gray

LONGEST = 3072
BUCKETS = (*range(32, 257, 16), *range(288, 513, 32), *range(640, LONGEST + 1, 128))
"""Widths that crops are padded to. A crop's own width alone decides, never its company in a batch:
padding changes what the network sees, and a page must read the same in whatever shard it comes."""

LEAST_CONTRAST = 40.0

SQUARE, LARGER = 2.0, 1.5


def fitted_size(height: int, width: int, tall: int, least: int, area: int) -> tuple[int, int]:
    """Return height and width in pixels that a crop of `height` x `width` is scaled to.

    About `area` pixels, at most `tall` high and, for a long line, at least `least`. A squarer crop
    than 2 to 1 is a cell with its surroundings, its text small: that is shown larger, as far as
    `tall` lets it, and at least wider.
    """
    aspect = width / height
    high = min(max(math.sqrt(area / aspect), least), tall)
    larger = min(max(SQUARE / aspect, 1.0), LARGER)
    return min(round(high * larger), tall), min(max(round(high * aspect * larger), 8), LONGEST)


def fit_crop(gray: Gray, tall: int, least: int, area: int) -> NDArray[np.float32]:
    """Return a crop (h x w, gray, dark on light) as `tall` x W pixels, paper 0 and ink 1.

    It is scaled as `fitted_size` says and centred from top to bottom; its contrast is stretched
    between its paper and its darkest ink.
    """
    high, wide = fitted_size(gray.shape[0], gray.shape[1], tall, least, area)
    shrinks = high < gray.shape[0]
    scaled = cv2.resize(
        gray, (wide, high), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return centred(ink_of(scaled.astype(np.uint8)), tall)


def ink_of(gray: Gray) -> NDArray[np.float32]:
    """Return how dark each pixel is, 0 (paper) to 1 (the darkest ink of this crop)."""
    dark, paper = _percentiles(gray, (0.01, 0.85))
    span = np.float32(max(paper - dark, LEAST_CONTRAST))
    shades = np.clip((np.float32(paper) - np.arange(256, dtype=np.float32)) / span, 0, 1)
    return np.asarray(cv2.LUT(gray, shades), np.float32)


def _percentiles(gray: Gray, shares: tuple[float, float]) -> tuple[float, float]:
    """Return what `np.percentile` does, from the histogram: a tenth of its time."""
    below = np.cumsum(cv2.calcHist([gray], [0], None, [256], [0, 256]).ravel())
    at = (gray.size - 1) * np.array(shares)
    low = np.floor(at)
    first = np.searchsorted(below, low, side="right")
    second = np.searchsorted(below, np.minimum(low + 1, gray.size - 1), side="right")
    one, other = (first + (at - low) * (second - first)).tolist()
    return one, other


def centred(ink: NDArray[np.float32], tall: int) -> NDArray[np.float32]:
    """Return the ink with rows of paper above and below, `tall` rows in all."""
    above = (tall - ink.shape[0]) // 2
    page = np.zeros((tall, ink.shape[1]), np.float32)
    page[above : above + ink.shape[0]] = ink
    return page


def bucket(width: int) -> int:
    """Return the width that a crop of `width` columns is padded to."""
    padded: int = BUCKETS[bisect_left(BUCKETS, width)]
    return padded


def batch(
    crops: Sequence[NDArray[np.float32]], wide: int | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return N x 1 x H x `wide` pixels and the N widths of crops of H rows each.

    `wide` is the bucket of the widest unless it is given.
    """
    wide = wide or bucket(max(crop.shape[1] for crop in crops))
    pixels = np.zeros((len(crops), 1, crops[0].shape[0], wide), np.float32)
    for row, crop in zip(pixels, crops, strict=True):
        row[0, :, : crop.shape[1]] = crop
    return torch.from_numpy(pixels), torch.tensor([crop.shape[1] for crop in crops])
