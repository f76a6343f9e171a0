"""Cut out what is to be read: the ink of each cell, without its neighbours' and the rules'."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray, Mask
from pipeline.tables.structure.grid import Grid
from pipeline.tables.structure.signals import closed, ink_along, is_turned, runs
from pipeline.tables.structure.strokes import Strokes

PAPER = 250
NEAR, AROUND = np.ones((3, 3), np.uint8), np.ones((5, 5), np.uint8)
SPLIT = -2

Extent = tuple[int, int, int, int]
"""Top, left, bottom, right; the last two exclusive."""


def cell_crops(
    gray: Gray, ink: Mask, text: Strokes, grid: Grid, height: float
) -> dict[tuple[int, int, int], Gray]:
    """Return a crop (h x w, gray) for each (row, column, line) with ink; blank cells have none.

    `gray`, `ink` and `text` (the ink without rules) are the straightened page's, `height` its
    characters' height in pixels. A stroke belongs to the line of the cell that holds most of it,
    wherever it ends; other ink within the crop is painted over. A cell of several places has its
    crops at the first of them. Heads are cut into the lines that they are written in, and turned
    upright where they are read from bottom to top.
    """
    around = _around(grid, text.mask.shape, height)
    places = _places(grid, text.mask.shape)
    owner, extents = _owners(text, places, around, height)
    lines = [(row, k) for row, cut in enumerate(grid.rows) for k in range(len(cut))]
    spanning = {(span.row, span.column) for span in grid.spans}
    pad = round(0.25 * height)
    crops = {}
    for index, (top, left, bottom, right) in extents.items():
        line, column = divmod(index, len(grid.xs) - 1)
        row, k = lines[line]
        y0, y1 = max(around[0], top - pad), min(around[2], bottom + pad)
        x0, x1 = max(around[1], left - pad), min(around[3], right + pad)
        window = np.s_[y0:y1, x0:x1]
        cell = owner[text.labels[window]]
        if (cell == SPLIT).any():
            cell = np.where(cell == SPLIT, places.cell(*np.ogrid[window]), cell)
        own = cell == index
        head = len(grid.rows[row]) == 1 and row < grid.header_rows
        if (head or (row, column) in spanning) and bottom - top > 1.8 * height:
            written = own & text.mask[window]
            for part, crop in enumerate(_lines(gray[window], ink[window], own, written, height)):
                crops[row, column, part] = crop
        else:
            crops[row, column, k] = _crop(gray[window], ink[window], own)
    return crops


def _lines(gray: Gray, ink: Mask, own: Mask, written: Mask, height: float) -> list[Gray]:
    """Return the crops of the lines that a head is written in, `written` (h x w) being its ink."""
    if is_turned(written, height):
        gray = np.ascontiguousarray(np.rot90(gray, -1))
        ink, own, written = (
            np.ascontiguousarray(np.rot90(part, -1)) for part in (ink, own, written)
        )
    pad = round(0.25 * height)
    crops = []
    for top, bottom in _bands(written, height):
        xs = np.flatnonzero(ink_along(written[top:bottom], 0))
        y0, x0 = max(0, top - pad), max(0, int(xs[0]) - pad)
        window = np.s_[y0 : bottom + pad, x0 : int(xs[-1]) + 1 + pad]
        mine = own[window].copy()
        mine[: top - y0] = False
        mine[bottom - y0 :] = False
        crops.append(_crop(gray[window], ink[window], mine))
    return crops


def _bands(written: Mask, height: float) -> list[tuple[int, int]]:
    """Return the top and bottom of each line of text; what is low, such as an accent, joins one."""
    found = runs(closed(ink_along(written, 1) > 0, round(0.1 * height)))
    while len(found) > 1:
        low = min(range(len(found)), key=lambda i: found[i][1] - found[i][0])
        if found[low][1] - found[low][0] >= 0.45 * height:
            break
        gaps = [
            (found[max(i, low)][0] - found[min(i, low)][1], i)
            for i in (low - 1, low + 1)
            if 0 <= i < len(found)
        ]
        _, other = min(gaps)
        first = min(low, other)
        found[first : first + 2] = [(found[first][0], found[first + 1][1])]
    return found


@dataclass(frozen=True, slots=True)
class _Places:
    """Which line each y of the page is in and which column each x, -1 for none.

    Lines are counted through the rows of the grid. `edges` are the x of the columns' edges,
    `anchor` (lines x columns) tells which cell a place is part of.
    """

    line: NDArray[np.int32]
    column: NDArray[np.int32]
    edges: NDArray[np.float64]
    anchor: NDArray[np.int32]

    def cell(self, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> NDArray[np.int32]:
        """Return the cell of each point, line times columns plus column; -1 for none."""
        line, column = self.line[ys], self.column[xs]
        inside = (line >= 0) & (column >= 0)
        return np.where(inside, self.anchor[line, column], np.int32(-1))


def _places(grid: Grid, shape: tuple[int, ...]) -> _Places:
    edges = np.array(grid.xs)
    column = np.searchsorted(edges, np.arange(shape[1]) + 0.5, side="right") - 1
    column[column >= len(edges) - 1] = -1
    line = np.full(shape[0], -1, np.int32)
    for n, (top, bottom) in enumerate(itertools.chain.from_iterable(grid.rows)):
        line[max(0, int(top)) : max(0, int(bottom))] = n
    lines = [row for row, cut in enumerate(grid.rows) for _ in cut]
    columns = len(edges) - 1
    anchor = np.arange(len(lines) * columns, dtype=np.int32).reshape(len(lines), columns)
    for span in grid.spans:
        own = [n for n, row in enumerate(lines) if 0 <= row - span.row < span.rows]
        place = np.s_[own[0] : own[-1] + 1, span.column : span.column + span.columns]
        anchor[place] = anchor[own[0], span.column]
    return _Places(line, column.astype(np.int32), edges, anchor)


def _around(grid: Grid, shape: tuple[int, ...], height: float) -> Extent:
    """Return how far a crop may reach beyond the grid."""
    box, margin = grid.box, round(0.6 * height)
    return (
        max(0, int(box.y0) - margin),
        max(0, int(box.x0) - margin),
        min(shape[0], int(np.ceil(box.y1)) + margin),
        min(shape[1], int(np.ceil(box.x1)) + margin),
    )


def _owners(
    text: Strokes, places: _Places, around: Extent, height: float
) -> tuple[NDArray[np.int32], dict[int, Extent]]:
    """Return the cell that each stroke belongs to, and the extent of each cell's ink.

    A stroke goes as a whole to the cell with at least 60 % of it, else pixel by pixel (`SPLIT`);
    specks, and slim remains of a rule on a column's edge, to none (-1). A cell with too little ink
    for any character has no extent.
    """
    x0, y0, wide, tall, area = text.stats.T
    x1, y1 = x0 + wide, y0 + tall
    near = (y1 > around[0]) & (x1 > around[1]) & (y0 < around[2]) & (x0 < around[3])
    nearest = np.abs((x0 + wide / 2)[:, None] - places.edges[None, :]).min(axis=1)
    near &= (area >= 4) & ((wide > 0.2 * height) | (nearest > 0.1 * height))
    near[0] = False  # the background
    owner = np.where(near, places.cell(y0, x0), np.int32(-1))
    across = near & ((owner < 0) | (owner != places.cell(y1 - 1, x1 - 1)))
    at = np.flatnonzero(text.mask)
    stroke = text.labels.ravel()[at]
    # Only strokes across several cells need be looked at pixel by pixel.
    parted = across[stroke]
    ys, xs = np.divmod(at[parted], text.mask.shape[1])
    cell = places.cell(ys, xs)
    owner[across] = _holders(stroke[parted], cell, area)[across]
    split = owner[stroke[parted]] == SPLIT
    ys, xs, cell = ys[split], xs[split], cell[split]
    boxes = np.concatenate(
        [
            np.column_stack([owner, y0, x0, y1, x1, area]),
            np.column_stack([cell, ys, xs, ys + 1, xs + 1, np.ones_like(cell)]),
        ]
    )
    boxes[:, 1:5] = np.clip(boxes[:, 1:5], np.tile(around[:2], 2), np.tile(around[2:], 2))
    return owner, _extents(boxes[boxes[:, 0] >= 0], 0.04 * height**2)


def _holders(
    stroke: NDArray[np.int32], cell: NDArray[np.int32], area: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the cell that holds at least 60 % of each stroke, `SPLIT` where there is none.

    `stroke` and `cell` are those of each pixel, `area` is the pixels of each stroke.
    """
    inside = cell >= 0
    cells = int(cell.max(initial=0)) + 1
    pair, share = np.unique(
        stroke[inside].astype(np.int64) * cells + cell[inside], return_counts=True
    )
    pair_stroke, pair_cell = np.divmod(pair, cells)
    mostly = share >= 0.6 * area[pair_stroke]
    holder = np.full(len(area), SPLIT, np.int32)
    holder[pair_stroke[mostly]] = pair_cell[mostly]
    return holder


