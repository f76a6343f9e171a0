"""Where ruled tables are: boxes in which several upright rules run side by side.

A page is cut, along its gaps from side to side and from top to bottom in turns, until every box
holds one table.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.grid import Box, Sheet
from pipeline.tables.structure.rules import Boxes
from pipeline.tables.structure.signals import closed, covered, ink_along, runs

ABREAST = 3
"""So many upright rules side by side make a table."""


@dataclass(frozen=True, slots=True)
class _Zone:
    """A box that may hold a table, and the rules that make it one."""

    box: Box
    upright: Boxes
    level: Boxes


def ruled_zones(sheet: Sheet) -> list[Box]:
    """Return the boxes of the ruled tables, from top to bottom, side by side from left to right."""
    rules = sheet.rules
    return [
        zone.box
        for zone in _zones(sheet, rules.vertical_pieces, rules.horizontal_pieces)
        if zone.box.x1 - zone.box.x0 >= 6 * sheet.height
    ]


def _zones(sheet: Sheet, upright: Boxes, level: Boxes) -> list[_Zone]:
    """Return the zones that these rules make, each cut as far as it can be."""
    found = []
    for top, bottom in _stretches(sheet, upright):
        zone = _zone(sheet, upright, level, top, bottom)
        if zone is None:
            continue
        parts = _beside(sheet, zone) or _stacked(sheet, zone)
        if not parts:
            found.append(zone)
            continue
        for own_upright, own_level in parts:
            found += _zones(sheet, own_upright, own_level)
    return found


def _stretches(sheet: Sheet, upright: Boxes) -> list[tuple[int, int]]:
    """Return the stretches of y that enough upright rules cross at once.

    They go on over a short gap, and over a long one where text stands in the columns of rules that
    have faded.
    """
    h = sheet.height
    if len(upright) == 0:
        return []
    abreast = _abreast(upright)
    crossed = abreast >= max(ABREAST, 0.25 * abreast.max())
    found: list[tuple[int, int]] = []
    for a, b in runs(closed(crossed, round(4 * h))):
        if b - a < 4 * h:
            continue
        if found and _goes_on(sheet, upright, found[-1], (a, b)):
            found[-1] = (found[-1][0], b)
        else:
            found.append((a, b))
    return found


def _goes_on(sheet: Sheet, upright: Boxes, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether a table goes on from one stretch of y to another: its rules have faded."""
    middle = upright[:, [1, 3]].mean(axis=1)
    above, below = (
        _places(upright[(middle >= a) & (middle < b)], sheet.height) for a, b in (one, other)
    )
    if len(above) < ABREAST or len(below) < ABREAST or _elsewhere(above, below, sheet.height):
        return False
    return _in_columns(sheet, one[1], other[0], above, below)


def _abreast(upright: Boxes) -> NDArray[np.float64]:
    """Return how many pieces of upright rules cross each y, down to the last of them."""
    steps = np.zeros(int(upright[:, 3].max()) + 1)
    np.add.at(steps, upright[:, 1], 1)
    np.add.at(steps, upright[:, 3], -1)
    return np.asarray(np.cumsum(steps), np.float64)


def _zone(sheet: Sheet, upright: Boxes, level: Boxes, top: int, bottom: int) -> _Zone | None:
    """Return the zone of a stretch of y, `None` where its rules do not make a table."""
    h = sheet.height
    # What runs on well beyond the others is a fold's shadow or a page's edge.
    own = upright[(upright[:, 1] > top - 3 * h) & (upright[:, 3] < bottom + 3 * h)]
    if len(own) == 0:
        return None
    strong = own[in_line(own, h) >= 0.3 * (bottom - top)]
    if len(strong) == 0:
        return None
    x0, x1 = strong[:, 0].min(), strong[:, 2].max()
    near = (level[:, 1] > top - 3 * h) & (level[:, 3] < bottom + 3 * h)
    near &= (level[:, 2] > x0 - 2 * h) & (level[:, 0] < x1 + 2 * h)
    frame = level[near]
    long = frame[frame[:, 2] - frame[:, 0] > 0.3 * (x1 - x0)]
    if len(long):
        # The level rules say how far a table reaches into a fold, or off the page.
        top, bottom = min(top, long[:, 1].min()), max(bottom, long[:, 3].max())
        frame = frame[(frame[:, 1] >= top) & (frame[:, 3] <= bottom)]
        off = np.abs(frame[:, None, [1, 3]].mean(axis=2) - long[None, :, [1, 3]].mean(axis=2))
        broken = frame[off.min(axis=1) <= 0.6 * h]
        x0, x1 = min(x0, broken[:, 0].min()), max(x1, broken[:, 2].max())
    return _Zone(Box(float(x0), float(top), float(x1), float(bottom)), own, frame)


