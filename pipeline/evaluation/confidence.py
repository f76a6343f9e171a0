"""Whether confidence says what it should: calibration error, and what rejecting the unsure buys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 15


@dataclass(frozen=True, slots=True)
class Bin:
    """Readings of similar confidence: how many, how sure on average, and what part is right."""

    count: int
    confidence: float
    accuracy: float


def equal_width(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Return the reliability of N readings in bins of equal width; empty bins are left out."""
    sure, good = _pairs(confidence, right)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return [_bin(sure[place == i], good[place == i]) for i in range(bins) if (place == i).any()]


def equal_count(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> list[Bin]:
    """Return the reliability of N readings in bins of (nearly) as many each, by confidence."""
    sure, good = _pairs(confidence, right)
    order = np.argsort(sure, kind="stable")
    return [_bin(sure[i], good[i]) for i in np.array_split(order, bins) if len(i)]


def calibration_error(bins: list[Bin]) -> float:
    """Return the expected calibration error (Naeini et al. 2015): the mean gap, by count.

    Of bins of equal count it is the adaptive one (Nixon et al. 2019, arXiv 1904.01685).
    """
    total = sum(each.count for each in bins)
    gaps = sum(each.count * abs(each.confidence - each.accuracy) for each in bins)
    return gaps / total if total else 0.0


def accuracy_at(confidence: ArrayLike, right: ArrayLike, coverage: float) -> tuple[float, float]:
    """Return what part of the surest `coverage` (0..1) is right, and the least confidence there.

    Readings as sure as that least one are all kept, so a little more than `coverage` may be.
    """
    sure, good = _pairs(confidence, right)
    if not len(sure):
        return 1.0, 0.0
    kept = max(1, round(coverage * len(sure)))
    least = float(np.sort(sure)[-kept])
    return float(good[sure >= least].mean()), least


def _pairs(
    confidence: ArrayLike, right: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    sure, good = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    if sure.shape != good.shape or sure.ndim != 1:
        raise ValueError(f"one confidence for each reading: {sure.shape}, {good.shape}")
    return sure, good


def _bin(sure: NDArray[np.float64], good: NDArray[np.float64]) -> Bin:
    return Bin(len(sure), float(sure.mean()), float(good.mean()))
