"""The order in which boxes on a page are read: columns one after the other, lines in each.

A recursive cut of the page as by Nagy and Seth (Hierarchical representation of optically scanned
documents, ICPR 1984) over boxes instead of pixels (Ha, Haralick and Phillips, Recursive X-Y cut
using bounding boxes of connected components, ICDAR 1995). What they leave open is which cut comes
first: here the longest stretch that white runs down through is cut upright, so that neither a
heading above two columns nor a paragraph's end in one of them tears the other.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""N x 4: x0, y0, x1, y1."""

GUTTER = 0.7
"""Columns are at least so many lines' heights apart,"""

NARROWEST = 5.0
"""at least so many wide,"""

SHORTEST = 2.6
"""and stand beside each other for at least so many: three lines."""

BAND = 1.5
"""White of so many from side to side ends all columns."""

FILLED = 0.3
"""A column's usual line takes this share of its width: figures strewn over a table do not."""

DEEPEST = 12


def columns(boxes: Boxes, height: float) -> list[list[int]]:
    """Return boxes (N x 4) as the columns they stand in, all in reading order, by their indices.

    A column is a list of boxes that are read one after the other; `height` is a line's, in pixels.
    """
    return _columns(boxes, list(range(len(boxes))), height, 0)


def _columns(boxes: Boxes, members: list[int], height: float, depth: int) -> list[list[int]]:
    """Cut some of the boxes; what cannot be cut any more is one column."""
    left = sorted(members, key=lambda i: (boxes[i, 1], boxes[i, 0]))
    found: list[list[int]] = []
    plain: list[int] = []
    edges = (float(boxes[members, 0].min()), float(boxes[members, 2].max())) if members else (0, 0)
    while left:
        parts = _side_by_side(boxes, left, height, edges) if depth < DEEPEST else []
        if not parts:
            plain.append(left.pop(0))
            continue
        if plain:
            found.append(in_rows(boxes, plain))
            plain = []
        for part in parts:
            found += _columns(boxes, part, height, depth + 1)
        taken = {i for part in parts for i in part}
        left = [i for i in left if i not in taken]
    return [*found, in_rows(boxes, plain)] if plain else found


@dataclass
class _Stretch:
    """What stands from some line downwards, and the white that runs down through all of it."""

    members: list[int] = field(default_factory=list)
    white: list[tuple[float, float]] = field(default_factory=lambda: [(-np.inf, np.inf)])

    def without(self, x0: float, x1: float, least: float) -> list[tuple[float, float]]:
        """Return the white that remains beside a box from x0 to x1."""
        parts = itertools.chain.from_iterable(
            ((a, min(b, x0)), (max(a, x1), b)) if a < x1 and x0 < b else ((a, b),)
            for a, b in self.white
        )
        return [(a, b) for a, b in parts if b - a >= least]


def _side_by_side(
    boxes: Boxes, members: list[int], height: float, edges: tuple[float, float]
) -> list[list[int]]:
    """Return the columns that begin with the first of the boxes, sorted from top to bottom.

    None where it stands in no column. `edges` are how far left and right anything reaches.
    """
    stretch, bottom = _Stretch(), np.inf
    for i in members:
        x0, y0, x1, y1 = boxes[i]
        white = stretch.without(x0, x1, GUTTER * height)
        between = len(white) > 2
        torn = len(stretch.white) > 2 or _is_full(white, edges, height)
        if y0 - bottom > BAND * height or (torn and not between):
            break
        stretch.members.append(i)
        stretch.white = white
        bottom = y1 if bottom == np.inf else max(bottom, y1)
    gutters = np.array([(a + b) / 2 for a, b in stretch.white[1:-1]])
    return _parted(boxes, stretch.members, gutters, height)


def _is_full(white: list[tuple[float, float]], edges: tuple[float, float], height: float) -> bool:
    """Return whether there is no room for another column beside what stands there."""
    room = max(white[0][1] - edges[0], edges[1] - white[-1][0])
    return room < (NARROWEST + GUTTER) * height


def _parted(
    boxes: Boxes, members: list[int], gutters: NDArray[np.float64], height: float
) -> list[list[int]]:
    """Return the boxes between the gutters, those gutters left out that part no columns."""
    middles = boxes[members][:, [0, 2]].mean(axis=1)
    places = np.searchsorted(gutters, middles)
    parts: list[list[int]] = []
    for place in range(len(gutters) + 1):
        part = [members[i] for i in np.flatnonzero(places == place)]
        if parts and not _are_columns(boxes, parts[-1], part, height):
            parts[-1] += part
        elif part:
            parts.append(part)
    return _with_head(boxes, parts) if len(parts) > 1 else []


def _with_head(boxes: Boxes, parts: list[list[int]]) -> list[list[int]]:
    """Return columns with what stands above all others of them, such as a heading, first."""
    tops = [float(boxes[part, 1].min()) for part in parts]
    heads = [
        [i for i in part if boxes[i, 3] <= min(tops[:number] + tops[number + 1 :])]
        for number, part in enumerate(parts)
    ]
    head = [i for part in heads[1:] for i in part]
    return [part for part in (head, *([i for i in p if i not in head] for p in parts)) if part]


def _are_columns(boxes: Boxes, left: list[int], right: list[int], height: float) -> bool:
    """Return whether two groups of boxes are two columns, rather than parts of the same rows."""
    if not left or not right:
        return False
    # Small print has columns of its own.
    sides = boxes[left + right]
    height = min(height, float(np.median(sides[:, 3] - sides[:, 1])))
    tops, ends = [], []
    for group in (left, right):
        own = boxes[group]
        width = own[:, 2].max() - own[:, 0].min()
        usual = np.median(own[:, 2] - own[:, 0])
        if width < NARROWEST * height or usual < FILLED * width:
            return False
        tops.append(own[:, 1].min())
        ends.append(own[:, 3].max())
    beside = min(ends) - max(tops)
    shorter = min(end - top for top, end in zip(tops, ends, strict=True))
    return bool(beside >= SHORTEST * height and beside >= 0.5 * shorter)


def in_rows(boxes: Boxes, members: list[int]) -> list[int]:
    """Return boxes of one column in reading order: row by row, each from left to right."""
    return [i for row in rows_of(boxes, members) for i in row]


def rows_of(boxes: Boxes, members: list[int]) -> list[list[int]]:
    """Return boxes of one column as rows from top to bottom, each from left to right."""
    rows: list[list[int]] = []
    for i in sorted(members, key=lambda i: boxes[i, 1] + boxes[i, 3]):
        if rows and _same_row(boxes, rows[-1], i):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [sorted(row, key=lambda i: boxes[i, 0]) for row in rows]


def _same_row(boxes: Boxes, row: list[int], other: int) -> bool:
    """Return whether a box goes on a row: beside all of it, and beside its last one in height."""
    x0, y0, x1, y1 = boxes[other]
    own = boxes[row]
    over = np.minimum(own[:, 2], x1) - np.maximum(own[:, 0], x0)
    if (over > 0.25 * np.minimum(own[:, 2] - own[:, 0], x1 - x0)).any():
        return False
    near = own[np.argmin(np.abs(own[:, [0, 2]].mean(axis=1) - (x0 + x1) / 2))]
    shared = min(near[3], y1) - max(near[1], y0)
    return bool(shared > 0.5 * min(near[3] - near[1], y1 - y0))
