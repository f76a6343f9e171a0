"""Which lines of a page are headings: larger than its body, or in the middle above it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.regions.margins import Body, quantile
from pipeline.regions.order import Boxes, rows_of

LARGER = 1.3
"""So much higher than nearly all of the body's lines are a heading's,"""

INDENT = 0.1
"""or on both sides of it this share of the body's width is free,"""

CENTRED = 0.06
"""its middle is no farther from the body's than this share of it,"""

SPACED = 1.2
"""and below it is so much more white than between lines."""

ROWS = 4
"""A heading has no more rows than these."""

ABOVE = 5.0
"""It ends no more than so many lines' heights above what it heads:"""

WIDE = 0.4
"""a table, or rows of text of which the first is as wide as this share of the body,"""

BODY = 2
"""and these are so many at least."""

NARROW = 0.7
"""What takes less than this share of the body's width is one of several columns."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a column: its boxes by number, its box, the column's edges and usual white."""

    members: list[int]
    x0: float
    y0: float
    x1: float
    y1: float
    left: float
    right: float
    white: float

    @property
    def width(self) -> float:
        """The share of the column's width that it takes."""
        return (self.x1 - self.x0) / (self.right - self.left)

    @property
    def is_centred(self) -> bool:
        free = min(self.x0 - self.left, self.right - self.x1)
        off = abs(self.x0 + self.x1 - self.left - self.right) / 2
        wide = self.right - self.left
        return bool(free >= INDENT * wide and off <= CENTRED * wide)


def find_headings(
    lines: Boxes,
    heights: NDArray[np.float64],
    tables: Boxes,
    columns: list[list[int]],
    body: Body,
    height: float,
) -> NDArray[np.bool_]:
    """Return which of N lines are headings of what is read after them.

    `heights` (N) are the lines' own, `height` is the body's; `columns` holds, in reading order, the
    indices of lines (below N) and of tables (from N on).
    """
    found = np.zeros(len(lines), bool)
    rows = _rows(np.concatenate([lines, tables]), columns, body)
    if not rows:
        return found
    tall = height
    if len(tables) == 0:
        tall = max(height, quantile(heights, lines[:, 2] - lines[:, 0], 0.75))
    heads, text = 0, 0  # how many rows right below are of a heading, of the body
    for row, below in zip(reversed(rows), [None, *reversed(rows[1:])], strict=True):
        is_table = max(row.members) >= len(lines)
        if below is None or is_table or row.y0 >= below.y0 or below.y0 - row.y1 > ABOVE * height:
            heads, text = 0, BODY if is_table else 1
            continue
        size = heights[row.members].mean()
        white = max(0.3 * height, SPACED * below.white)
        spaced = heads or below.y0 - row.y1 >= white or size >= 1.1 * height
        stands_out = (row.is_centred and spaced) or (size >= LARGER * tall and row.width < 0.9)
        begins = text >= BODY and (below.width >= WIDE or max(below.members) >= len(lines))
        if stands_out and (begins or 0 < heads < ROWS):
            found[row.members] = True
            heads, text = heads + 1, 0
        else:
            heads, text = 0, text + 1
    return found


def _rows(boxes: Boxes, columns: list[list[int]], body: Body) -> list[_Row]:
    """Return the rows of all columns in reading order."""
    found = []
    for column in columns:
        left, right = float(boxes[column, 0].min()), float(boxes[column, 2].max())
        if len(column) <= ROWS or right - left >= NARROW * body.width:
            left, right = min(body.left, left), max(body.right, right)
        rows = rows_of(boxes, column)
        spans = [(boxes[row, :2].min(axis=0), boxes[row, 2:].max(axis=0)) for row in rows]
        gaps = [low[1] - high[1] for (_, high), (low, _) in itertools.pairwise(spans)]
        white = float(np.median(gaps)) if gaps else 0.0
        for row, ((x0, y0), (x1, y1)) in zip(rows, spans, strict=True):
            found.append(_Row(row, x0, y0, x1, y1, left, max(right, left + 1), white))
    return found
