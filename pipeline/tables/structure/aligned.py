"""Tables without upright rules: text that stands in columns."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.grid import Box, Grid, Sheet
from pipeline.tables.structure.header import head_end, level_rules, with_head
from pipeline.tables.structure.rows import filled, text_rows
from pipeline.tables.structure.signals import closed, ink_along, runs


def aligned_grids(sheet: Sheet) -> list[Grid]:
    """Find tables without upright rules: rows that leave two or more common gutters free.

    Of all stretches of rows, the one that makes the most cells is a table, then the next among what
    is left. Where too few of its places are filled it is only scattered text.
    """
    h = sheet.height
    tall, wide = sheet.text.mask.shape
    rows = text_rows(sheet, Box(0, 0, wide, tall), [], fill=False)
    covered = [
        closed(ink_along(sheet.text.mask[int(top) : int(np.ceil(bottom))], 0) >= 2, round(0.8 * h))
        for top, bottom in rows
    ]
    grids = []
    pending = [(0, len(rows))]
    while pending:
        first, last = pending.pop()
        best: tuple[int, int, int, Grid] | None = None
        for start in range(first, last - 2):
            union = np.zeros(wide, int)
            for stop in range(start + 1, last + 1):
                if stop > start + 1 and rows[stop - 1][0] - rows[stop - 2][1] > 4 * h:
                    break
                union = union + covered[stop - 1]
                columns = _columns(union, stop - start, h)
                if len(columns) < 3 and stop - start >= 3:
                    break
                size = (stop - start) * len(columns)
                if stop - start < 3 or (best is not None and size <= best[0]):
                    continue
                grid = _aligned_grid(sheet, rows[start:stop], columns)
                if grid is not None:
                    best = (size, start, stop, grid)
        if best is not None:
            _, start, stop, grid = best
            grids.append(_headed(sheet, grid, rows[first:start]))
            pending += [(first, start), (stop, last)]
    return sorted(grids, key=lambda grid: grid.ys[0][0])


def _aligned_grid(
    sheet: Sheet, rows: list[tuple[float, float]], columns: list[tuple[int, int]]
) -> Grid | None:
    """Return the grid of these rows and columns, or `None` where too few places are filled."""
    h = sheet.height
    inner = [(b + c) / 2 for (_, b), (c, _) in itertools.pairwise(columns)]
    xs = [columns[0][0] - 0.3 * h, *inner, columns[-1][1] + 0.3 * h]
    share = filled(sheet, xs, rows).mean()
    if len(rows) * len(columns) < 12 or share < (0.6 if len(rows) >= 5 else 0.8):
        return None
    return Grid(tuple(float(x) for x in xs), tuple((row,) for row in rows), 0)


def _headed(sheet: Sheet, grid: Grid, above: list[tuple[float, float]]) -> Grid:
    """Return a grid with its head, where level rules show that it has one.

    Of the rows of text `above` those belong to it that stand between two of its level rules: common
    heads, which leave no gutters free.
    """
    h, box = sheet.height, grid.box
    reach = Box(box.x0, max(0.0, box.y0 - 8 * h), box.x1, box.y1)
    levels = level_rules(sheet, reach)
    lines = [line for row in grid.rows for line in row]
    end = head_end(sheet, grid.xs, [y for y in levels if lines[0][1] <= y < lines[-1][0]])
    over = [y for y in levels if y <= lines[0][0] + 0.5 * h]
    if end < 0:
        # No head below the rules over the first row: perhaps they part the whole head from it.
        if not over or lines[0][0] - over[-1] > 1.5 * h:
            return grid
        end = over.pop()
    if not over:
        return with_head(sheet, grid, lines[0][0] - 0.2 * h, end)
    heads = [row for row in above if over[-1] <= (row[0] + row[1]) / 2 < end]
    rows = (*((row,) for row in heads), *grid.rows)
    return with_head(sheet, replace(grid, rows=rows), over[-1], end)


def _columns(covered: NDArray[np.int_], rows: int, h: float) -> list[tuple[int, int]]:
    """Return the runs of x with text, if each is used by a third of the rows; else none.

    The fewer the rows, the wider a gutter must be not to be chance.
    """
    gutter = (1.0 + 3.0 / rows) * h
    joined: list[tuple[int, int]] = []
    for a, b in runs(covered > 0):
        if joined and a - joined[-1][1] < gutter:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    if any(covered[a:b].max() < rows / 3 for a, b in joined):
        return []
    return joined
