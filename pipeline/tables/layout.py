"""Where the tables of a straightened page are, and the rows and columns of each.

All coordinates are pixels of the straightened page (`pipeline.tables.straighten`): rules run along
the axes, and a table is an upright box cut by upright and level lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask
from pipeline.tables.rules import Rules

Profile = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the layout is found from: a straightened page's rules, its text, its detected lines.

    `text` is the ink without the rules, `boxes` (N x 4: x0, y0, x1, y1) the detected lines and
    `height` the usual height of a character, in pixels.
    """

    rules: Rules
    text: Mask
    boxes: NDArray[np.float64]
    height: float


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle; the far edges are exclusive."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, x: float, y: float) -> bool:
        return self.x0 <= x < self.x1 and self.y0 <= y < self.y1


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's grid: `columns` + 1 upright edges `xs`, and the top and bottom of each row `ys`.

    Rows need not touch: what lies between two of them belongs to neither. `header_rows` counts the
    rows above the first level rule inside the table.
    """

    xs: tuple[float, ...]
    ys: tuple[tuple[float, float], ...]
    header_rows: int

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0][0], self.xs[-1], self.ys[-1][1])


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
    text = sheet.text.copy()
    for box in taken:
        text[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = False
    free = [
        not any(box.holds((x0 + x1) / 2, (y0 + y1) / 2) for box in taken)
        for x0, y0, x1, y1 in sheet.boxes
    ]
    return Sheet(sheet.rules, text, sheet.boxes[free], sheet.height)


# Ruled tables


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
    for top, bottom in _runs(_closed(crossed, round(4 * h))):
        if bottom - top < 4 * h:
            continue
        upright = rules.vertical_pieces
        # What runs on well beyond the others is a fold's shadow or a page's edge.
        own = upright[(upright[:, 1] > top - 3 * h) & (upright[:, 3] < bottom + 3 * h)]
        if len(own) == 0:
            continue
        x0, x1 = own[:, 0].min(), own[:, 2].max()
        if x1 - x0 < 6 * h:
            continue
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


def ruled_grid(sheet: Sheet, zone: Box) -> Grid | None:
    """Return the grid of a ruled zone, or `None` where there are not two rows and two columns."""
    h = sheet.height
    levels = level_rules(sheet, zone)
    bands = text_rows(sheet, zone, levels)
    if len(bands) < 2:
        return None
    edges = column_edges(sheet, zone, bands)
    if len(edges) < 3:
        return None
    rows = _rows_of_bands(sheet, edges, bands, levels)
    if len(rows) < 2:
        return None
    header = 0
    inner = [y for y in levels if rows[0][0] + 0.5 * h < y < rows[-1][1] - 0.5 * h]
    if inner:
        above = sum((top + bottom) / 2 < inner[0] for top, bottom in rows)
        header = above if above <= max(1, len(rows) // 3) else 0
    return Grid(tuple(edges), tuple(rows), header)


def level_rules(sheet: Sheet, zone: Box) -> list[float]:
    """Return the y of the level rules that cross at least half of a zone, top to bottom."""
    part = sheet.rules.horizontal[int(zone.y0) : int(zone.y1) + 1, int(zone.x0) : int(zone.x1)]
    reach = round(0.25 * sheet.height)
    thick = cv2.dilate(part.astype(np.uint8), np.ones((2 * reach + 1, 1), np.uint8))
    share = thick.mean(axis=1) if thick.size else np.zeros(0)
    found = []
    for start, stop in _runs(share >= 0.5):
        found.append(zone.y0 + start + float(np.argmax(share[start:stop])) + (0.0))
        found[-1] = zone.y0 + (start + stop) / 2
    return found


def column_edges(sheet: Sheet, zone: Box, rows: list[tuple[float, float]]) -> list[float]:
    """Return the upright edges of a ruled zone's columns, left to right, the zone's own included.

    A rule counts where it is long enough or where the text, too, leaves it free; a gutter between
    two columns of text whose rule has faded counts as one.
    """
    h = sheet.height
    x0, x1 = int(zone.x0), int(np.ceil(zone.x1))
    drawn = rule_share(sheet, zone)
    used = text_share(sheet.text, rows, x0, x1, gap=0.3 * h)
    edges: list[float] = []
    for start, stop in _runs(drawn >= 0.06):
        peak = start + int(np.argmax(drawn[start:stop]))
        x = (start + stop - 1) / 2
        lo, hi = max(0, peak - round(0.25 * h)), peak + round(0.25 * h) + 1
        crossing = float(used[lo:hi].min()) if hi > lo else 0.0
        if drawn[peak] >= 0.3 or (crossing <= 0.25 and drawn[peak] >= 0.1) or crossing <= 0.05:
            edges.append(x0 + x)
    edges = _apart(edges, 0.6 * h)
    edges = _with_gutters(edges, used, x0, x1, h)
    inner = [x for x in edges if zone.x0 + 0.5 * h < x < zone.x1 - 0.6 * h]
    return [zone.x0, *inner, zone.x1]


def rule_share(sheet: Sheet, zone: Box) -> Profile:
    """Return, for each x of a zone, the share of its height that an upright rule covers there.

    A line that goes on beyond the zone, like a fold's shadow or a page's edge, does not count.
    """
    h = sheet.height
    x0, x1 = int(zone.x0), int(np.ceil(zone.x1))
    y0, y1 = int(zone.y0), int(np.ceil(zone.y1))
    reach = max(1, round(0.12 * h))
    upright = sheet.rules.vertical[:, x0:x1].astype(np.uint8)
    thick = cv2.dilate(upright, np.ones((1, 2 * reach + 1), np.uint8))
    inside = thick[y0:y1].mean(axis=0)
    wide = cv2.dilate(upright, np.ones((1, 2 * round(0.4 * h) + 1), np.uint8))
    margin = round(4 * h)
    beyond = [wide[max(0, y0 - margin) : max(0, y0 - round(h))], wide[y1 + round(h) : y1 + margin]]
    outside = np.max([b.mean(axis=0) if len(b) else np.zeros(x1 - x0) for b in beyond], axis=0)
    return np.asarray(np.where(outside > 0.5, 0.0, inside), np.float64)


def text_share(
    text: Mask, rows: list[tuple[float, float]], x0: int, x1: int, gap: float
) -> Profile:
    """Return, for each x, the share of the rows whose text covers it; gaps up to `gap` are text."""
    covered = []
    for top, bottom in rows:
        strip = text[int(top) : int(np.ceil(bottom)), x0:x1]
        covered.append(_closed(strip.sum(axis=0) >= 2, round(gap)))
    return np.mean(covered, axis=0) if covered else np.zeros(x1 - x0)


def _with_gutters(edges: list[float], used: Profile, x0: int, x1: int, h: float) -> list[float]:
    """Add an edge in every gutter that parts two columns of text between two neighbouring edges."""
    found = list(edges)
    bounds = [float(x0), *edges, float(x1)]
    for left, right in zip(bounds, bounds[1:], strict=False):
        lo, hi = round(left + 0.2 * h) - x0, round(right - 0.2 * h) - x0
        if hi - lo < 2 * h:
            continue
        part = used[lo:hi]
        columns = [(a, b) for a, b in _runs(part > 0.06) if part[a:b].max() >= 0.4]
        for (_, b), (c, _) in zip(columns, columns[1:], strict=False):
            if c - b >= 0.1 * h:
                found.append(x0 + lo + (b + c) / 2)
    return sorted(found)


# Rows


def text_rows(sheet: Sheet, zone: Box, levels: list[float]) -> list[tuple[float, float]]:
    """Return the top and bottom of each row of text in a zone, from the detected lines and the ink.

    Detected lines vote for rows by their middle; where they leave room for a row, the ink decides.
    """
    h = sheet.height
    y0, y1 = int(zone.y0), int(np.ceil(zone.y1))
    x0, x1 = int(zone.x0), int(np.ceil(zone.x1))
    part = sheet.text[y0:y1, x0:x1]
    ink = _smooth(part.sum(axis=1).astype(float), 0.08 * h)
    votes = np.zeros(y1 - y0)
    for a, b, c, d in sheet.boxes:
        x, y = (a + c) / 2, (b + d) / 2
        if zone.holds(x, y) and d - b <= 2.2 * h:
            votes[int(y - y0)] += min(c - a, 4 * h)
    smooth = _smooth(votes, 0.2 * h)
    centres = _peaks(smooth, 0.7 * h, 0.15 * h)
    centres = [
        c for c in centres if ink[max(0, int(c - 0.4 * h)) : int(c + 0.4 * h) + 1].max() >= 0.15 * h
    ]
    centres = _fill(centres, ink, h)
    walls = sorted({0.0, float(y1 - y0), *(y - y0 for y in levels)})
    rows = []
    for i, centre in enumerate(centres):
        above = max([w for w in walls if w <= centre], default=0.0)
        below = min([w for w in walls if w > centre], default=float(y1 - y0))
        if i > 0:
            above = max(above, _valley(ink, centres[i - 1], centre))
        if i + 1 < len(centres):
            below = min(below, _valley(ink, centre, centres[i + 1]))
        # A row is not much higher than its text: what is between rows belongs to none.
        rows.append((y0 + max(above, centre - 1.1 * h), y0 + min(below, centre + 1.1 * h)))
    return rows


def _fill(centres: list[float], ink: Profile, h: float) -> list[float]:
    """Add rows of ink that no detected line vouches for, above, between and below the others."""
    if not centres:
        return _peaks(ink, 0.9 * h, 0.3 * h)
    usual = float(np.median([ink[int(c)] for c in centres]))
    found = list(centres)
    for peak in _peaks(ink, 0.9 * h, max(0.3 * usual, 0.3 * h)):
        if all(abs(peak - c) >= 1.05 * h for c in found):
            found.append(peak)
    return sorted(found)


def _valley(ink: Profile, above: float, below: float) -> float:
    """Return where the ink is least between two rows, near their middle if it is so for long."""
    lo, hi = int(above + 0.3 * (below - above)), int(below - 0.3 * (below - above)) + 1
    part = ink[lo:hi]
    if len(part) == 0:
        return (above + below) / 2
    low = np.flatnonzero(part <= part.min() + 1e-9)
    return float(lo + low[len(low) // 2])


def _rows_of_bands(
    sheet: Sheet, edges: list[float], rows: list[tuple[float, float]], levels: list[float]
) -> list[tuple[float, float]]:
    """Join the rows of text between two level rules that are lines of one row of cells.

    That is so where a single row fills most of the columns that the band uses at all: the others
    are second lines of a few cells, such as a long heading or a paragraph in a register.
    """
    bounds = [-np.inf, *levels, np.inf]
    joined: list[tuple[float, float]] = []
    for top, bottom in zip(bounds, bounds[1:], strict=False):
        band = [r for r in rows if top <= (r[0] + r[1]) / 2 < bottom]
        if len(band) < 2 or not (np.isfinite(top) and np.isfinite(bottom)):
            joined += band
            continue
        filled = np.array([_filled(sheet, edges, row) for row in band])
        used = filled.any(axis=0).sum()
        full = filled.sum(axis=1) > 0.5 * used
        if full.sum() == 1 and used >= 2:
            joined.append((band[0][0], band[-1][1]))
        else:
            joined += band
    return joined


def _filled(sheet: Sheet, edges: list[float], row: tuple[float, float]) -> NDArray[np.bool_]:
    """Return which columns of a row hold ink."""
    strip = sheet.text[int(row[0]) : int(np.ceil(row[1]))]
    least = 0.05 * sheet.height**2
    return np.array(
        [strip[:, int(a) : int(b)].sum() >= least for a, b in zip(edges, edges[1:], strict=False)]
    )


# Unruled tables


def aligned_grids(sheet: Sheet) -> list[Grid]:
    """Find tables without upright rules: at least three rows that leave two common gutters free."""
    h = sheet.height
    tall, wide = sheet.text.shape
    rows = text_rows(sheet, Box(0, 0, wide, tall), [])
    covered = []
    for top, bottom in rows:
        strip = sheet.text[int(top) : int(np.ceil(bottom))]
        covered.append(_closed(strip.sum(axis=0) >= 2, round(0.8 * h)))
    grids = []
    start = 0
    while start < len(rows) - 2:
        stop = start + 1
        union = covered[start].astype(int)
        while stop < len(rows) and rows[stop][0] - rows[stop - 1][1] < 4 * h:
            grown = union + covered[stop]
            if len(_columns(grown, stop - start + 1, h)) < 3:
                break
            union, stop = grown, stop + 1
        columns = _columns(union, stop - start, h)
        if stop - start >= 3 and len(columns) >= 3:
            inner = [(b + c) / 2 for (_, b), (c, _) in zip(columns, columns[1:], strict=False)]
            xs = (columns[0][0] - 0.3 * h, *inner, columns[-1][1] + 0.3 * h)
            grids.append(Grid(tuple(float(x) for x in xs), tuple(rows[start:stop]), 0))
            start = stop
        else:
            start += 1
    return grids


def _columns(covered: NDArray[np.int_], rows: int, h: float) -> list[tuple[int, int]]:
    """Return the runs of x with text, if each is used by a third of the rows; else none."""
    runs = _runs(covered > 0)
    joined: list[tuple[int, int]] = []
    for a, b in runs:
        if joined and a - joined[-1][1] < 1.0 * h:
            joined[-1] = (joined[-1][0], b)
        else:
            joined.append((a, b))
    if any(covered[a:b].max() < rows / 3 for a, b in joined):
        return []
    return joined


# Profiles


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and stop of each run of true values."""
    edges = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    return list(
        zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
    )


