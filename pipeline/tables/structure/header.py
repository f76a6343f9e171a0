"""The heads of a table's columns: their rows, and which of them stand over several columns.

A common head has no upright rule through it, and is parted from those under it by a level rule, a
brace, or nothing but the place where the rules between them begin. A head that none of these cuts
reaches down to the body.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.grid import Box, Grid, Sheet, Span
from pipeline.tables.structure.signals import apart, closed, covered, ink_along, is_turned, runs

Lines = tuple[tuple[float, float], ...]
"""The top and bottom of each line of text in a row of cells."""


@dataclass(frozen=True, slots=True)
class Header:
    """The rows of a table's head, as `Grid.rows` has them, and its cells of several places."""

    rows: tuple[Lines, ...]
    spans: tuple[Span, ...]


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
        missed = left_out(sheet, edges, y)
        later = [other for other in levels[index + 1 :] if other - y <= 10 * sheet.height]
        if not missed or all(missed <= left_out(sheet, edges, other) for other in later):
            return y
    return -math.inf


def left_out(sheet: Sheet, edges: Sequence[float], y: float) -> set[int]:
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


def find_header(sheet: Sheet, head: Box, body: Box, xs: list[float], rows: list[Lines]) -> Header:
    """Find the cells of a table's head.

    `head` is the box above the level rule that ends it, `body` what is below, `xs` are the columns'
    edges and `rows` the rows of text found in the head so far. They are kept where nothing parts a
    common head from those under it, and no head is read from bottom to top.
    """
    marks = _Head(sheet, head, body, xs)
    levels = marks.levels()
    if len(levels) > 0:
        bounds = [head.y0, *levels, head.y1]
        bands: list[Lines] = [((a, b),) for a, b in itertools.pairwise(bounds)]
    elif marks.turned():
        bands = [((head.y0, head.y1),)]
    else:
        # A head is cut into its own lines when it is cut out: neighbours have theirs elsewhere.
        bands = [((lines[0][0], lines[-1][1]),) for lines in rows]
    return Header(tuple(bands), tuple(marks.spans(bands, levels)))


