"""The rows of a table, from the detected lines, the ink, and the level rules."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.grid import Box, Sheet
from pipeline.tables.structure.signals import Profile, ink_along, peaks, smooth


def text_rows(
    sheet: Sheet, zone: Box, levels: list[float], fill: bool
) -> list[tuple[float, float]]:
    """Return the top and bottom of each row of text in a zone, from the detected lines and the ink.

    Detected lines vote for rows by their middle; with `fill`, the ink alone makes a row where they
    leave room for one. What a brace joins several rows to stands between them, and makes none.
    """
    h = sheet.height
    joins = [brace.joins for brace in sheet.braces if brace.joins is not None]
    y0, y1 = int(zone.y0), int(np.ceil(zone.y1))
    x0, x1 = int(zone.x0), int(np.ceil(zone.x1))
    part = sheet.text.mask[y0:y1, x0:x1]
    if joins:
        part = part.copy()
        for box in joins:
            top, left = max(0, int(box.y0) - y0), max(0, int(box.x0) - x0)
            part[top : max(0, int(box.y1) - y0), left : max(0, int(box.x1) - x0)] = False
    ink = smooth(ink_along(part, 1).astype(float), 0.08 * h)
    votes = np.zeros(y1 - y0)
    for a, b, c, d in sheet.boxes:
        x, y = (a + c) / 2, (b + d) / 2
        if zone.holds(x, y) and d - b <= 2.2 * h and not any(box.holds(x, y) for box in joins):
            votes[int(y - y0)] += min(c - a, 4 * h)
    centres = peaks(smooth(votes, 0.2 * h), 0.7 * h, 0.15 * h)
    centres = [
        c for c in centres if ink[max(0, int(c - 0.4 * h)) : int(c + 0.4 * h) + 1].max() >= 0.15 * h
    ]
    if fill:
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
        return peaks(ink, 0.9 * h, 0.3 * h)
    usual = float(np.median([ink[int(c)] for c in centres]))
    found = list(centres)
    for peak in peaks(ink, 0.9 * h, max(0.3 * usual, 0.3 * h)):
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


def rows_of_bands(
    sheet: Sheet, edges: list[float], rows: list[tuple[float, float]], levels: list[float]
) -> list[tuple[tuple[float, float], ...]]:
    """Join the rows of text between two level rules that are lines of one row of cells.

    That is so where a single row fills most of the columns that the band uses at all: the others
    are second lines of a few cells, such as a long heading or a paragraph in a register.
    """
    bounds = [-np.inf, *levels, np.inf]
    joined: list[tuple[tuple[float, float], ...]] = []
    for top, bottom in itertools.pairwise(bounds):
        band = [r for r in rows if top <= (r[0] + r[1]) / 2 < bottom]
        if len(band) < 2 or not (np.isfinite(top) and np.isfinite(bottom)):
            joined += [(row,) for row in band]
            continue
        places = filled(sheet, edges, band)
        used = places.any(axis=0).sum()
        full = places.sum(axis=1) > 0.5 * used
        if full.sum() == 1 and used >= 2:
            joined.append(tuple(band))
        else:
            joined += [(row,) for row in band]
    return joined


def filled(sheet: Sheet, edges: list[float], rows: list[tuple[float, float]]) -> NDArray[np.bool_]:
    """Return which places (rows x columns) hold text; a stroke counts where its middle is."""
    area, (xs, ys) = sheet.text.area[1:], sheet.text.middles[1:].T
    column = np.searchsorted(edges, xs, side="right") - 1
    row = np.searchsorted([top for top, _ in rows], ys, side="right") - 1
    inside = (column >= 0) & (column < len(edges) - 1) & (row >= 0) & (ys < rows[-1][1])
    ink = np.zeros((len(rows), len(edges) - 1))
    np.add.at(ink, (row[inside], column[inside]), area[inside])
    return np.asarray(ink >= 0.05 * sheet.height**2)
