"""Locality-aware non-maximum suppression (Zhou et al. 2017, section 3.6), over whole runs of cells.

EAST merges the boxes of neighbouring cells row by row before it suppresses any. Here a row's
neighbours are merged all at once: the run's ends are those that its first and last cells see, so
that a line may be longer than any cell can see. The runs of successive rows are then merged where
they overlap, weighted by their scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.geometry import CORE, TRIM, corners
from pipeline.detection.network import STRIDE

Floats = NDArray[np.float64]
Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]

OUTER = 3
"""So many cells at each end of a run say where it ends."""

APART = 0.3
"""Two cells of a row are of two texts if their middles differ by this part of the height."""

OVERLAP = 0.4
"""Two runs are of one text if they share this part of the smaller one."""

CHAINED = 0.6
"""Pieces side by side are of one line if they share so many heights along it: each of them sees
the line go on where the other one stands."""

BESIDE = 0.5
"""Pieces are side by side if they share this part of the smaller height."""

LEVEL = 0.25
"""Pieces of one text lie on one line: their middles differ across by less of the smaller height.
Else the strokes between two lines of close writing would make one of both."""

COVERED = 0.6
"""A piece that lies with this part of it in texts of more weight is none of its own."""

SUPPORT = 0.6
"""Of a text, at least this part of the cells that its core should have must say so: what a speck
is taken for is much larger than the speck."""

TURN = 0.35
"""Two runs whose angles differ by more (in radians) are never one text."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Pieces of text, N of each: `weight` their scores' sum, `angle` in radians.

    `ends` (4 x N) are begin, end, top and bottom in pixels along and across the piece's own angle.
    """

    weight: Floats
    angle: Floats
    ends: Floats

    def corners(self) -> NDArray[np.float32]:
        """Return N x 4 x 2 corners."""
        begin, end, top, bottom = self.ends
        along, down = (begin + end) / 2, (top + bottom) / 2
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        middle = np.stack([along * cosine + down * sine, down * cosine - along * sine], axis=1)
        parts = (middle, end - begin, bottom - top, self.angle)
        return corners(*(part.astype(np.float32) for part in parts))

    def cores(self) -> Floats:
        """Return the areas (N) of the pieces' cores, in square pixels."""
        begin, end, top, bottom = self.ends
        long, short = np.maximum(end - begin, bottom - top), np.minimum(end - begin, bottom - top)
        area: Floats = np.maximum(long - 2 * TRIM * short, 0.3 * long) * CORE * short
        return area


