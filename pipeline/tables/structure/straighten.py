"""Straighten a curved page: rules and lines of text made level, columns made upright.

A book's page bends and a hand-held photograph tilts, so that a row of numbers climbs and falls by
more than its height. A smooth displacement is fitted to the slopes of what should be straight
(pieces of rules, detected lines), and the page is drawn anew without it, so that all that follows
deals with upright rectangles only.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray
from pipeline.tables.structure.rules import Rules

Points = NDArray[np.float64]
"""N x 2: x, y."""

POWERS = ((1, 0), (2, 0), (3, 0), (1, 1), (2, 1))
"""Exponents (along, across) of the terms of a displacement: a cubic that varies across the page."""

LATTICE = 64

LIKELY = np.array([20.0, 15.0, 10.0, 10.0, 10.0])
"""How large, in pixels, each coefficient is likely to be before anything is measured."""


@dataclass(frozen=True, slots=True)
class Warp:
    """Maps between an upright page and the straightened one, both of `width` x `height` pixels.

    `level` and `plumb` hold the coefficients of the vertical and the horizontal displacement,
    over coordinates from -1 to 1.
    """

    width: int
    height: int
    level: NDArray[np.float64]
    plumb: NDArray[np.float64]

    def displacement(self, points: Points) -> Points:
        """Return how far (dx, dy) each point of the upright page lies off its straight place."""
        x = 2 * points[:, 0] / self.width - 1
        y = 2 * points[:, 1] / self.height - 1
        return np.column_stack([_terms(y, x) @ self.plumb, _terms(x, y) @ self.level])

    def straight(self, points: Points) -> Points:
        """Map points (N x 2) of the upright page to the straightened one."""
        return points - self.displacement(points)

    def upright(self, points: Points) -> Points:
        """Map points (N x 2) of the straightened page back to the upright one."""
        found = points
        for _ in range(4):  # contracts fast: displacements are small and smooth
            found = points + self.displacement(found)
        return found

    @property
    def largest(self) -> float:
        """The largest displacement on the page, in pixels."""
        xs, ys = np.meshgrid(np.linspace(0, self.width, 9), np.linspace(0, self.height, 9))
        return float(np.abs(self.displacement(np.column_stack([xs.ravel(), ys.ravel()]))).max())

    def apply(self, gray: Gray) -> Gray:
        """Return the straightened page; what lies outside the upright one is white."""
        if self.largest < 1:
            return gray
        # The displacement is smooth: solved on a coarse lattice, filled in between.
        xs = np.linspace(0, self.width - 1, LATTICE)
        ys = np.linspace(0, self.height - 1, LATTICE)
        lattice = self.upright(np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2))
        every_x = np.arange(self.width)
        lines = np.empty((2, LATTICE, self.width), np.float32)
        for i, points in enumerate(lattice.reshape(LATTICE, LATTICE, 2)):
            lines[0, i] = np.interp(every_x, xs, points[:, 0])
            lines[1, i] = np.interp(every_x, xs, points[:, 1])
        straight = np.empty_like(gray)
        for i, (top, bottom) in enumerate(itertools.pairwise(ys)):
            rows = np.arange(np.ceil(top), np.ceil(bottom) if i + 2 < LATTICE else self.height)
            if len(rows) == 0:
                continue
            share = ((rows - top) / (bottom - top)).astype(np.float32)[:, None]
            x, y = lines[:, i, None] + share * (lines[:, i + 1, None] - lines[:, i, None])
            straight[int(rows[0]) : int(rows[-1]) + 1] = cv2.remap(
                gray, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT, borderValue=255
            )
        return straight


def fit_warp(rules: Rules, boxes: NDArray[np.float32], height: float) -> Warp:
    """Fit the displacement of an upright page from its rules and detected lines.

    `boxes` (N x 4 x 2) are detected lines, corners clockwise from the top left; `height` is the
    characters' height in pixels.
    """
    rows, columns = rules.vertical.shape
    strips = _strips(boxes, 4 * height)
    level = np.concatenate(
        [
            _ends(rules.horizontal.T, rules.horizontal_pieces[:, [1, 0, 3, 2]])[:, [1, 0, 3, 2]],
            strips,
        ]
    )
    plumb = _ends(rules.vertical, rules.vertical_pieces)
    return Warp(
        columns,
        rows,
        _fit(level[:, [0, 2]], level[:, [1, 3]], columns, rows),
        _fit(plumb[:, [1, 3]], plumb[:, [0, 2]], rows, columns),
    )


def _strips(boxes: NDArray[np.float32], least: float) -> NDArray[np.float64]:
    """Return the middle line x0, y0, x1, y1 of each box at least `least` wide and not steep."""
    left = boxes[:, [0, 3]].mean(axis=1)
    right = boxes[:, [1, 2]].mean(axis=1)
    lines = np.column_stack([left, right]).astype(np.float64)
    run, rise = lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1]
    return lines[(run >= least) & (np.abs(rise) < 0.15 * np.maximum(run, 1))]


def _ends(mask: NDArray[np.bool_], pieces: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return x0, y0, x1, y1 along each upright piece: ends of the straight line through its ink."""
    ends = []
    for x0, y0, x1, y1 in pieces:
        ys, xs = np.nonzero(mask[y0:y1, x0:x1])
        off = ys - ys.mean()
        slope = (off @ xs) / (off @ off)
        start = x0 + xs.mean() - slope * ys.mean()
        ends.append((start, y0, start + slope * (y1 - y0), y1))
    return np.array(ends, np.float64).reshape(-1, 4)


def _terms(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([along**i * across**j for i, j in POWERS])


def _fit(
    along: NDArray[np.float64], across: NDArray[np.float64], length: int, breadth: int
) -> NDArray[np.float64]:
    """Fit a displacement whose difference between the ends of each piece is the piece's rise.

    `along` and `across` (N x 2) are the pieces' ends, in pixels. Least squares weighted by length,
    reweighted against outliers (Huber), drawn towards zero the more the less the pieces agree.
    """
    if len(along) == 0:
        return np.zeros(len(POWERS))
    a = 2 * along / length - 1
    c = 2 * across / breadth - 1
    design = _terms(a[:, 1], c[:, 1]) - _terms(a[:, 0], c[:, 0])
    rise = across[:, 1] - across[:, 0]
    weight = np.abs(a[:, 1] - a[:, 0])
    robust = np.ones(len(rise))
    noise = 2.0
    solution = np.zeros(len(POWERS))
    for _ in range(6):
        weighted = design * (weight * robust)[:, None]
        ridge = np.diag(np.square(noise / LIKELY))
        solution = np.linalg.solve(design.T @ weighted + ridge, weighted.T @ rise)
        residual = np.abs(rise - design @ solution)
        noise = max(1.0, 1.5 * float(np.median(residual)))
        robust = np.minimum(1.0, 2 * noise / np.maximum(residual, 1e-6))
    return np.asarray(solution)
