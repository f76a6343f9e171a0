"""Marks that stand for no value or for the one above: a dash, two short strokes.

They are so small that a reader of text makes anything of them, or nothing; their shape tells. A
cell that holds nothing else says `-` or `"`.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.grid import Grid, Sheet

DASH, DITTO = "-", '"'

Place = tuple[int, int]
"""Row and column."""


def find_marks(sheet: Sheet, grid: Grid) -> dict[Place, str]:
    """Return the dashes and ditto marks below a table's head, by place.

    A dash is one slim level stroke at the height of the row's text, be it as long as a rule; ditto
    marks are two short upright strokes side by side.
    """
    where = _Places(sheet, grid)
    stats = sheet.text.stats[1:]
    stats = stats[stats[:, cv2.CC_STAT_AREA] >= 4]
    x, y, wide, tall, area = stats.T
    place = where.of(x + wide / 2, y + tall / 2)
    inside = place >= 0
    ink = np.bincount(place[inside], area[inside], where.count)
    found = {}
    for cell in np.flatnonzero((ink > 0) & (ink < 0.6 * where.height**2)).tolist():
        row, column = divmod(cell, where.columns)
        if row < grid.header_rows or (row, column) in grid.covered:
            continue
        own = stats[(place == cell) & (area >= 0.1 * ink[cell])]
        mark = _mark(own, ink[cell], where.middles[row], where.height)
        if mark:
            found[row, column] = mark
    return found | _long_dashes(sheet, grid, where, ink)


class _Places:
    """Which place of a grid points of the page are in, and where each row's text has its middle.

    `height` is that of most characters of the page, which marks are measured against.
    """

    def __init__(self, sheet: Sheet, grid: Grid) -> None:
        self.edges = np.array(grid.xs)
        self.columns = len(grid.xs) - 1
        self.tops, self.bottoms = np.array(grid.ys).T
        self.count = len(grid.rows) * self.columns
        self.height = sheet.height
        self.middles = self._middles(sheet)

    def of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int_]:
        """Return the place of each point, row times columns plus column; -1 for none."""
        row = np.searchsorted(self.tops, y, side="right") - 1
        column = np.searchsorted(self.edges, x, side="right") - 1
        inside = (row >= 0) & (column >= 0) & (column < self.columns)
        inside &= y < self.bottoms[np.maximum(row, 0)]
        return np.where(inside, row * self.columns + column, -1)

    def _middles(self, sheet: Sheet) -> list[float]:
        """Return the y of the middle of each row's characters."""
        h = sheet.height
        _, y, _, tall, area = sheet.text.stats[1:].T
        plain = (area > 0) & (tall >= 0.6 * h) & (tall <= 1.6 * h)
        if plain.sum() >= 10:
            self.height = float(np.median(tall[plain]))
        middle = np.sort((y + tall / 2)[plain])
        found = []
        for top, bottom in zip(self.tops.tolist(), self.bottoms.tolist(), strict=True):
            a, b = np.searchsorted(middle, (top, bottom))
            found.append(float(np.median(middle[a:b])) if b - a >= 3 else (top + bottom) / 2)
        return found


def _mark(strokes: NDArray[np.int32], ink: float, middle: float, h: float) -> str | None:
    """Return what the only strokes of a cell with so much ink are, `None` if they are no mark."""
    x, y, wide, tall, area = strokes.T
    if len(strokes) == 1:
        slim = wide[0] >= 2 * tall[0] and area[0] <= 0.3 * h * wide[0] and tall[0] <= 0.4 * h
        level = abs(y[0] + tall[0] / 2 - middle) <= 0.4 * h
        return DASH if slim and level and wide[0] >= 0.3 * h and area[0] >= 0.9 * ink else None
    if len(strokes) != 2 or area.sum() < 0.9 * ink:
        return None
    small = (wide <= 0.5 * h).all() and (tall <= 0.75 * h).all() and (tall >= 0.12 * h).all()
    upright = (tall >= 0.8 * wide).all() and tall.max() >= 0.28 * h
    alike = tall.min() >= 0.5 * tall.max() and area.min() >= 0.4 * area.max()
    beside = min(y + tall) - max(y) >= 0.5 * tall.min()
    apart = 0.08 * h <= abs(np.diff(x + wide / 2)[0]) <= 0.9 * h
    near = abs((min(y) + max(y + tall)) / 2 - middle) <= 0.7 * h
    return DITTO if small and upright and alike and beside and apart and near else None


def _long_dashes(sheet: Sheet, grid: Grid, where: _Places, ink: NDArray[Any]) -> dict[Place, str]:
    """Return the dashes so long that they were taken for pieces of level rules.

    They leave room to both sides, and stand at the height of the text in a cell without any.
    """
    h = where.height
    found = {}
    for x0, y0, x1, y1 in sheet.rules.horizontal_pieces.tolist():
        middle = (y0 + y1) / 2
        [cell] = where.of(np.array([(x0 + x1) / 2]), np.array([middle])).tolist()
        if cell < 0 or ink[cell] >= 0.03 * h**2:
            continue
        row, column = divmod(cell, where.columns)
        left, right = grid.xs[column], grid.xs[column + 1]
        room = min(x0 - left, right - x1) >= max(0.15 * h, 0.05 * (right - left))
        level = abs(middle - where.middles[row]) <= 0.4 * h
        if room and level and row >= grid.header_rows:
            found[row, column] = DASH
    return found