class _Head:
    """A table's head, what is drawn and written in it."""

    def __init__(self, sheet: Sheet, head: Box, body: Box, xs: list[float]) -> None:
        self.sheet, self.head, self.xs = sheet, head, xs
        self.h = sheet.height
        self.columns = len(xs) - 1
        self.ruled = [False, *(self._drawn(x, body.y0, body.y1) >= 0.3 for x in xs[1:-1]), False]
        self.segments = self._segments()

    def _drawn(self, x: float, y0: float, y1: float) -> float:
        """Return how much of y0 to y1 an upright rule near x covers."""
        return float(self._upright(x, y0, y1).mean()) if y1 - y0 >= 1 else 0.0

    def _upright(self, x: float, y0: float, y1: float) -> NDArray[np.bool_]:
        """Return at which y from y0 to y1 an upright rule stands near x."""
        reach = 0.35 * self.h
        part = self.sheet.rules.vertical[
            int(y0) : int(np.ceil(y1)), max(0, int(x - reach)) : int(x + reach) + 1
        ]
        return closed(ink_along(part, 1) > 0, round(0.3 * self.h))

    def _segments(self) -> list[tuple[float, set[int]]]:
        """Return each y at which a level rule or brace parts some columns, and which, downwards."""
        h, head = self.h, self.head
        y0, y1 = int(head.y0 + 0.6 * h), int(np.ceil(head.y1 - 0.6 * h))
        found: list[tuple[float, int]] = []
        if y1 - y0 < 2:
            return []
        level = self.sheet.rules.horizontal
        for column, (left, right) in enumerate(itertools.pairwise(self.xs)):
            a, b = round(left + 0.1 * h), round(right - 0.1 * h)
            share = covered(level[y0:y1, a : max(b, a + 1)], 1, round(0.25 * h))
            for start, stop in runs(share >= 0.75):
                found.append((y0 + (start + stop) / 2, column))
        for brace in (brace.box for brace in self.sheet.braces):
            middle = (brace.y0 + brace.y1) / 2
            if brace.x1 - brace.x0 > brace.y1 - brace.y0 and y0 <= middle < y1:
                for column, (left, right) in enumerate(itertools.pairwise(self.xs)):
                    if brace.x0 <= (left + right) / 2 < brace.x1:
                        found.append((middle, column))
        for y, columns in self._starts():
            found += [(y, column) for column in columns]
        return [
            (y, {column for at, column in found if abs(at - y) <= 1.2 * h})
            for y in apart([at for at, _ in found], 1.2 * h)  # no room for text between
        ]

    def _starts(self) -> list[tuple[float, set[int]]]:
        """Return where rules between columns begin below a text that is common to them."""
        head, h = self.head, self.h
        found: list[tuple[float, set[int]]] = []
        if head.y1 - head.y0 < 2 * h:
            return found
        for edge in range(1, self.columns):
            drawn = self._upright(self.xs[edge], head.y0, head.y1)
            if not self.ruled[edge] or not drawn[-round(0.5 * h) :].any():
                continue
            start = len(drawn) - int(np.argmin(drawn[::-1])) if not drawn.all() else 0
            if 0.8 * h <= start <= len(drawn) - 0.8 * h and drawn[:start].mean() < 0.15:
                found.append((head.y0 + start, {edge - 1, edge}))
        joined: list[tuple[float, set[int]]] = []
        for y, columns in sorted(found, key=lambda item: (min(item[1]), item[0])):
            if joined and abs(joined[-1][0] - y) <= 0.8 * h and columns & joined[-1][1]:
                joined[-1] = (joined[-1][0], joined[-1][1] | columns)
            else:
                joined.append((y, columns))
        return [
            (y, columns)
            for y, columns in joined
            if self._common(min(columns), max(columns), head.y0, y)
            and sum(bool(self._groups(c, c, y, head.y1)) for c in columns) >= 2
        ]

    def levels(self) -> list[float]:
        """Return the y of what parts common heads from those under them."""
        return [y for y, _ in self.segments]

    def turned(self) -> bool:
        """Return whether some head is read from bottom to top: lines of text tell nothing then."""
        y0, y1 = int(self.head.y0), int(np.ceil(self.head.y1))
        if y1 - y0 < 2 * self.h:
            return False
        inset = round(0.15 * self.h)
        return any(
            is_turned(self.sheet.text.mask[y0:y1, round(a) + inset : round(b) - inset], self.h)
            for a, b in itertools.pairwise(self.xs)
        )

    def _groups(
        self, first: int, last: int, y0: float, y1: float, space: float = 0.7
    ) -> list[tuple[float, float]]:
        """Return the x extents of the texts between two columns' outer edges.

        Words are joined over a space of so many characters' heights.
        """
        x0, x1 = int(self.xs[first]), int(np.ceil(self.xs[last + 1]))
        inset = round(0.15 * self.h)
        part = self.sheet.text.mask[int(y0) : int(np.ceil(y1)), x0 + inset : max(x1 - inset, 0)]
        flags = closed(ink_along(part, 0) >= 2, round(space * self.h))
        least = 0.15 * self.h
        return [(x0 + inset + a, x0 + inset + b) for a, b in runs(flags) if b - a >= least]

    def _common(self, first: int, last: int, y0: float, y1: float) -> bool:
        """Return whether between y0 and y1 stands one text, in the middle of these columns."""
        groups = self._groups(first, last, y0, y1)
        if len(groups) != 1:
            return False
        (a, b), (left, right) = groups[0], (self.xs[first], self.xs[last + 1])
        off = abs((a + b) / 2 - (left + right) / 2)
        return off <= max(0.12 * (right - left), 0.3 * self.h)

    def spans(self, bands: list[Lines], levels: list[float]) -> list[Span]:
        """Return the cells of several places; `levels` are the bounds between the bands, if any."""
        rows = len(bands)
        group = np.arange(rows * self.columns).reshape(rows, self.columns)
        for row, band in enumerate(bands):
            y0, y1 = band[0][0], band[-1][1]
            below = self._below(row, levels)
            for first, last in self._joined(y0, y1, below):
                _merge(group, (row, row + 1), (first, last + 1))
        for row in range(len(levels)):
            _, parted = self.segments[row]
            for column in range(self.columns):
                together = np.flatnonzero(group[row] == group[row, column])
                if not parted & set(together.tolist()):
                    _merge(group, (row, row + 2), (column, column + 1))
        return _rectangles(group)

    def _below(self, row: int, levels: list[float]) -> set[int]:
        return self.segments[row][1] if row < len(levels) else set()

    def _joined(self, y0: float, y1: float, below: set[int]) -> list[tuple[int, int]]:
        """Return the first and last column of each head between y0 and y1 that is common to some.

        `below` are the columns that something parts from what is under them.
        """
        h = self.h
        inner0, inner1 = y0 + 0.25 * h, y1 - 0.25 * h
        free = [False] * (self.columns + 1)
        for edge in range(1, self.columns):
            if self._drawn(self.xs[edge], inner0, inner1) < 0.3:
                under = edge - 1 in below and edge in below
                free[edge] = self.ruled[edge] or under or self._crossed(edge, y0, y1)
        found = []
        for first, last in _free_runs(free):
            if self._common(first, last, y0, y1):
                found.append((first, last))
                continue
            # Several texts: each is common to the columns that it reaches into.
            for a, b in self._groups(first, last, y0, y1, 0.45):
                inside = [
                    edge for edge in range(first + 1, last + 1)
                    if a + 0.35 * h <= self.xs[edge] <= b - 0.35 * h
                ]  # fmt: skip
                if inside:
                    found.append((inside[0] - 1, inside[-1]))
        return found

    def _crossed(self, edge: int, y0: float, y1: float) -> bool:
        """Return whether text stands across an edge."""
        x = self.xs[edge]
        return any(
            a + 0.35 * self.h <= x <= b - 0.35 * self.h
            for a, b in self._groups(edge - 1, edge, y0, y1, 0.45)
        )


def _free_runs(free: list[bool]) -> list[tuple[int, int]]:
    """Return the first and last column of each run of columns that only free edges part."""
    found = []
    for a, b in runs(np.array(free)):
        found.append((a - 1, b - 1))
    return found


def _merge(group: NDArray[np.int_], rows: tuple[int, int], columns: tuple[int, int]) -> None:
    """Give the places between these rows and columns, and all that are one with them, one name."""
    names = np.unique(group[rows[0] : rows[1], columns[0] : columns[1]])
    group[np.isin(group, names)] = names[0]


def _rectangles(group: NDArray[np.int_]) -> list[Span]:
    """Return the places of one name as cells; those that make no rectangle stay single."""
    spans = []
    for name in np.unique(group):
        rows, columns = np.nonzero(group == name)
        tall, wide = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
        if len(rows) == tall * wide and len(rows) > 1:
            spans.append(Span(int(rows.min()), int(columns.min()), tall, wide))
    return spans
