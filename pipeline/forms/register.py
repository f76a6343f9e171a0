"""Lay one page onto another of the same form by their rules and their print.

A coarse search over scale and shift finds where most marks meet (a correlation of maps of them, by
Fourier transform); from the best places the marks are then matched to their nearest likes, and an
affine map is fitted to the pairs, again and again, with less and less patience for what lies off
(iterative closest points, Besl & McKay 1992, with Tukey's biweight). What is torn off, faint or
written otherwise finds no partner and has no say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.forms.marks import Array, Marks, Transform

SCALES = np.exp(np.arange(-0.36, 0.361, 0.02))
"""How the size of characters may mislead about that of the page."""

MISLED = 0.15
"""How much it usually does, as a logarithm."""

MOST = 300
"""Points of each kind that are matched."""

EARLY, LATE = (1.2, 0.8, 0.6), (0.5, 0.4, 0.4, 0.4)
"""How far off, in characters' heights, a partner may lie: step by step."""

STARTS = 8
"""Places of the coarse search that are looked at closely."""

CELL, DEEP = 1.2, 8
"""Print is looked up by squares of so many characters' heights, with at most so many boxes each."""

LEAST = 40.0
"""The evidence from which on two pages count as having the same form."""

STRETCH = 0.01
"""How much more a page is stretched in one direction than in the other, usually."""

SLIDE = np.arange(-5, 5.01, 0.33)
"""How far, in characters' heights, a page may have come to lie beside its place."""

ELSEWHERE = ((2.3, 0.0), (-3.1, 1.1), (0.7, 2.9), (-1.3, -2.2), (5.3, -3.7))
"""Where a page is moved to, in characters' heights, to see what meets there by chance."""

UPRIGHT, LEVEL, PRINTED = range(3)


@dataclass(frozen=True, slots=True)
class Registration:
    """How a page lies on another: `transform` maps the other's places to the page's.

    `evidence` is the logarithm of how many times likelier it is that so many marks meet there than
    by chance.
    """

    transform: Transform
    evidence: float


@dataclass(frozen=True, slots=True)
class _Points:
    """Places (N x 2) on marks, the kind of each, and (N x 2) the width and height of its box.

    `rules` tells how many marks there are of each kind: pieces of rules in line count as one.
    """

    places: Array
    kind: NDArray[np.int_]
    size: Array
    rules: Array


@dataclass(frozen=True, slots=True)
class _Page:
    """A page's marks, its print to be looked up by place.

    `boxes` (N + 1 x 4) are the middle, width and height of each, the last one being none; `squares`
    (rows x columns x `DEEP`) tells which of them lie in a square, counted from `corner`.
    """

    marks: Marks
    boxes: Array
    squares: NDArray[np.int_]
    corner: Array


def register(form: Marks, page: Marks) -> Registration | None:
    """Return how the marks of a form, or of a page, lie on a page; `None` where they do not.

    The transform maps the form's places to the page's. Pages may differ in scale by two fifths,
    once their characters are as high, and in shift by anything, but not be turned.
    """
    points, there = _sample(form), _page(page)
    if len(points.places) < 8:
        return None
    starts = _apart(_starts(points, form, page), points, 2 * page.height)
    begun = [_refine(points, there, matrix, EARLY, _alike) for matrix in starts[:STARTS]]
    begun.sort(key=lambda matrix: -_evidence(points, there, matrix))
    slid = [_slide(points, there, matrix) for matrix in begun[:2]]
    # Where the scale was wrong, it was moved by the wrong number of columns: once more, then.
    best = max(slid, key=lambda matrix: _evidence(points, there, matrix))
    ended = _refine(points, there, _slide(points, there, best), LATE, _affine)
    evidence = _evidence(points, there, ended)
    if evidence < LEAST or not _is_likely(ended):
        return None
    return Registration(Transform(ended), evidence)


def printed_there(boxes: Array, page: Marks) -> NDArray[np.bool_]:
    """Return which printed boxes (N x 4) a page has, too: as large, and at the same place.

    That is closer than marks must be to meet: in rows of figures some stroke is always near.
    """
    if len(boxes) == 0 or len(page.printed) == 0:
        return np.zeros(len(boxes), bool)
    middles, sizes = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    points = _Points(middles, np.full(len(boxes), PRINTED), sizes, np.zeros(3))
    off = _offsets(points, _page(page), np.eye(2, 3), 0.2)
    return np.asarray(np.isfinite(off).all(axis=1))


