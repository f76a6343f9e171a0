"""Where the tables of a straightened page are, and the grid of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from pipeline.tables.structure.aligned import aligned_grids
from pipeline.tables.structure.columns import column_edges, rule_share, widened
from pipeline.tables.structure.grid import Box, Grid, Sheet
from pipeline.tables.structure.header import find_header
from pipeline.tables.structure.rows import rows_of_bands, text_rows
from pipeline.tables.structure.signals import covered, ink_along, runs
from pipeline.tables.structure.zones import ruled_zones


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


def ruled_grid(sheet: Sheet, zone: Box) -> Grid | None:
    """Return the grid of a ruled zone, or `None` where there are not two rows and two columns."""
    h = sheet.height
    levels = level_rules(sheet, zone)
    bands = text_rows(sheet, zone, levels, fill=True)
    if len(bands) < 2:
        return None
    zone = widened(sheet, zone, bands)
    drawn = rule_share(sheet, zone)
    edges = column_edges(sheet, zone, bands, drawn)
    if len(edges) < 3:
        return None
    inner = [y for y in levels if bands[0][0] + 0.5 * h < y < bands[-1][1] - 0.5 * h]
    end = head_end(sheet, edges, inner)
    whole = [y for y in levels if y >= end or y <= bands[0][0] + 0.5 * h]
    rows = rows_of_bands(sheet, edges, bands, whole)
    if len(rows) < 2:
        return None
    begin = drawn[: max(1, round(0.3 * h))]
    framed = len(begin) > 0 and float(begin.max()) >= 0.3
    grid = Grid(tuple(edges), tuple(rows), 0, zone.x0 < 2 * h, framed)
    top = max((y for y in levels if y <= bands[0][0] + 0.5 * h), default=zone.y0)
    return with_head(sheet, grid, top, end)


def with_head(sheet: Sheet, grid: Grid, top: float, end: float) -> Grid:
    """Return a grid with the cells of its head, which lies between these y, if it has one."""
    rows = list(grid.rows)
    above = sum((lines[0][0] + lines[-1][1]) / 2 < end for lines in rows)
    if not 0 < above <= max(1, len(rows) // 3) and not 0 < end - top < 0.25 * (grid.box.y1 - top):
        return grid
    if above in (0, len(rows)):
        return grid
    head = Box(grid.xs[0], min(top, rows[0][0][0]), grid.xs[-1], end)
    body = Box(grid.xs[0], end, grid.xs[-1], grid.box.y1)
    header = find_header(sheet, head, body, list(grid.xs), rows[:above])
    return replace(
        grid,
        rows=(*header.rows, *rows[above:]),
        header_rows=len(header.rows),
        spans=header.spans,
    )


def head_end(sheet: Sheet, edges: Sequence[float], levels: list[float]) -> float:
    """Return the y of the level rule that ends a table's head, minus infinity if none does.

    `levels` are the level rules between the first row of text and the last. One that leaves out
    some columns parts a common head from those under it, if one further down has them all.
    """
    for index, y in enumerate(levels):
        missed = _left_out(sheet, edges, y)
        later = [other for other in levels[index + 1 :] if other - y <= 10 * sheet.height]
        if not missed or all(missed <= _left_out(sheet, edges, other) for other in later):
            return y
    return -math.inf


def _left_out(sheet: Sheet, edges: Sequence[float], y: float) -> set[int]:
    """Return the columns that a level rule at y does not cross."""
    reach = 0.5 * sheet.height
    part = sheet.rules.horizontal[max(0, int(y - reach)) : int(y + reach) + 1]
    crossed = ink_along(part, 0) > 0
    return {
        column
        for column, (left, right) in enumerate(itertools.pairwise(edges))
        if right - left >= sheet.height and crossed[int(left) : int(right) + 1].mean() < 0.2
    }


def level_rules(sheet: Sheet, zone: Box) -> list[float]:
    """Return the y of the level rules that cross at least half of a zone, top to bottom."""
    part = sheet.rules.horizontal[int(zone.y0) : int(zone.y1) + 1, int(zone.x0) : int(zone.x1)]
    reach = round(0.25 * sheet.height)
    share = covered(part, 1, reach)
    found = []
    for start, stop in runs(share >= 0.5):
        found.append(zone.y0 + (start + stop) / 2)
    return found
