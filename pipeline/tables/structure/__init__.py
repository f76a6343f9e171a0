"""Where the tables of a straightened page are, and the grid of each."""

from __future__ import annotations

from pipeline.tables.structure.aligned import aligned_grids
from pipeline.tables.structure.braces import braced
from pipeline.tables.structure.columns import column_edges, rule_share, widened
from pipeline.tables.structure.grid import Box, Grid, Sheet
from pipeline.tables.structure.header import head_end, left_out, level_rules, with_head
from pipeline.tables.structure.rows import filled, rows_of_bands, text_rows
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
    edges = without_margins(sheet, column_edges(sheet, zone, bands, drawn), bands, levels)
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
    whole_left = edges[0] == zone.x0
    at_edge = whole_left and zone.x0 < 2 * h
    grid = Grid(tuple(edges), tuple(rows), 0, at_edge, framed or not whole_left)
    top = max((y for y in levels if y <= bands[0][0] + 0.5 * h), default=zone.y0)
    return braced(sheet, with_head(sheet, grid, top, end))


def without_margins(
    sheet: Sheet, edges: list[float], bands: list[tuple[float, float]], levels: list[float]
) -> list[float]:
    """Return the edges of a table's columns without the page's margins beside it.

    A margin holds no text, and no level rule goes through it; an empty column's rules do.
    """
    places = filled(sheet, edges, bands)
    free = set(range(len(edges) - 1)).intersection(*(left_out(sheet, edges, y) for y in levels))
    first, last = 0, len(edges) - 1
    while levels and last - first > 2 and first in free and places[:, first].mean() < 0.1:
        first += 1
    while levels and last - first > 2 and last - 1 in free and places[:, last - 1].mean() < 0.1:
        last -= 1
    return edges[first : last + 1]
