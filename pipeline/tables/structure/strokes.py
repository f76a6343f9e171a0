"""Strokes: the connected pieces of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask


@dataclass(frozen=True, slots=True)
class Strokes:
    """A mask (H x W) and its connected pieces, N of them after the background.

    `labels` (H x W) tells which piece a pixel was found in; `stats` (N + 1 x 5) holds x, y, width,
    height and area as `cv2.CC_STAT_*` name them, `middles` (N + 1 x 2) the x and y of the centre of
    mass. Pieces that were taken away since have the area 0, and their pixels are not in `mask`.
    """

    mask: Mask
    labels: NDArray[np.int32]
    stats: NDArray[np.int32]
    middles: NDArray[np.float64]

    @property
    def area(self) -> NDArray[np.int32]:
        return self.stats[:, cv2.CC_STAT_AREA]

    def without(self, which: NDArray[np.bool_]) -> Strokes:
        """Take away the pieces (N + 1) that are marked; never the background."""
        mask, stats = self.mask.copy(), self.stats.copy()
        for label in np.flatnonzero(which & (self.area > 0)):
            if label == 0:
                continue
            x, y, width, height, _ = stats[label]
            window = np.s_[y : y + height, x : x + width]
            mask[window] &= self.labels[window] != label
            stats[label, cv2.CC_STAT_AREA] = 0
        return Strokes(mask, self.labels, stats, self.middles)

    def outside(self, boxes: Sequence[tuple[float, float, float, float]]) -> Strokes:
        """Take away what is in boxes (x0, y0, x1, y1): all pixels, and pieces by their middle."""
        mask, stats = self.mask.copy(), self.stats.copy()
        x, y = self.middles.T
        for x0, y0, x1, y1 in boxes:
            mask[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = False
            stats[(x >= x0) & (x < x1) & (y >= y0) & (y < y1), cv2.CC_STAT_AREA] = 0
        return Strokes(mask, self.labels, stats, self.middles)


def find_strokes(mask: Mask) -> Strokes:
    """Find the pieces of a mask (H x W), connected by sides and corners."""
    # OpenCV's default algorithm gives the same in twice the time on one core.
    found: Any = cv2.connectedComponentsWithStatsWithAlgorithm(
        mask.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_BBDT
    )
    _, labels, stats, middles = found
    return Strokes(mask, labels, stats, middles)
