"""Profiles: what a page amounts to along one axis, and the runs and peaks in it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask

Profile = NDArray[np.float64]


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and stop of each run of true values."""
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return list(
        zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
    )


def closed(flags: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Return the flags with gaps of up to `gap` filled, the two ends left as they are."""
    filled = flags.copy()
    for start, stop in runs(~flags):
        if start > 0 and stop < len(flags) and stop - start <= gap:
            filled[start:stop] = True
    return filled


def ink_along(mask: Mask, axis: int) -> NDArray[np.int32]:
    """Return how many pixels of a mask each x holds (axis 0) or each y (axis 1)."""
    if mask.size == 0:
        return np.zeros(mask.shape[1 - axis], np.int32)
    # Far faster than NumPy's sum of truth values.
    sums = cv2.reduce(mask.view(np.uint8), axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    return np.asarray(sums, np.int32).ravel()


def covered(mask: Mask, axis: int, reach: int) -> Profile:
    """Return the share of a mask that each x (axis 0) or y (axis 1) has within `reach` pixels."""
    length = mask.shape[axis]
    if mask.size == 0:
        return np.zeros(mask.shape[1 - axis])
    kernel = np.ones((1, 2 * reach + 1) if axis == 0 else (2 * reach + 1, 1), np.uint8)
    thick = np.asarray(cv2.dilate(mask.view(np.uint8), kernel), np.uint8)
    return np.asarray(ink_along(thick.view(bool), axis) / length, np.float64)


def smooth(values: Profile, sigma: float) -> Profile:
    reach = max(1, int(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 0.3)) ** 2)
    return np.convolve(values, kernel / kernel.sum(), mode="same")


def peaks(values: Profile, apart: float, least: float) -> list[float]:
    """Return the maxima of at least `least`, the higher of any two closer than `apart`, sorted."""
    inner = (values[1:-1] >= values[:-2]) & (values[1:-1] > values[2:])
    places = np.flatnonzero(inner) + 1
    found: list[int] = []
    for place in sorted(places, key=lambda i: -values[i]):
        if values[place] < least:
            break
        if all(abs(place - other) >= apart for other in found):
            found.append(int(place))
    return sorted(float(place) for place in found)


def apart(edges: list[float], least: float) -> list[float]:
    """Join edges closer than `least`, such as the two lines of a double rule."""
    groups: list[list[float]] = []
    for x in sorted(edges):
        if groups and x - groups[-1][-1] < least:
            groups[-1].append(x)
        else:
            groups.append([x])
    return [sum(g) / len(g) for g in groups]


def is_turned(mask: Mask, height: float) -> bool:
    """Return whether the ink of a mask is text that is read from bottom to top.

    Its letters follow each other upwards nearly without a gap; lines of text stand farther apart.
    """
    along = runs(closed(ink_along(mask, 1) > 0, max(1, round(0.15 * height))))
    across = np.flatnonzero(ink_along(mask, 0))
    if not along or len(across) == 0:
        return False
    longest = max(b - a for a, b in along)
    return bool(longest >= 2 * height and np.ptp(across) <= 0.6 * longest)
