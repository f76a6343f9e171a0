"""How well found boxes match true ones: one to one, by how much of them is shared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
"""N x 4 x 2 corners, clockwise."""


@dataclass(frozen=True, slots=True)
class BoxScore:
    """Counts of boxes; scores of several pages add up."""

    matched: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: BoxScore) -> BoxScore:
        return BoxScore(
            self.matched + other.matched, self.found + other.found, self.true + other.true
        )

    @property
    def precision(self) -> float:
        """The part of the found boxes that are right; 1 where none was found."""
        return self.matched / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """The part of the true boxes that were found; 1 where there is none."""
        return self.matched / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return 2 * self.matched / max(1, self.found + self.true)


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return intersection over union of two convex polygons (K x 2 corners, clockwise)."""
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    shared = _area(_clipped(first, second))
    return shared / max(_area(first) + _area(second) - shared, 1e-9)


def _area(polygon: NDArray[np.float64]) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2 if len(polygon) else 0.0


def _clipped(polygon: NDArray[np.float64], window: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of a polygon within a convex window (Sutherland & Hodgman 1974).

    OpenCV's `intersectConvexConvex` finds nothing in common between some nearly equal rectangles.
    """
    for start, end in zip(window, np.roll(window, -1, axis=0), strict=True):
        if len(polygon) == 0:
            break
        edge = end - start
        inside = edge[0] * (polygon[:, 1] - start[1]) - edge[1] * (polygon[:, 0] - start[0])
        kept = []
        for i in range(len(polygon)):
            here, there = inside[i - 1], inside[i]
            if (here < 0) != (there < 0):
                part = here / (here - there)
                kept.append(polygon[i - 1] + part * (polygon[i] - polygon[i - 1]))
            if there >= 0:
                kept.append(polygon[i])
        polygon = np.array(kept).reshape(-1, 2)
    return polygon


def score_boxes(found: Boxes, true: Boxes, least: float = 0.5) -> BoxScore:
    """Match boxes one to one, the best pairs first; a pair counts from an IoU of `least` on."""
    if len(found) == 0 or len(true) == 0:
        return BoxScore(0, len(found), len(true))
    low, high = found.min(axis=1), found.max(axis=1)
    low_true, high_true = true.min(axis=1), true.max(axis=1)
    near = (low[:, None] < high_true[None]).all(axis=2)
    near &= (low_true[None] < high[:, None]).all(axis=2)
    pairs = [(iou(found[i], true[j]), int(i), int(j)) for i, j in np.argwhere(near)]
    used: set[int] = set()
    taken: set[int] = set()
    for value, i, j in sorted(pairs, reverse=True):
        if value < least:
            break
        if i not in used and j not in taken:
            used.add(i)
            taken.add(j)
    return BoxScore(len(used), len(found), len(true))