def in_line(pieces: Boxes, h: float) -> NDArray[np.float64]:
    """Return, for each upright piece, the length of all pieces that stand in line with it."""
    middle = pieces[:, [0, 2]].mean(axis=1)
    length = pieces[:, 3] - pieces[:, 1]
    near = np.abs(middle[:, None] - middle[None, :]) <= 0.5 * h
    return np.asarray(near @ length, np.float64)


def _beside(sheet: Sheet, zone: _Zone) -> list[tuple[Boxes, Boxes]]:
    """Return the rules of each of the tables that stand side by side in a zone, if several do.

    Between two tables is nothing, and the level rules of both end there. A column that is empty
    has rules that run through it.
    """
    h, box = sheet.height, zone.box
    strong = zone.upright[in_line(zone.upright, h) >= 0.15 * (box.y1 - box.y0)]
    if len(strong) == 0:
        return []
    strong = strong[~_run_on(sheet, strong, box)]
    taken = np.zeros(int(box.x1) + 2, bool)
    for x0, _, x1, _ in strong:
        taken[x0:x1] = True
    text = sheet.text.mask[int(box.y0) : int(box.y1) + 1]
    cuts = []
    for a, b in runs(~taken):
        if a == 0 or b == len(taken) or b - a < h:
            continue
        inside = (zone.level[:, 0] < b - 0.4 * (b - a)) & (zone.level[:, 2] > a + 0.4 * (b - a))
        ends = np.abs(zone.level[:, 2] - a) <= h
        begins = np.abs(zone.level[:, 0] - b) <= h
        if inside.any() or ends.sum() < 2 or begins.sum() < 2:
            continue
        ink = ink_along(text[:, a + round(0.2 * h) : b - round(0.2 * h)], 1) >= 2
        if ink.mean() < 0.1:
            cuts.append((a + b) / 2)
    if not cuts:
        return []
    sides = np.array([-np.inf, *cuts, np.inf])
    parts = []
    for left, right in itertools.pairwise(sides):
        parts.append((_between(zone.upright, left, right), _between(zone.level, left, right)))
    return parts


def _between(pieces: Boxes, left: float, right: float) -> Boxes:
    middle = pieces[:, [0, 2]].mean(axis=1)
    return np.asarray(pieces[(middle >= left) & (middle < right)])


def _run_on(sheet: Sheet, pieces: Boxes, box: Box) -> NDArray[np.bool_]:
    """Return which upright pieces are part of a line that goes on beyond a box, above or below."""
    beyond = reach_beyond(sheet, box.y0, box.y1, 0, sheet.rules.vertical.shape[1])
    return np.array([beyond[x0:x1].max(initial=0) > 0.5 for x0, _, x1, _ in pieces], bool)


def reach_beyond(sheet: Sheet, y0: float, y1: float, x0: int, x1: int) -> NDArray[np.float64]:
    """Return, for each x, how much of the page just beyond y0 and y1 an upright line covers.

    The larger share of the two sides; a line that begins again only farther off, as the next
    table's do, is none that goes on.
    """
    h = sheet.height
    upright = sheet.rules.vertical[:, x0:x1]
    reach = round(0.4 * h)
    steps = [round(step * h) for step in (0.3, 1.3, 4)]
    first, last = int(y0), int(np.ceil(y1))
    shares = []
    for sign, start in ((-1, first), (1, last)):
        parts = []
        for near, far in itertools.pairwise(steps):
            low, high = sorted((start + sign * near, start + sign * far))
            parts.append(covered(upright[max(0, low) : max(0, high)], 0, reach))
        shares.append(np.minimum(*parts))
    return np.asarray(np.maximum(*shares), np.float64)


