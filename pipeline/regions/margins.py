"""Which lines of a page stand in its margin: notes beside the body, and the page's number.

Told by place and size alone, before anything is read. Boxes are N x 4 (x0, y0, x1, y1), `height`
is a line's usual height, all in pixels of the straightened page.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.regions.order import Boxes

WIDE = 0.25
"""Lines that take this share of what is written on tell where the body's edges are."""

BEYOND = 0.7
"""A note in the margin lies beyond the body's edge with this share of its width,"""

NARROW = 0.35
"""takes no more than this share of the body's width,"""

SPARSE = 0.6
"""and all notes of a side no more than this share of its height: else they are a column."""

NUMBER = 5.0
"""A page's number is no wider than so many lines' heights."""


@dataclass(frozen=True, slots=True)
class Body:
    """Where the running text and the tables of a page are."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left


def find_body(lines: Boxes, tables: Boxes, height: float) -> Body | None:
    """Return the box that the wide lines and the tables fill but for some that jut out.

    `None` where there are neither tables nor three wide lines.
    """
    every = np.concatenate([lines, tables])
    if len(every) == 0:
        return None
    whole = every[:, 2].max() - every[:, 0].min()
    wide = lines[lines[:, 2] - lines[:, 0] >= WIDE * whole]
    if len(tables) == 0 and len(wide) < 3:
        return None
    own = np.concatenate([wide, tables])
    rows = np.maximum(1.0, (own[:, 3] - own[:, 1]) / (1.5 * height))
    left, right = quantile(own[:, 0], rows, 0.1), quantile(own[:, 2], rows, 0.9)
    return Body(left, float(own[:, 1].min()), right, float(own[:, 3].max()))


def quantile(values: NDArray[np.float64], weights: NDArray[np.float64], share: float) -> float:
    """Return the value that `share` of the weights lies below."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) - weights[order] / 2
    return float(np.interp(share * weights.sum(), below, values[order]))


def in_margin(lines: Boxes, body: Body, height: float) -> NDArray[np.bool_]:
    """Return which lines are notes beside the body, or the page's number."""
    found = np.zeros(len(lines), bool)
    widths = lines[:, 2] - lines[:, 0]
    near = (lines[:, 3] > body.top - 2 * height) & (lines[:, 1] < body.bottom + 2 * height)
    narrow = near & (widths <= NARROW * body.width)
    for out in (body.left - lines[:, 0], lines[:, 2] - body.right):
        notes = narrow & (out >= BEYOND * widths)
        notes &= ~_goes_on(lines, notes, height)
        if _length(lines[notes][:, [1, 3]]) <= SPARSE * (body.bottom - body.top):
            found |= notes
    return found | _numbers(lines, body, height)


def _goes_on(lines: Boxes, notes: NDArray[np.bool_], height: float) -> NDArray[np.bool_]:
    """Return which notes are the end of a line of the body that was found in two pieces."""
    found = np.zeros(len(lines), bool)
    others = lines[~notes]
    for i in np.flatnonzero(notes):
        x0, y0, x1, y1 = lines[i]
        shared = np.minimum(others[:, 3], y1) - np.maximum(others[:, 1], y0)
        beside = shared > 0.5 * np.minimum(others[:, 3] - others[:, 1], y1 - y0)
        gap = np.maximum(others[:, 0] - x1, x0 - others[:, 2])
        found[i] = (beside & (gap < 0.6 * height)).any()
    return found


def _length(spans: NDArray[np.float64]) -> float:
    """Return how much the spans (N x 2) cover together."""
    total, end = 0.0, -np.inf
    for a, b in spans[np.argsort(spans[:, 0])]:
        total += max(0.0, b - max(a, end))
        end = max(end, b)
    return total


def _numbers(lines: Boxes, body: Body, height: float) -> NDArray[np.bool_]:
    """Return the short line that stands alone above or below all others, at an outer corner."""
    found = np.zeros(len(lines), bool)
    quarter = 0.25 * body.width
    outer = (lines[:, 2] < body.left + quarter) | (lines[:, 0] > body.right - quarter)
    small = outer & (lines[:, 2] - lines[:, 0] <= NUMBER * height)
    for i in np.flatnonzero(small):
        others = np.delete(lines, i, axis=0)
        middle = (lines[i, 1] + lines[i, 3]) / 2
        above, below = middle < body.top, middle > body.bottom
        alone = (others[:, 1] > middle).all() if above else (others[:, 3] < middle).all()
        found[i] = (above or below) and alone
    return found
