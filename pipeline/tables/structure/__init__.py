"""Where the tables of a straightened page are, and the grid of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.aligned import aligned_grids
from pipeline.tables.structure.columns import column_edges, rule_share
from pipeline.tables.structure.grid import Box, Grid, Sheet
from pipeline.tables.structure.rows import rows_of_bands, text_rows
from pipeline.tables.structure.rules import Boxes
from pipeline.tables.structure.signals import closed, covered, runs


def find_grids(sheet: Sheet) -> list[Grid]:
    """Find the tables of a page, the ruled ones first, each group from top to bottom."""
    grids = []
    taken: list[Box] = []
    for zone in ruled_zones(sheet):
        grid = ruled_grid(sheet, zone)
        if grid is not None:
            grids.append(grid)
            taken.append(zone)
    return grids + aligned_grids(_without(sheet, taken))


def _without(sheet: Sheet, taken: list[Box]) -> Sheet:
    """Return the sheet with nothing left of the boxes taken."""
    text = sheet.text.outside([(box.x0, box.y0, box.x1, box.y1) for box in taken])
    free = [
        not any(box.holds((x0 + x1) / 2, (y0 + y1) / 2) for box in taken)
        for x0, y0, x1, y1 in sheet.boxes
    ]
    return Sheet(sheet.rules, text, sheet.boxes[free], sheet.height)


def ruled_zones(sheet: Sheet) -> list[Box]:
    """Return the boxes of the tables that have at least three upright rules side by side."""
    h = sheet.height
    rules = sheet.rules
    rows = rules.vertical.shape[0]
    abreast = np.zeros(rows + 1)
    for _, y0, _, y1 in rules.vertical_pieces:
        abreast[y0] += 1
        abreast[y1] -= 1
    abreast = np.cumsum(abreast)[:-1]
    crossed = abreast >= max(3, 0.25 * abreast.max())
    zones = []
    for top, bottom in runs(closed(crossed, round(4 * h))):
        if bottom - top < 4 * h:
            continue
        upright = rules.vertical_pieces
        # What runs on well beyond the others is a fold's shadow or a page's edge.
        own = upright[(upright[:, 1] > top - 3 * h) & (upright[:, 3] < bottom + 3 * h)]
        if len(own) == 0:
            continue
        strong = own[_company(own, h) >= 0.3 * (bottom - top)]
        if len(strong) == 0 or strong[:, 2].max() - strong[:, 0].min() < 6 * h:
            continue
        x0, x1 = strong[:, 0].min(), strong[:, 2].max()
        level = rules.horizontal_pieces
        near = (level[:, 1] > top - 3 * h) & (level[:, 3] < bottom + 3 * h)
        near &= (level[:, 2] > x0 - 2 * h) & (level[:, 0] < x1 + 2 * h)
        frame = level[near]
        long = frame[frame[:, 2] - frame[:, 0] > 0.3 * (x1 - x0)]
        if len(long):
            # The level rules say how far a table reaches into a fold, or off the page.
            top, bottom = min(top, long[:, 1].min()), max(bottom, long[:, 3].max())
            in_frame = frame[(frame[:, 1] >= top) & (frame[:, 3] <= bottom)]
            x0, x1 = min(x0, in_frame[:, 0].min()), max(x1, in_frame[:, 2].max())
        zones.append(Box(float(x0), float(top), float(x1), float(bottom)))
    return zones


def _company(pieces: Boxes, h: float) -> NDArray[np.float64]:
    """Return, for each upright piece, the length of all pieces that stand in line with it."""
    middle = pieces[:, [0, 2]].mean(axis=1)
    length = pieces[:, 3] - pieces[:, 1]
    in_line = np.abs(middle[:, None] - middle[None, :]) <= 0.5 * h
    return np.asarray(in_line @ length, np.float64)


def ruled_grid(sheet: Sheet, zone: Box) -> Grid | None:
    """Return the grid of a ruled zone, or `None` where there are not two rows and two columns."""
    h = sheet.height
    levels = level_rules(sheet, zone)
    bands = text_rows(sheet, zone, levels, fill=True)
    if len(bands) < 2:
        return None
    drawn = rule_share(sheet, zone)
    edges = column_edges(sheet, zone, bands, drawn)
    if len(edges) < 3:
        return None
    rows = rows_of_bands(sheet, edges, bands, levels)
    if len(rows) < 2:
        return None
    header = 0
    inner = [y for y in levels if bands[0][0] + 0.5 * h < y < bands[-1][1] - 0.5 * h]
    if inner:
        above = sum((lines[0][0] + lines[-1][1]) / 2 < inner[0] for lines in rows)
        header = above if above <= max(1, len(rows) // 3) else 0
    begin = drawn[: max(1, round(0.3 * h))]
    framed = len(begin) > 0 and float(begin.max()) >= 0.3
    return Grid(tuple(edges), tuple(rows), header, zone.x0 < 2 * h, framed)


def level_rules(sheet: Sheet, zone: Box) -> list[float]:
    """Return the y of the level rules that cross at least half of a zone, top to bottom."""
    part = sheet.rules.horizontal[int(zone.y0) : int(zone.y1) + 1, int(zone.x0) : int(zone.x1)]
    reach = round(0.25 * sheet.height)
    share = covered(part, 1, reach)
    found = []
    for start, stop in runs(share >= 0.5):
        found.append(zone.y0 + (start + stop) / 2)
    return found
