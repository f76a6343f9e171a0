"""Rows that sum up others, and what each says of a column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.checks.discover.equation import Equation, room
from pipeline.checks.discover.grid import Grid
from pipeline.checks.relation import Rounding


@dataclass(frozen=True)
class Summary:
    """A row that sums up others, in the rows of a grid; `parts` 1 for a sum, 0 for a mean, which
    is divided by the number of cells that are there, else what a total is divided by."""

    target: int
    operands: tuple[int, ...]
    parts: int
    rounding: Rounding


def state(grid: Grid, summary: Summary, column: int, lost: bool = False) -> Equation | None:
    """Return what a summary says of one column; `None` where there is nothing.

    Cells without ink are left out, or, with `lost`, are values that are not to be seen.
    """
    rows = np.array(summary.operands)
    if not lost:
        rows = rows[grid.ink[rows, column]]
    if not len(rows) or not grid.ink[summary.target, column]:
        return None
    parts = summary.parts or len(rows)
    total = int(grid.values[rows, column].sum())
    unit = grid.units[summary.target, column : column + 1]
    low, high = room(
        summary.rounding if parts > 1 else "exact",
        np.array([total]),
        np.array([parts]),
        unit,
        grid.units[rows[:1], column],
    )
    places = tuple((int(row), column) for row in rows)
    return Equation(
        (summary.target, column), places, (1,) * len(rows), parts, total, int(low[0]), int(high[0])
    )
