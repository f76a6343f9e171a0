"""Draw the corners of transcribed lines in to their ink.

Transcribers' polygons are as generous as their tools make them; a detector that learns from
several collections, and from drawn pages, needs one meaning of where a text ends.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask
from pipeline.tables.structure.signals import runs, smooth

LOOSE = 0.02
"""The part of a line's ink that may stick out above it, and below: long strokes, specks."""

OUTER = 0.2
"""Pieces at an edge, with their middle in this outer part of the line, are neighbours'."""

RULE = 0.85
"""Slim pieces that cross this part of a line's height are rules, and level ones of such a width."""

FAINT = 0.03
"""Rows with less than this part of the ink of a line's fullest row are between lines."""

LEAST = 20
"""Lines with fewer pixels of ink keep their corners."""


def tightened(ink: Mask, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return boxes (N x 4 x 2, clockwise) as their ink on the page's mask (H x W) fills them."""
    pixels = ink.astype(np.uint8)
    return np.array([_tight(pixels, box) for box in boxes], np.float32).reshape(-1, 4, 2)


def _tight(ink: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32]:
    along, down = box[1] - box[0], box[3] - box[0]
    width, height = (max(1, round(float(np.linalg.norm(side)))) for side in (along, down))
    target = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    flat = cv2.getAffineTransform(np.ascontiguousarray(box[[0, 1, 3]], np.float32), target)
    crop = cv2.warpAffine(ink, flat, (width, height), flags=cv2.INTER_NEAREST)
    part = _own(np.asarray(crop, np.uint8))
    if part.sum() < LEAST:
        return box
    left, right = _span(part.sum(axis=0), LOOSE / 10)
    top, bottom = _span(_fullest(part.sum(axis=1)), LOOSE)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    share = corners / (width, height)
    return np.asarray(box[0] + share[:, :1] * along + share[:, 1:] * down, np.float32)


def _own(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ink of a line's crop without its neighbours' and without upright rules."""
    height = len(part)
    _, labels, stats, middles = cv2.connectedComponentsWithStats(part, connectivity=8)
    top, tall, wide = (
        stats[:, i] for i in (cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH)
    )
    foreign = (top == 0) & (middles[:, 1] < OUTER * height)
    foreign |= (top + tall >= height) & (middles[:, 1] > (1 - OUTER) * height)
    foreign |= (tall >= RULE * height) & (wide <= 0.25 * tall)
    foreign |= (tall <= 0.2 * height) & (wide >= RULE * height)
    foreign[0] = True  # the background
    return np.asarray(~foreign[labels], np.uint8)


def _fullest(profile: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the profile of a line's rows with only the run of inked rows that has the most ink."""
    inked = smooth(profile.astype(np.float64), 0.02 * len(profile)) >= FAINT * profile.max()
    best = max(runs(inked), key=lambda run: profile[run[0] : run[1]].sum())
    kept = np.zeros_like(profile)
    kept[best[0] : best[1]] = profile[best[0] : best[1]]
    return kept


def _span(profile: NDArray[np.uint64], loose: float) -> tuple[int, int]:
    """Return where a profile begins and ends, but for the part `loose` of it at each end."""
    sums = np.cumsum(profile, dtype=np.float64)
    first = int(np.searchsorted(sums, loose * sums[-1], side="right"))
    last = int(np.searchsorted(sums, (1 - loose) * sums[-1]))
    return first, last + 1