def find_boxes(
    score: NDArray[np.float32], maps: NDArray[np.float32], least: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the texts' corners (N x 4 x 2, input pixels) and scores (N) in one page's maps.

    `score` (h x w) is the probability of text, `maps` (5 x h x w) the sides and the angle as
    `pipeline.detection.network` gives them; cells below `least` do not count.
    """
    ys, xs = np.nonzero(score >= least)
    if len(ys) == 0:
        return np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32)
    weight = score[ys, xs].astype(np.float64)
    run = np.cumsum(_starts(ys, xs, maps[:4, ys, xs].astype(np.float64))) - 1
    places = np.stack([xs, ys]).astype(np.float64) * STRIDE + STRIDE / 2
    runs = _runs(run, weight, places[0], places[1], maps[:, ys, xs])
    cells = np.bincount(run)
    first = np.cumsum(cells) - cells
    pairs = _above(ys[first], xs[first], xs[first + cells - 1])
    texts, label = _merge(runs, pairs)
    counts = np.bincount(label, cells)
    texts, again = _merge(texts, _crossing(texts))
    counts = np.bincount(again, counts)
    kept = counts * STRIDE**2 >= SUPPORT * texts.cores()
    kept &= ~_covered(texts)
    return texts.corners()[kept], (texts.weight / counts)[kept].astype(np.float32)


def _starts(ys: NDArray[np.intp], xs: NDArray[np.intp], sides: Floats) -> NDArray[np.bool_]:
    """Return which cells begin a run: after a gap, in another row, in another text."""
    top, right, bottom, left = sides
    starts = np.ones(len(ys), bool)
    follows = (ys[1:] == ys[:-1]) & (xs[1:] == xs[:-1] + 1)
    off = np.abs(np.diff(top - bottom)) / 2 <= APART * (top + bottom)[1:]
    ended = (right[:-1] < STRIDE) & (left[1:] < STRIDE)
    starts[1:] = ~(follows & off & ~ended)
    return starts


def _runs(
    run: NDArray[np.intp], weight: Floats, x: Floats, y: Floats, maps: NDArray[np.float32]
) -> Texts:
    """Merge the cells of each run: sides by weight, ends as its outer cells see them."""
    top, right, bottom, left, turn = maps.astype(np.float64)
    total: Floats = np.bincount(run, weight).astype(np.float64)
    angle = np.bincount(run, weight * turn) / total
    cosine, sine = np.cos(angle)[run], np.sin(angle)[run]
    along, down = x * cosine - y * sine, x * sine + y * cosine
    cells = np.bincount(run)
    first = np.cumsum(cells) - cells
    outer = np.minimum(cells, OUTER)
    ends = [
        _mean(along - left, first, outer),
        _mean(along + right, first + cells - outer, outer),
        np.bincount(run, weight * (down - top)) / total,
        np.bincount(run, weight * (down + bottom)) / total,
    ]
    return Texts(total, angle, np.stack(ends))


def _mean(values: Floats, first: NDArray[np.intp], count: NDArray[np.intp]) -> Floats:
    """Return the means of the slices of `values` that begin at `first`."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means: Floats = (sums[first + count] - sums[first]) / count
    return means


def _above(row: NDArray[np.intp], begin: NDArray[np.intp], end: NDArray[np.intp]) -> Pairs:
    """Return pairs of runs that touch in successive rows; runs are sorted by row and place."""
    place = int(end.max(initial=0)) + 3
    low = np.searchsorted(row * place + end, (row - 1) * place + begin - 1)
    high = np.searchsorted(row * place + begin, (row - 1) * place + end + 1, side="right")
    count = np.maximum(high - low, 0)
    this = np.repeat(np.arange(len(row)), count)
    start = np.cumsum(count) - count
    other = np.repeat(low, count) + np.arange(len(this)) - np.repeat(start, count)
    return this, other


def _crossing(texts: Texts) -> Pairs:
    """Return the pairs of texts whose upright boxes cross."""
    boxes = texts.corners()
    low, high = boxes.min(axis=1), boxes.max(axis=1)
    order = np.argsort(low[:, 1], kind="stable")
    last = np.searchsorted(low[order, 1], high[order, 1])
    count = np.maximum(last - np.arange(len(order)) - 1, 0)
    one = np.repeat(np.arange(len(order)), count)
    start = np.cumsum(count) - count
    other = one + 1 + np.arange(len(one)) - np.repeat(start, count)
    a, b = order[one], order[other]
    near = (low[a, 0] < high[b, 0]) & (low[b, 0] < high[a, 0])
    return a[near], b[near]


def _merge(texts: Texts, pairs: Pairs) -> tuple[Texts, NDArray[np.intp]]:
    """Merge the pairs that are of one text; return the texts and which each piece went into."""
    a, b = pairs
    same = _same(texts, a, b)
    label = _components(len(texts.angle), a[same], b[same])
    total: Floats = np.bincount(label, texts.weight).astype(np.float64)
    angle = np.bincount(label, texts.weight * texts.angle) / total
    # All pieces in the frame of the whole they make: their middles turn, their sizes stay.
    begin, end, top, bottom = texts.ends
    turn = angle[label] - texts.angle
    along, down = (begin + end) / 2, (top + bottom) / 2
    cosine, sine = np.cos(turn), np.sin(turn)
    along, down = along * cosine - down * sine, along * sine + down * cosine
    half = (end - begin) / 2
    tall = (bottom - top) / 2
    ends = np.stack(
        [
            _outermost(-(along - half), label, texts.weight) * -1,
            _outermost(along + half, label, texts.weight),
            np.bincount(label, texts.weight * (down - tall)) / total,
            np.bincount(label, texts.weight * (down + tall)) / total,
        ]
    )
    return Texts(total, angle, ends), label


def _outermost(values: Floats, label: NDArray[np.intp], weight: Floats) -> Floats:
    """Return for each label the mean of its values near the greatest, by weight."""
    greatest = np.full(int(label.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(greatest, label, values)
    near = weight * np.exp((values - greatest[label]) / (2 * STRIDE))
    mean: Floats = np.bincount(label, near * values) / np.bincount(label, near)
    return mean


def _same(texts: Texts, a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which pairs are of one text: on one line, one upon the other or in a chain."""
    wide, high, off, turn = _meeting(texts, a, b)
    begin, end, top, bottom = texts.ends
    lower = np.minimum((bottom - top)[a], (bottom - top)[b])
    area = np.minimum(((end - begin) * (bottom - top))[a], ((end - begin) * (bottom - top))[b])
    upon = np.clip(wide, 0, None) * np.clip(high, 0, None) >= OVERLAP * np.maximum(area, 1e-6)
    chained = (wide >= CHAINED * lower) & (high >= BESIDE * lower)
    same: NDArray[np.bool_] = (turn <= TURN) & (off <= LEVEL * lower) & (upon | chained)
    return same


def _covered(texts: Texts) -> NDArray[np.bool_]:
    """Return which texts lie mostly in others that have more weight (N, bool)."""
    one, other = _crossing(texts)
    lighter = texts.weight[one] < texts.weight[other]
    small, large = np.where(lighter, one, other), np.where(lighter, other, one)
    wide, high, _, turn = _meeting(texts, large, small)
    begin, end, top, bottom = texts.ends[:, small]
    shared = np.clip(wide, 0, None) * np.clip(high, 0, None) * (turn <= TURN)
    part = shared / np.maximum((end - begin) * (bottom - top), 1e-6)
    covered: NDArray[np.bool_] = np.bincount(small, part, len(texts.weight)) >= COVERED
    return covered


def _meeting(
    texts: Texts, a: NDArray[np.intp], b: NDArray[np.intp]
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return how far pairs reach into each other along and across, how far off their middles are
    across, and their turn: in the frame of the first, as if the second were turned as it is."""
    turn = texts.angle[a] - texts.angle[b]
    begin, end, top, bottom = texts.ends[:, b]
    along, down = (begin + end) / 2, (top + bottom) / 2
    cosine, sine = np.cos(turn), np.sin(turn)
    along, down = along * cosine - down * sine, along * sine + down * cosine
    half, tall = (end - begin) / 2, (bottom - top) / 2
    begin_a, end_a, top_a, bottom_a = texts.ends[:, a]
    wide = np.minimum(end_a, along + half) - np.maximum(begin_a, along - half)
    high = np.minimum(bottom_a, down + tall) - np.maximum(top_a, down - tall)
    return wide, high, np.abs(down - (top_a + bottom_a) / 2), np.abs(turn)


def _components(count: int, a: NDArray[np.intp], b: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of the connected component of each of `count` nodes."""
    root = np.arange(count)
    while True:
        low = np.minimum(root[a], root[b])
        before = root.copy()
        np.minimum.at(root, root[a], low)
        np.minimum.at(root, root[b], low)
        root = root[root]
        if np.array_equal(root, before):
            break
    label: NDArray[np.intp] = np.unique(root, return_inverse=True)[1]
    return label
