"""Cut out what is to be read: the ink of each cell, without its neighbours' and the rules'."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray, Mask
from pipeline.tables.structure.grid import Grid

PAPER = 250


def cell_crops(
    gray: Gray, ink: Mask, text: Mask, grid: Grid, height: float
) -> dict[tuple[int, int, int], Gray]:
    """Return a crop (h x w, gray) for each (row, column, line) with ink; blank cells have none.

    `gray`, `ink` and `text` (the ink without rules) are the straightened page's, `height` its
    characters' height in pixels. A stroke belongs to the line of the cell that holds most of it,
    wherever it ends; other ink within the crop is painted over.
    """
    box = grid.box
    margin = round(0.6 * height)
    y0, y1 = max(0, int(box.y0) - margin), min(text.shape[0], int(np.ceil(box.y1)) + margin)
    x0, x1 = max(0, int(box.x0) - margin), min(text.shape[1], int(np.ceil(box.x1)) + margin)
    lines = [(row, k) for row, cut in enumerate(grid.rows) for k in range(len(cut))]
    edges = np.array(grid.xs) - x0
    owner = _owners(text[y0:y1, x0:x1], _cell_map(grid, (y0, x0, y1, x1)), edges, height)
    gray, ink = gray[y0:y1, x0:x1], ink[y0:y1, x0:x1]
    crops = {}
    for index, extent in _extents(owner).items():
        top, left, bottom, right = extent
        if np.count_nonzero(owner[top:bottom, left:right] == index) < 0.04 * height**2:
            continue
        line, column = divmod(index, len(grid.xs) - 1)
        row, k = lines[line]
        crops[row, column, k] = _crop(gray, ink, owner, index, extent, height)
    return crops


def _cell_map(grid: Grid, window: tuple[int, int, int, int]) -> NDArray[np.int32]:
    """Return the line x column that each pixel of a window (y0, x0, y1, x1) is in, or -1 for none.

    Lines are counted through the rows of the grid; the index is line times columns plus column.
    """
    y0, x0, y1, x1 = window
    xs = np.arange(x0, x1) + 0.5
    column = np.searchsorted(grid.xs, xs, side="right") - 1
    column[(column < 0) | (column >= len(grid.xs) - 1)] = -1
    line = np.full(y1 - y0, -1)
    for n, (top, bottom) in enumerate(itertools.chain.from_iterable(grid.rows)):
        line[max(0, int(top) - y0) : max(0, int(bottom) - y0)] = n
    cells = line[:, None] * (len(grid.xs) - 1) + column[None, :]
    cells[line < 0, :] = -1
    cells[:, column < 0] = -1
    return cells.astype(np.int32)


def _owners(
    text: Mask, cells: NDArray[np.int32], edges: NDArray[np.float64], height: float
) -> NDArray[np.int32]:
    """Return the cell that each pixel of text belongs to, -1 where there is none.

    A connected stroke goes as a whole to the cell with at least 60 % of it, else pixel by pixel;
    specks, and slim remains of a rule on a column's edge, to none.
    """
    count, labels, stats, _ = cv2.connectedComponentsWithStats(
        text.astype(np.uint8), connectivity=8
    )
    ys, xs = np.nonzero(text)
    stroke, cell = labels[ys, xs], cells[ys, xs]
    size = np.bincount(stroke, minlength=count)
    inside = cell >= 0
    pair, share = np.unique(
        stroke[inside].astype(np.int64) * (int(cells.max(initial=0)) + 1) + cell[inside],
        return_counts=True,
    )
    pair_stroke, pair_cell = np.divmod(pair, int(cells.max(initial=0)) + 1)
    whole = np.full(count, -2, np.int32)
    mostly = share >= 0.6 * size[pair_stroke]
    whole[pair_stroke[mostly]] = pair_cell[mostly]
    wide = stats[:, cv2.CC_STAT_WIDTH]
    middle = stats[:, cv2.CC_STAT_LEFT] + wide / 2
    nearest = np.abs(middle[:, None] - edges[None, :]).min(axis=1)
    whole[(size < 4) | ((wide <= 0.2 * height) & (nearest <= 0.1 * height))] = -1
    owner = np.full(text.shape, -1, np.int32)
    owner[ys, xs] = np.where(whole[stroke] == -2, cell, whole[stroke])
    return owner


def _extents(owner: NDArray[np.int32]) -> dict[int, tuple[int, int, int, int]]:
    """Return top, left, bottom, right of each cell's ink."""
    ys, xs = np.nonzero(owner >= 0)
    index = owner[ys, xs]
    order = np.argsort(index, kind="stable")
    index, ys, xs = index[order], ys[order], xs[order]
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    stops = [*starts[1:], len(index)]
    return {
        int(index[a]): (
            int(ys[a:b].min()),
            int(xs[a:b].min()),
            int(ys[a:b].max()) + 1,
            int(xs[a:b].max()) + 1,
        )
        for a, b in zip(starts, stops, strict=True)
    }


def _crop(
    gray: Gray,
    ink: Mask,
    owner: NDArray[np.int32],
    index: int,
    extent: tuple[int, int, int, int],
    height: float,
) -> Gray:
    top, left, bottom, right = extent
    pad = round(0.25 * height)
    y0, y1 = max(0, top - pad), min(gray.shape[0], bottom + pad)
    x0, x1 = max(0, left - pad), min(gray.shape[1], right + pad)
    own = (owner[y0:y1, x0:x1] == index).astype(np.uint8)
    foreign = (ink[y0:y1, x0:x1] & (own == 0)).astype(np.uint8)
    near = cv2.dilate(own, np.ones((3, 3), np.uint8))
    around = cv2.dilate(foreign, np.ones((5, 5), np.uint8))
    return np.where((around > 0) & (near == 0), PAPER, gray[y0:y1, x0:x1]).astype(np.uint8)


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