def _extents(boxes: NDArray[np.int64], least: float) -> dict[int, Extent]:
    """Return the extent of each cell's ink from boxes of it: cell, extent and pixels of each.

    Cells with less than `least` pixels are left out.
    """
    cells, which = np.unique(boxes[:, 0], return_inverse=True)
    near = np.full((len(cells), 2), np.iinfo(np.int64).max)
    far = np.zeros((len(cells), 2), np.int64)
    np.minimum.at(near, which, boxes[:, 1:3])
    np.maximum.at(far, which, boxes[:, 3:5])
    ink = np.bincount(which, boxes[:, 5], len(cells))
    return {
        cell: (top, left, bottom, right)
        for cell, (top, left), (bottom, right), pixels in zip(
            cells.tolist(), near.tolist(), far.tolist(), ink.tolist(), strict=True
        )
        if pixels >= least
    }


def _crop(gray: Gray, ink: Mask, own: Mask) -> Gray:
    """Return the pixels of a window with the ink painted over that is not its own."""
    near = cv2.dilate(own.view(np.uint8), NEAR)
    foreign = cv2.dilate((ink & ~own).view(np.uint8), AROUND)
    crop = gray.copy()
    np.copyto(crop, PAPER, where=foreign > near)
    return crop


def line_crop(gray: Gray, corners: NDArray[np.float32]) -> Gray:
    """Return the crop of a line (4 x 2 corners, clockwise from its top left), upright.

    A line much taller than wide is read from bottom to top, as a turned heading is.
    """
    width = max(np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[2] - corners[3]))
    tall = max(np.linalg.norm(corners[3] - corners[0]), np.linalg.norm(corners[2] - corners[1]))
    size = (max(4, round(float(width))), max(4, round(float(tall))))
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    transform = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), target)
    crop = cv2.warpPerspective(
        gray, transform, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    if size[1] >= 2.5 * size[0]:
        crop = cv2.rotate(crop, cv2.ROTATE_90_CLOCKWISE)
    return crop.astype(np.uint8)
