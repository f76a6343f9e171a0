"""How values go on from cell to cell: a reading that fits between its neighbours is likelier.

Temperatures follow each other from day to day, pressures from hour to hour. How far a value usually
is from the one before is learnt from the sheet, down each column and from column to column; the
closer of the two is used. Neighbours may be misread themselves: what each can take is bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.sheet import Position, Sheet

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

DEGREES = 3.0
"""Of freedom of Student's distribution of the steps: large ones are not so rare."""

MOST = 1.5
"""What one neighbour may take from a value, a natural logarithm."""

FEWEST = 8
"""A step is usual only where so many were seen."""

PER_MEDIAN = 1.3
"""Scale of Student's distribution with three degrees of freedom, by the median of its size."""


@dataclass(frozen=True, slots=True)
class Step:
    """The usual step from one place to the next, and how far it scatters; in the sheet's units."""

    size: float
    scatter: float


@dataclass(frozen=True, slots=True)
class Course:
    """The likeliest values of a sheet's cells, and the usual steps `down` and `across` by column.

    The step across is from the column to the next.
    """

    values: Mapping[Position, int]
    down: Mapping[int, Step]
    across: Mapping[int, Step]

    def weigh(self, values: Ints, place: Position) -> Floats:
        """Return the logarithm by which values at a place become less likely (0 at most)."""
        found = np.zeros(values.shape)
        for expected, scatter in self._expected(place):
            away = (values - expected) / scatter
            logs = -(DEGREES + 1) / 2 * np.log1p(away * away / DEGREES)
            found += np.maximum(logs, -MOST)
        return np.asarray(found, np.float64)

    def _expected(self, place: Position) -> list[tuple[float, float]]:
        """Return what the neighbours lead to expect at a place, and within how much."""
        row, column = place
        down, left, right = (
            self.down.get(column),
            self.across.get(column - 1),
            self.across.get(column),
        )
        beside = [step.scatter for step in (left, right) if step is not None]
        if down is not None and (not beside or down.scatter <= min(beside)):
            steps = [((row - 1, column), down, 1), ((row + 1, column), down, -1)]
        else:
            steps = [
                (other, step, sign)
                for other, step, sign in (
                    ((row, column - 1), left, 1),
                    ((row, column + 1), right, -1),
                )
                if step is not None
            ]
        return [
            (self.values[other] + sign * step.size, step.scatter)
            for other, step, sign in steps
            if other in self.values
        ]


def follow(sheet: Sheet) -> Course:
    """Return the course of a sheet's numbers."""
    values = {
        place: entry.value for place, entry in sheet.entries.items() if entry.value is not None
    }
    down: dict[int, list[int]] = {}
    across: dict[int, list[int]] = {}
    for (row, column), value in values.items():
        if (row + 1, column) in values:
            down.setdefault(column, []).append(values[row + 1, column] - value)
        if (row, column + 1) in values:
            across.setdefault(column, []).append(values[row, column + 1] - value)
    return Course(values, _usual(down), _usual(across))


def _usual(steps: Mapping[int, list[int]]) -> dict[int, Step]:
    usual = {}
    for column, sizes in steps.items():
        if len(sizes) >= FEWEST:
            size = float(median(sizes))
            scatter = PER_MEDIAN * median(abs(each - size) for each in sizes)
            usual[column] = Step(size, max(1.0, scatter))
    return usual