def _stacked(sheet: Sheet, zone: _Zone) -> list[tuple[Boxes, Boxes]]:
    """Return the rules of each of the tables that stand one above the other, if several do.

    All upright rules stop at once, and either text runs across where they would go on, such as
    the title of the table below, or those below stand elsewhere.
    """
    h, box = sheet.height, zone.box
    if len(zone.upright) == 0:
        return []
    abreast = _abreast(zone.upright)
    open_ = abreast < max(1.0, 0.15 * abreast.max())
    cuts = []
    for a, b in runs(open_):
        if a <= box.y0 + 2 * h or b >= min(box.y1, len(abreast)) - 2 * h or b - a < 0.8 * h:
            continue
        above = _places(zone.upright[zone.upright[:, 3] <= (a + b) / 2], h)
        below = _places(zone.upright[zone.upright[:, 1] >= (a + b) / 2], h)
        if len(above) < 2 or len(below) < 2 or _in_columns(sheet, a, b, above, below):
            continue
        # The table above ends with a level rule, or that below begins with one, or its head does.
        near = (zone.level[:, 3] > a - h) & (zone.level[:, 1] < b + 3 * h)
        if (zone.level[near, 2] - zone.level[near, 0]).sum() < 0.4 * (box.x1 - box.x0):
            continue
        if _titled(sheet, a, b, above + below) or _elsewhere(above, below, h):
            cuts.append((a + b) / 2)
    if not cuts:
        return []
    sides = np.array([-np.inf, *cuts, np.inf])
    parts = []
    for top, bottom in itertools.pairwise(sides):
        own = [
            pieces[(middle >= top) & (middle < bottom)]
            for pieces in (zone.upright, zone.level)
            for middle in [pieces[:, [1, 3]].mean(axis=1)]
        ]
        parts.append((own[0], own[1]))
    return parts


def _places(upright: Boxes, h: float) -> list[float]:
    """Return the x at which upright rules of some length stand, once for all in line."""
    strong = upright[in_line(upright, h) >= 3 * h] if len(upright) else upright
    found: list[float] = []
    for x in np.sort(strong[:, [0, 2]].mean(axis=1)).tolist():
        if not found or x - found[-1] > 0.5 * h:
            found.append(x)
    return found


def _in_columns(sheet: Sheet, a: int, b: int, above: list[float], below: list[float]) -> bool:
    """Return whether text between y a and b stands in columns: rules that only faded there."""
    h = sheet.height
    edges = max(above, below, key=len)
    part = sheet.text.mask[a:b]
    for top, bottom in runs(closed(ink_along(part, 1) >= 2, round(0.1 * h))):
        if bottom - top < 0.3 * h:
            continue
        written = ink_along(part[top:bottom], 0) > 0
        used = [written[int(x0) : int(x1)].any() for x0, x1 in itertools.pairwise(edges)]
        crossed = [
            written[max(0, round(x - 0.2 * h)) : round(x + 0.2 * h) + 1].all() for x in edges
        ]
        if np.mean(used) > 0.6 and np.mean(crossed) < 0.3:
            return True
    return False


def _titled(sheet: Sheet, a: float, b: float, places: list[float]) -> bool:
    """Return whether a line of text between y a and b runs across where upright rules stand."""
    h = sheet.height
    for x0, y0, x1, y1 in sheet.boxes:
        across = any(x0 + 0.3 * h < x < x1 - 0.3 * h for x in places)
        if across and a <= (y0 + y1) / 2 < b and y1 - y0 <= 2.2 * h:
            return True
    return False


def _elsewhere(above: list[float], below: list[float], h: float) -> bool:
    """Return whether a third of the fewer rules have no counterpart among the others."""
    few, many = sorted((above, below), key=len)
    alone = sum(all(abs(x - other) > 0.5 * h for other in many) for x in few)
    return alone >= max(1, 0.3 * len(few))
