"""The columns of a ruled table, from its rules and from the gutters that its text leaves."""

from __future__ import annotations

import itertools

import numpy as np

from pipeline.preprocess import Mask
from pipeline.tables.structure.grid import Box, Sheet
from pipeline.tables.structure.signals import Profile, apart, closed, covered, ink_along, runs
from pipeline.tables.structure.zones import reach_beyond


def column_edges(
    sheet: Sheet, zone: Box, rows: list[tuple[float, float]], drawn: Profile
) -> list[float]:
    """Return the upright edges of a ruled zone's columns, left to right, the zone's own included.

    `drawn` is the zone's `rule_share`.
    A rule counts where it is long enough or where the text, too, leaves it free; a gutter between
    two columns of text whose rule has faded counts as one.
    """
    h = sheet.height
    x0, x1 = int(zone.x0), int(np.ceil(zone.x1))
    used = text_share(sheet.text.mask, rows, x0, x1, gap=0.3 * h)
    edges: list[float] = []
    for start, stop in runs(drawn >= 0.06):
        if start == 0 or stop == len(drawn):
            continue  # the table's own frame, or a fold's shadow that it runs into
        peak = start + int(np.argmax(drawn[start:stop]))
        x = (start + stop - 1) / 2
        lo, hi = max(0, peak - round(0.25 * h)), peak + round(0.25 * h) + 1
        crossing = float(used[lo:hi].min()) if hi > lo else 0.0
        if drawn[peak] >= 0.3 or (crossing <= 0.25 and drawn[peak] >= 0.1) or crossing <= 0.05:
            edges.append(x0 + x)
    edges = apart(edges, 0.6 * h)
    edges = with_gutters(edges, used, x0, x1, h)
    inner = [x for x in edges if zone.x0 + 0.5 * h < x < zone.x1 - 0.6 * h]
    return [zone.x0, *inner, zone.x1]


def rule_share(sheet: Sheet, zone: Box) -> Profile:
    """Return, for each x of a zone, the share of its height that an upright rule covers there.

    A line that goes on beyond the zone, like a fold's shadow or a page's edge, does not count.
    """
    h = sheet.height
    x0, x1 = int(zone.x0), int(np.ceil(zone.x1))
    y0, y1 = int(zone.y0), int(np.ceil(zone.y1))
    inside = covered(sheet.rules.vertical[y0:y1, x0:x1], 0, max(1, round(0.12 * h)))
    outside = reach_beyond(sheet, zone.y0, zone.y1, x0, x1)
    return np.asarray(np.where(outside > 0.5, 0.0, inside), np.float64)


def widened(sheet: Sheet, zone: Box, rows: list[tuple[float, float]]) -> Box:
    """Return a zone with the columns of text outside its first and last upright rule.

    Only where no level rules say how wide it is: a table without a frame ends with its text.
    """
    h = sheet.height
    level = sheet.rules.horizontal_pieces
    inside = (level[:, 1] > zone.y0 - 3 * h) & (level[:, 3] < zone.y1 + 3 * h)
    if (inside & (level[:, 2] - level[:, 0] > 0.3 * (zone.x1 - zone.x0))).any():
        return zone
    wide = sheet.text.mask.shape[1]
    used = text_share(sheet.text.mask, rows, 0, wide, gap=0.3 * h)
    x0, x1 = zone.x0, zone.x1
    columns = [(a, b) for a, b in runs(closed(used > 0.06, round(h))) if used[a:b].max() >= 0.4]
    for a, b in reversed(columns):
        if a < x0 and x0 - b <= 2.5 * h:
            x0 = min(x0, a - 0.3 * h)
    for a, b in columns:
        if b > x1 and a - x1 <= 2.5 * h:
            x1 = max(x1, b + 0.3 * h)
    return Box(max(0.0, x0), zone.y0, min(float(wide), x1), zone.y1)


def text_share(
    text: Mask, rows: list[tuple[float, float]], x0: int, x1: int, gap: float
) -> Profile:
    """Return, for each x, the share of the rows whose text covers it; gaps up to `gap` are text."""
    covered = []
    for top, bottom in rows:
        strip = text[int(top) : int(np.ceil(bottom)), x0:x1]
        covered.append(closed(ink_along(strip, 0) >= 2, round(gap)))
    return np.mean(covered, axis=0) if covered else np.zeros(x1 - x0)


def with_gutters(edges: list[float], used: Profile, x0: int, x1: int, h: float) -> list[float]:
    """Add an edge in every gutter that parts two columns of text between two neighbouring edges."""
    found = list(edges)
    bounds = [float(x0), *edges, float(x1)]
    for left, right in itertools.pairwise(bounds):
        lo, hi = round(left + 0.2 * h) - x0, round(right - 0.2 * h) - x0
        if hi - lo < 2 * h:
            continue
        part = used[lo:hi]
        columns = [(a, b) for a, b in runs(part > 0.06) if part[a:b].max() >= 0.4]
        for (_, b), (c, _) in itertools.pairwise(columns):
            if c - b >= 0.1 * h:
                found.append(x0 + lo + (b + c) / 2)
    return sorted(found)