def _page(marks: Marks) -> _Page:
    boxes = marks.printed
    shapes = np.column_stack([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]])
    side = CELL * marks.height
    corner = shapes[:, :2].min(axis=0, initial=0) - 1.5 * side
    square = ((shapes[:, :2] - corner) / side).astype(int)
    columns, rows = square.max(axis=0, initial=0) + 2
    number = square[:, 1] * columns + square[:, 0]
    order = np.argsort(number, kind="stable")
    first = np.searchsorted(number[order], number[order])
    slot = np.arange(len(order)) - first
    squares = np.full((rows * columns, DEEP), len(boxes))
    fits = slot < DEEP
    squares[number[order][fits], slot[fits]] = order[fits]
    none = np.full((1, 4), np.inf)
    return _Page(
        marks, np.concatenate([shapes, none]), squares.reshape(rows, columns, DEEP), corner
    )


def _sample(marks: Marks) -> _Points:
    """Return places on the marks, at most `MOST` of a kind, spread evenly."""
    h = marks.height
    upright, level = _along(marks.upright, h), _along(marks.level, h)[:, ::-1]
    boxes = marks.printed
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    sizes = boxes[:, 2:] - boxes[:, :2]
    places, kinds, size = [], [], []
    for kind, (at, large) in enumerate(
        [(upright, np.zeros_like(upright)), (level, np.zeros_like(level)), (middles, sizes)]
    ):
        keep = np.unique(np.linspace(0, len(at) - 1, min(MOST, len(at))).round().astype(int))
        places.append(at[keep])
        size.append(large[keep])
        kinds.append(np.full(len(keep), kind))
    rules = [_in_line(marks.upright, h), _in_line(marks.level, h), len(places[PRINTED])]
    return _Points(
        np.concatenate(places), np.concatenate(kinds), np.concatenate(size), np.array(rules, float)
    )


def _in_line(pieces: Array, h: float) -> int:
    """Return how many different lines the pieces of rules lie on."""
    return len(pieces) and 1 + int((np.diff(np.sort(pieces[:, 0])) > 0.3 * h).sum())


def _along(pieces: Array, step: float) -> Array:
    """Return places (N x 2: across, along) on pieces of rules, `step` apart."""
    places = [np.zeros((0, 2))]
    for across, begin, end in pieces:
        along = np.arange(begin + step / 2, end, step)
        places.append(np.column_stack([np.full(len(along), across), along]))
    return np.concatenate(places)


def _starts(points: _Points, form: Marks, page: Marks) -> list[tuple[float, Array]]:
    """Return likely transforms (2 x 3) and how well maps of the marks correlate there.

    The maps' unit is a character's height on the page.
    """
    h = page.height
    theirs = [places / h for places in _all_places(page)]
    ours = _all_places(form)
    low = np.min([p.min(axis=0) for p in theirs if len(p)], axis=0, initial=0)
    high = np.max([p.max(axis=0) for p in theirs if len(p)], axis=0, initial=0)
    corner = np.min([p.min(axis=0) for p in ours if len(p)], axis=0)
    extent = np.max([p.max(axis=0) for p in ours if len(p)], axis=0) - corner
    usual = 1 / form.height
    size = np.ceil((high - low) + extent * usual * SCALES[-1]).astype(int) + 8
    shape = (_even(int(size[1])), _even(int(size[0])))
    blur = _blur(shape)
    maps = [_map(p - low, shape, blur) for p in theirs]
    starts = []
    for scale in usual * SCALES:
        total = np.zeros(shape)
        likely = np.exp(-0.5 * (np.log(scale / usual) / MISLED) ** 2)
        for places, spectrum, weight in zip(ours, maps, np.sqrt(points.rules), strict=True):
            if len(places):
                own = _map((places - corner) * scale, shape, blur)
                total += weight * np.fft.irfft2(spectrum * own.conj(), shape)
        for _ in range(2):
            y, x = np.unravel_index(int(total.argmax()), shape)
            at = np.array([x, y], float)
            at -= np.where(at > high - low + 1, (shape[1], shape[0]), 0)
            shift = at + low - corner * scale
            starts.append(
                (
                    likely * float(total[y, x]),
                    np.array([[scale * h, 0, shift[0] * h], [0, scale * h, shift[1] * h]]),
                )
            )
            ys, xs = np.arange(y - 2, y + 3) % shape[0], np.arange(x - 2, x + 3) % shape[1]
            total[np.ix_(ys, xs)] = -np.inf
    return starts


