"""Straighten a curved page: rules and lines of text made level, columns made upright.

A book's page bends and a hand-held photograph tilts, so that a row of numbers climbs and falls by
more than its height. A smooth displacement is fitted to the slopes of what should be straight
(pieces of rules, detected lines), and the page is drawn anew without it, so that all that follows
deals with upright rectangles only.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray
from pipeline.tables.structure.rules import Rules
from pipeline.tables.structure.signals import ink_along
from pipeline.tables.structure.strokes import Strokes

Points = NDArray[np.float64]
"""N x 2: x, y."""

POWERS = ((1, 0), (2, 0), (3, 0), (1, 1), (2, 1))
"""Exponents (along, across) of the large terms: a cubic that varies across the page."""

BUMPS = 16
"""So many bell-shaped bumps along the page, and as many that tilt across it, are its small terms:
what no cubic follows, such as waves, or two pages that meet in a fold."""

TERMS = len(POWERS) + 2 * BUMPS

LATTICE = 40

LIKELY = np.concatenate([[20.0, 15.0, 10.0, 10.0, 10.0], np.full(BUMPS, 5.0), np.full(BUMPS, 2.5)])
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
        xs, ys = np.meshgrid(np.linspace(0, self.width, 25), np.linspace(0, self.height, 25))
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


@dataclass(frozen=True, slots=True)
class _Traces:
    """Points that should stand in line: `along` and `across` the line they belong to, in pixels.

    `line` names the line of each point, from 0 without gaps.
    """

    along: NDArray[np.float64]
    across: NDArray[np.float64]
    line: NDArray[np.int_]

    def joined(self, other: _Traces) -> _Traces:
        start = int(self.line.max(initial=-1)) + 1
        return _Traces(
            np.concatenate([self.along, other.along]),
            np.concatenate([self.across, other.across]),
            np.concatenate([self.line, other.line + start]),
        )


def fit_warp(rules: Rules, strokes: Strokes, boxes: NDArray[np.float32], height: float) -> Warp:
    """Fit the displacement of an upright page from its rules, its characters and detected lines.

    `strokes` are those of its ink, `boxes` (N x 4 x 2) detected lines, corners clockwise from the
    top left; `height` is the characters' height in pixels.
    """
    rows, columns = rules.vertical.shape
    level = _along_rules(rules.horizontal.T, rules.horizontal_pieces[:, [1, 0, 3, 2]], height)
    level = level.joined(_along_text(strokes, height)).joined(_along_boxes(boxes, height))
    plumb = _along_rules(rules.vertical, rules.vertical_pieces, height)
    return Warp(columns, rows, _fit(level, columns, rows), _fit(plumb, rows, columns))


def _along_rules(mask: NDArray[np.bool_], pieces: NDArray[np.int32], height: float) -> _Traces:
    """Return the middle of each upright piece at every other character's height."""
    along, across, line = [], [], []
    for n, (x0, y0, x1, y1) in enumerate(pieces.tolist()):
        parts = max(2, round((y1 - y0) / (2 * height)))
        cuts = np.linspace(y0, y1, parts + 1).astype(int)
        for top, bottom in itertools.pairwise(cuts.tolist()):
            ink = ink_along(mask[top:bottom, x0:x1], 0)
            if ink.any():
                along.append((top + bottom) / 2)
                across.append(x0 + float(ink @ np.arange(len(ink)) / ink.sum()))
                line.append(n)
    return _traces(along, across, line)


def _along_text(strokes: Strokes, height: float) -> _Traces:
    """Return the middles of the characters of each line of text, of similar height all of them.

    A character is followed by the next to its right that is not much higher or lower.
    """
    x, y, wide, tall, _ = strokes.stats[1:].T.astype(np.float64)
    like = (tall >= 0.7 * height) & (tall <= 1.4 * height) & (wide >= 0.15 * height)
    like &= wide <= 1.5 * height
    x, y = (x + wide / 2)[like], (y + tall / 2)[like]
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    follows = np.full(len(x), -1)
    for shift in (0.0, 0.5):
        # Of the characters in a band of the page, sorted by x, the next is the neighbour.
        band = np.floor(y / (0.8 * height) + shift)
        sorted_ = np.argsort(band, kind="stable")
        one, other = sorted_[:-1], sorted_[1:]
        near = (band[one] == band[other]) & (x[other] - x[one] <= 6 * height)
        near &= np.abs(y[other] - y[one]) <= 0.4 * height
        follows[one[near]] = other[near]
    line = np.arange(len(x))
    for i in np.flatnonzero(follows >= 0)[::-1].tolist():
        line[i] = line[follows[i]]
    _, line, count = np.unique(line, return_inverse=True, return_counts=True)
    many = count[line] >= 4
    return _traces(x[many], y[many], line[many])


def _along_boxes(boxes: NDArray[np.float32], height: float) -> _Traces:
    """Return the ends of the middle line of each box that is long and not steep."""
    left, right = boxes[:, [0, 3]].mean(axis=1), boxes[:, [1, 2]].mean(axis=1)
    run, rise = (right - left).T if len(boxes) else (np.zeros(0), np.zeros(0))
    fit = (run >= 4 * height) & (np.abs(rise) < 0.15 * np.maximum(run, 1))
    ends = np.stack([left[fit], right[fit]], axis=1).reshape(-1, 2)
    return _traces(ends[:, 0], ends[:, 1], np.repeat(np.arange(fit.sum()), 2))


def _traces(along: Any, across: Any, line: Any) -> _Traces:
    _, names = np.unique(np.asarray(line, int), return_inverse=True)
    return _Traces(np.asarray(along, float), np.asarray(across, float), names.reshape(-1))


def _terms(along: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = [along**i * across**j for i, j in POWERS]
    # Cubic B-splines, at knots that reach one step beyond the page to both sides.
    step = 2 / (BUMPS - 3)
    off = np.abs(along[:, None] + 1 - step * (np.arange(BUMPS) - 1)) / step
    near, far = np.minimum(off, 1), np.clip(off, 1, 2)
    bumps = np.where(off < 1, 4 - 6 * near**2 + 3 * near**3, (2 - far) ** 3) / 4
    return np.column_stack([*powers, bumps, bumps * across[:, None]])


def _fit(traces: _Traces, length: int, breadth: int) -> NDArray[np.float64]:
    """Fit a displacement that leaves the points of each line at one place across it.

    Least squares, reweighted against outliers (Huber), drawn towards zero the more the less the
    points agree.
    """
    if len(traces.along) == 0:
        return np.zeros(TERMS)
    count = np.bincount(traces.line)
    a = 2 * traces.along / length - 1
    c = 2 * traces.across / breadth - 1
    terms = _terms(a, c)
    robust = np.ones(len(a))
    noise = 2.0
    solution = np.zeros(TERMS)
    for _ in range(6):
        total = np.bincount(traces.line, robust, len(count))
        design, rise = terms.copy(), traces.across.copy()
        for part in (*design.T, rise):
            part -= (np.bincount(traces.line, part * robust, len(count)) / total)[traces.line]
        weighted = design * robust[:, None]
        ridge = np.diag(np.square(noise / LIKELY))
        solution = np.linalg.solve(design.T @ weighted + ridge, weighted.T @ rise)
        residual = np.abs(rise - design @ solution)
        noise = max(1.0, 1.5 * float(np.median(residual)))
        robust = np.minimum(1.0, 2 * noise / np.maximum(residual, 1e-6))
    return np.asarray(solution)
