"""Tables that go on from the left page of an open book to the right one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.tables.structure.grid import Grid, Sheet
from pipeline.tables.structure.zones import reach_beyond

LEAST = 5
"""So many rows at least must go on for it not to be chance."""


@dataclass(frozen=True, slots=True)
class Facing:
    """Two grids, by their place among a page's, that are halves of one table.

    `rows` pairs the rows of the left and the right one; `None` is a row that a half does not have.
    `offset` is how much lower, in pixels, the right page lies.
    """

    left: int
    right: int
    rows: tuple[tuple[int | None, int | None], ...]
    offset: float


def find_facing(sheet: Sheet, grids: Sequence[Grid]) -> tuple[Facing, ...]:
    """Find which grids of a page lie on both sides of its fold and have their rows in common."""
    found = []
    for (i, left), (j, right) in itertools.permutations(enumerate(grids), 2):
        if left.xs[-1] > right.xs[0] or not _fold_between(sheet, left, right):
            continue
        paired = _paired(left, right, sheet.height)
        if paired is not None:
            found.append(Facing(i, j, *paired))
    return tuple(found)


def _fold_between(sheet: Sheet, left: Grid, right: Grid) -> bool:
    """Return whether a page's fold is between two grids: its shadow, or the middle of two pages."""
    a, b = left.xs[-1], right.xs[0]
    top, bottom = min(left.box.y0, right.box.y0), max(left.box.y1, right.box.y1)
    if min(left.box.y1, right.box.y1) - max(left.box.y0, right.box.y0) < 0.7 * (bottom - top):
        return False
    tall, wide = sheet.text.mask.shape
    if reach_beyond(sheet, top, bottom, int(a), int(b) + 1).max() > 0.5:
        return True
    return bool(wide >= 1.15 * tall and 0.35 * wide <= (a + b) / 2 <= 0.65 * wide)


def _paired(
    left: Grid, right: Grid, h: float
) -> tuple[tuple[tuple[int | None, int | None], ...], float] | None:
    """Return the rows that two grids have in common, and how much lower the right ones are.

    `None` where fewer than nine tenths of the rows below the heads have a counterpart.
    """
    a, b = (
        np.array([(y0 + y1) / 2 for y0, y1 in grid.ys[grid.header_rows :]])
        for grid in (left, right)
    )
    if min(len(a), len(b)) < LEAST:
        return None
    off = b[None, :] - a[:, None]
    near = off[np.abs(off) <= 3 * h]
    if len(near) == 0:
        return None
    # The offset that most rows agree on.
    agree = (np.abs(near[:, None] - near[None, :]) <= 0.35 * h).sum(axis=1)
    offset = float(np.median(near[np.abs(near - near[int(agree.argmax())]) <= 0.35 * h]))
    pairs: list[tuple[int | None, int | None]] = []
    i = j = both = 0
    while i < len(a) or j < len(b):
        step = b[j] - offset - a[i] if i < len(a) and j < len(b) else None
        if step is not None and abs(step) <= 0.45 * h:
            pairs.append((i + left.header_rows, j + right.header_rows))
            i, j, both = i + 1, j + 1, both + 1
        elif j >= len(b) or (step is not None and step > 0):
            pairs.append((i + left.header_rows, None))
            i += 1
        else:
            pairs.append((None, j + right.header_rows))
            j += 1
    if both < max(LEAST, 0.9 * min(len(a), len(b))) or len(pairs) > 1.2 * both:
        return None
    heads = max(left.header_rows, right.header_rows)
    for row in range(1, heads + 1):  # the lowest rows of both heads name their columns
        pairs.insert(
            0,
            (
                left.header_rows - row if row <= left.header_rows else None,
                right.header_rows - row if row <= right.header_rows else None,
            ),
        )
    return tuple(pairs), offset