def _apart(starts: list[tuple[float, Array]], points: _Points, far: float) -> list[Array]:
    """Return the transforms, the likeliest first, without those that lie `far` or less from one."""
    low, high = points.places.min(axis=0), points.places.max(axis=0)
    corners = np.array([(*low, 1), (*high, 1)])
    kept: list[Array] = []
    for _, matrix in sorted(starts, key=lambda start: -start[0]):
        if all(np.abs(corners @ (matrix - other).T).max() > far for other in kept):
            kept.append(matrix)
    return kept


def _all_places(marks: Marks) -> list[Array]:
    """Return the places (N x 2) on the marks, by kind."""
    h = marks.height
    boxes = marks.printed
    return [
        _along(marks.upright, h),
        _along(marks.level, h)[:, ::-1],
        (boxes[:, :2] + boxes[:, 2:]) / 2,
    ]


def _even(size: int) -> int:
    """Return the next size that transforms fast: a multiple of 16."""
    return -(-size // 16) * 16


def _blur(shape: tuple[int, int]) -> Array:
    """Return the transfer function of a Gaussian whose deviation is one unit, without its mean."""
    y = np.fft.fftfreq(shape[0])[:, None]
    x = np.fft.rfftfreq(shape[1])[None, :]
    transfer = np.exp(-2 * np.pi**2 * (x * x + y * y))
    transfer[0, 0] = 0
    return np.asarray(transfer)


def _map(places: Array, shape: tuple[int, int], blur: Array) -> NDArray[np.complex128]:
    """Return the spectrum of a map of places (N x 2: x, y, in units), of unit energy."""
    filled = np.zeros(shape)
    xs, ys = places.round().astype(int).T
    filled[np.clip(ys, 0, shape[0] - 1), np.clip(xs, 0, shape[1] - 1)] = 1
    spectrum = np.fft.rfft2(filled) * blur
    energy = float(np.sqrt(np.sum(np.abs(spectrum) ** 2)))
    return np.asarray(spectrum / max(energy, 1e-9), np.complex128)


Fit = Callable[[Array, Array, Array, Array], Array]
"""Fits a transform to places (N x 3: x, y, 1), targets (N x 2), weights (N x 2), and one before."""


def _refine(
    points: _Points, page: _Page, matrix: Array, patience: tuple[float, ...], fit: Fit
) -> Array:
    """Return the transform after matching the points with the page's marks again and again."""
    ones = np.column_stack([points.places, np.ones(len(points.places))])
    each = 1 / np.sqrt(np.maximum(1, np.bincount(points.kind, minlength=3)))[points.kind]
    for reach in patience:
        off = _offsets(points, page, matrix, reach)
        met = np.isfinite(off)
        off = np.where(met, off, 0)
        closeness = np.maximum(0, 1 - np.square(off / (reach * page.marks.height))) ** 2
        weights = np.where(met, closeness * each[:, None], 0)
        if (np.count_nonzero(weights, axis=0) < 4).any():
            break
        matrix = fit(ones, ones @ matrix.T + off, weights, matrix)
    return matrix


def _alike(ones: Array, target: Array, weights: Array, before: Array) -> Array:
    """Fit a scale, the same for both directions, and a shift."""
    middle = np.array([np.average(ones[:, i], weights=weights[:, i]) for i in (0, 1)])
    goal = np.array([np.average(target[:, i], weights=weights[:, i]) for i in (0, 1)])
    places, goals = ones[:, :2] - middle, target - goal
    scale = np.sum(weights * places * goals) / max(np.sum(weights * places**2), 1e-12)
    if scale <= 0:
        return before
    return np.column_stack([scale * np.eye(2), goal - scale * middle])


def _affine(ones: Array, target: Array, weights: Array, before: Array) -> Array:
    """Fit an affine map, drawn to the one before, its shear more than its scale.

    So few marks, close together, do not turn the page about.
    """
    rows = []
    for axis in (0, 1):
        weight = weights[:, axis]
        middle = np.append(np.average(ones[:, :2], axis=0, weights=weight), 0)
        centred = ones - middle
        spread = np.average(np.square(centred[:, :2]).sum(axis=1), weights=weight)
        firm = np.zeros(3)
        firm[axis], firm[1 - axis] = 0.3, 1.0
        ridge = np.diag(firm * weight.sum() * spread)
        goal = target[:, axis] - centred[:, :2] @ before[axis, :2]
        normal = centred.T @ (centred * weight[:, None]) + ridge
        change = np.linalg.solve(normal, centred.T @ (weight * goal))
        row = np.append(before[axis, :2] + change[:2], change[2])
        row[2] -= row[:2] @ middle[:2]
        rows.append(row)
    return np.array(rows)


def _slide(points: _Points, page: _Page, matrix: Array) -> Array:
    """Return the transform, moved along each axis to where most marks meet, and matched again.

    In a row of figures that are alike, a page may have come to lie a figure or a column off.
    """
    for axis in (0, 1):
        moves = np.zeros((len(SLIDE), 2, 3))
        moves[:, axis, 2] = SLIDE * page.marks.height
        met = [float(_met(points, page, matrix + move) @ points.rules) for move in moves]
        matrix = matrix + moves[int(np.argmax(met))]
    return _refine(points, page, matrix, EARLY, _alike)


def _offsets(points: _Points, page: _Page, matrix: Array, reach: float) -> Array:
    """Return how far (dx, dy) from each point the nearest mark of its kind lies; NaN: too far.

    Of a rule only the distance across counts: the other is NaN.
    """
    h = page.marks.height
    moved = points.places @ matrix[:, :2].T + matrix[:, 2]
    off = np.full(moved.shape, np.nan)
    for kind, pieces, across in ((UPRIGHT, page.marks.upright, 0), (LEVEL, page.marks.level, 1)):
        own = points.kind == kind
        if own.any() and len(pieces):
            along = moved[own, 1 - across, None]
            gap = pieces[None, :, 0] - moved[own, across, None]
            beside = (along < pieces[:, 1] - h) | (along > pieces[:, 2] + h)
            off[own, across] = _nearest(gap, np.where(beside, np.inf, np.abs(gap)), reach * h)
    own = points.kind == PRINTED
    if own.any():
        near = page.boxes[_around(page, moved[own])]
        gap = near[:, :, :2] - moved[own, None, :]
        large = points.size[own] * np.abs(np.diag(matrix))
        unlike = np.abs(near[:, :, 2:] - large[:, None]).max(axis=2) > 0.35 * h
        far = np.where(unlike, np.inf, np.abs(gap).max(axis=2))
        off[own, 0] = _nearest(gap[:, :, 0], far, reach * h)
        off[own, 1] = _nearest(gap[:, :, 1], far, reach * h)
    return off


def _around(page: _Page, places: Array) -> NDArray[np.int_]:
    """Return the numbers (N x 9 `DEEP`) of the boxes in the squares about places (N x 2)."""
    rows, columns, _ = page.squares.shape
    at = (places - page.corner) / (CELL * page.marks.height)
    x, y = np.clip(at, -1e6, 1e6).astype(int).T
    found = []
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            inside = (x + dx >= 0) & (x + dx < columns) & (y + dy >= 0) & (y + dy < rows)
            near = page.squares[np.clip(y + dy, 0, rows - 1), np.clip(x + dx, 0, columns - 1)]
            found.append(np.where(inside[:, None], near, len(page.boxes) - 1))
    return np.concatenate(found, axis=1)


def _nearest(gap: Array, far: Array, reach: float) -> Array:
    best = far.argmin(axis=1)
    every = np.arange(len(gap))
    return np.where(far[every, best] <= reach, gap[every, best], np.nan)


def _evidence(points: _Points, page: _Page, matrix: Array) -> float:
    """Return by how much likelier the transform makes what meets, as a logarithm.

    Of every kind of marks, so many meet; where the page is moved by a few characters, so many do by
    chance (the likelihood ratio of two binomial distributions). Pages stretched one way are rarer.
    """
    h = page.marks.height
    met = _met(points, page, matrix)
    moves = [np.array([[0, 0, dx * h], [0, 0, dy * h]]) for dx, dy in ELSEWHERE]
    chance = np.mean([_met(points, page, matrix + move) for move in moves], axis=0)
    p, q = np.clip(met, 0.01, 0.99), np.clip(chance, 0.01, 0.99)
    gain = p * np.log(p / q) + (1 - p) * np.log((1 - p) / (1 - q))
    stretch = np.log(abs(matrix[0, 0] / matrix[1, 1])) / STRETCH
    return float(np.sum(points.rules * np.where(p > q, gain, -gain)) - stretch**2 / 2)


def _met(points: _Points, page: _Page, matrix: Array) -> Array:
    """Return the share of the points of each kind that have a partner; of none, it is 0."""
    met = np.isfinite(_offsets(points, page, matrix, LATE[-1])).any(axis=1)
    count = np.bincount(points.kind, minlength=3)
    return np.asarray(np.bincount(points.kind, met, minlength=3) / np.maximum(count, 1))


def _is_likely(matrix: Array) -> bool:
    """Tell whether a transform keeps a page much as it is: no mirror, no shear, no stretching."""
    (a, b), (c, d) = matrix[:, :2]
    return bool(a > 0 and d > 0 and 0.9 < a / d < 1.11 and max(abs(b / a), abs(c / d)) < 0.04)
