"""A straightened page, what is drawn and written on it, and a table's grid.

All coordinates are pixels of the straightened page (`straighten`): rules run along the axes, and a
table is an upright box cut by upright and level lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tables.structure.rules import Rules
from pipeline.tables.structure.strokes import Strokes


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
class Brace:
    """A brace, and where the one entry stands that an upright one joins its rows to, if it does."""

    box: Box
    joins: Box | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the layout is found from: a straightened page's rules, its text, its detected lines.

    `text` is the ink without the rules and braces, `boxes` (N x 4: x0, y0, x1, y1) the detected
    lines and `height` the usual height of a character, in pixels.
    """

    rules: Rules
    text: Strokes
    boxes: NDArray[np.float64]
    height: float
    braces: tuple[Brace, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A cell that takes `rows` x `columns` places, the first of them at `row`, `column`."""

    row: int
    column: int
    rows: int
    columns: int

    @property
    def places(self) -> list[tuple[int, int]]:
        """Every (row, column) that the cell takes, its own place first."""
        return [
            (row, column)
            for row in range(self.row, self.row + self.rows)
            for column in range(self.column, self.column + self.columns)
        ]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's grid: `columns` + 1 upright edges `xs`, and the lines of text of each row.

    `rows` holds, for each row of cells, the top and bottom of its lines of text, most often one.
    They need not touch: what lies between two of them belongs to neither. `header_rows` counts the
    rows above the level rule that ends the head. `at_edge` tells that the table begins at the left
    edge of the page or in its fold, `framed` that a rule begins it. `spans` are the cells of more
    than one place; no two share one.
    """

    xs: tuple[float, ...]
    rows: tuple[tuple[tuple[float, float], ...], ...]
    header_rows: int
    at_edge: bool = False
    framed: bool = True
    spans: tuple[Span, ...] = ()

    @property
    def covered(self) -> frozenset[tuple[int, int]]:
        """The places that a span takes besides its own: no cell begins there."""
        return frozenset(place for span in self.spans for place in span.places[1:])

    @property
    def ys(self) -> tuple[tuple[float, float], ...]:
        """The top and bottom of each row of cells."""
        return tuple((lines[0][0], lines[-1][1]) for lines in self.rows)

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0][0], self.xs[-1], self.ys[-1][1])
