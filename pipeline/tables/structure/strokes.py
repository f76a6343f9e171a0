"""Strokes: the connected pieces of a mask."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask


def strokes(mask: Mask) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Return the strokes of a mask (H x W): their labels, boxes and middles.

    `labels` (H x W) is 0 outside them; of the N strokes and the background before them, `stats`
    (N + 1 x 5) holds x, y, width, height and area as `cv2.CC_STAT_*` name them, `middles`
    (N + 1 x 2) the x and y of the centre of mass.
    """
    # OpenCV's default algorithm (Spaghetti, 2019) gives the same in twice the time on one core.
    found: Any = cv2.connectedComponentsWithStatsWithAlgorithm(
        mask.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_BBDT
    )
    _, labels, stats, middles = found
    return labels, stats, middles


def erase(mask: Mask, labels: NDArray[np.int32], stats: NDArray[np.int32], which: Mask) -> None:
    """Erase the strokes of the given labels from the mask that they were found on."""
    for label in np.flatnonzero(which):
        x, y, width, height, _ = stats[label]
        window = np.s_[y : y + height, x : x + width]
        mask[window] &= labels[window] != label