def _closed(flags: NDArray[np.bool_], gap: int) -> NDArray[np.bool_]:
    """Return the flags with gaps of up to `gap` filled, the two ends left as they are."""
    filled = flags.copy()
    for start, stop in _runs(~flags):
        if 0 < start and stop < len(flags) and stop - start <= gap:
            filled[start:stop] = True
    return filled


def _smooth(values: Profile, sigma: float) -> Profile:
    reach = max(1, int(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 0.3)) ** 2)
    return np.convolve(values, kernel / kernel.sum(), mode="same")


def _peaks(values: Profile, apart: float, least: float) -> list[float]:
    """Return the maxima of at least `least`, the higher of any two closer than `apart`, sorted."""
    inner = (values[1:-1] >= values[:-2]) & (values[1:-1] > values[2:])
    places = np.flatnonzero(inner) + 1
    found: list[int] = []
    for place in sorted(places, key=lambda i: -values[i]):
        if values[place] < least:
            break
        if all(abs(place - other) >= apart for other in found):
            found.append(int(place))
    return sorted(float(place) for place in found)


def _apart(edges: list[float], least: float) -> list[float]:
    """Join edges closer than `least`, such as the two lines of a double rule."""
    groups: list[list[float]] = []
    for x in sorted(edges):
        if groups and x - groups[-1][-1] < least:
            groups[-1].append(x)
        else:
            groups.append([x])
    return [sum(g) / len(g) for g in groups]
