"""Relations weighed over all that their cells may say, rather than over the likeliest readings.

Of a sum over a month some term is nearly always misread, so that the likeliest readings almost
never agree. How probable the candidates make it that they agree is compared with how probable they
would make it with another value of the column in the target's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np

from pipeline.checks.discover.equation import Equation
from pipeline.checks.discover.grid import Bools, Floats, Grid, Ints

UNLIKELY = 1e-3
"""A rival reading is left out that is this much less likely than the likeliest."""
MOST = 40
"""Rival readings of one equation that are looked at, in pairs too; the likeliest also in threes."""
MOST_OF_THREE = 14
EXPLAINED = 0.01
"""How likely its candidates make an equation that its likeliest readings break, at least."""


class Doubt:
    """What the cells of a grid may say instead of what is likeliest."""

    def __init__(self, grid: Grid) -> None:
        self.rivals = grid.rivals
        self.chances = grid.chances
        self.best = np.maximum(grid.chances[..., 0], 1e-9)
        ratios = grid.chances[..., 1:] / self.best[..., None]
        self.ratios = np.where(ratios > UNLIKELY, ratios, 0.0)
        self.offsets = grid.rivals[..., 1:] - grid.rivals[..., :1]
        self.spreads: dict[object, tuple[Ints, Floats]] = {}

    def spread(self, equation: Equation) -> tuple[Ints, Floats]:
        """Return how far an equation's sum may be off, with up to three of its cells misread.

        Offsets ascending, and the probability of what lies before each (one more).
        """
        key = equation.operands, equation.weights
        if key not in self.spreads:
            self.spreads[key] = self._spread(equation)
        return self.spreads[key]

    def _spread(self, equation: Equation) -> tuple[Ints, Floats]:
        rows, columns = np.array(equation.operands).T
        ratios = self.ratios[rows, columns]
        cell, rank = np.nonzero(ratios)
        odds = ratios[cell, rank]
        offsets = self.offsets[rows, columns][cell, rank] * np.array(equation.weights)[cell]
        keep = np.argsort(-odds)[:MOST]
        cell, odds, offsets = cell[keep], odds[keep], offsets[keep]
        sums, chances = [np.zeros(1, np.int64), offsets], [np.ones(1), odds]
        for size, likeliest in ((2, MOST), (3, MOST_OF_THREE)):
            chosen = choices(min(likeliest, len(cell)), size)
            cells = cell[chosen]
            apart = (cells[:, 1:] != cells[:, :-1]).all(axis=1) & (cells[:, 0] != cells[:, -1])
            chosen = chosen[apart]
            sums.append(offsets[chosen].sum(axis=1))
            chances.append(odds[chosen].prod(axis=1))
        every, chance = np.concatenate(sums).astype(np.int64), np.concatenate(chances)
        order = np.argsort(every, kind="stable")
        right = float(np.prod(self.best[rows, columns]))
        return every[order], np.concatenate([[0.0], np.cumsum(chance[order])]) * right

    def seen(self, equation: Equation) -> float:
        """Return how likely what an equation sums is among what `spread` looks at."""
        return min(1.0, float(self.spread(equation)[1][-1]))

    def weigh(
        self, equation: Equation, likenesses: Sequence[tuple[Ints, int, Ints]] = ()
    ) -> tuple[float, list[float]]:
        """Return how likely an equation holds, and with other values in its target's place.

        The others are those of the target's column. For each likeness to take off: the rows they
        are taken from, and what it is for the target and in those rows. The means are returned.
        """
        offsets, below = self.spread(equation)

        def agreement(targets: Ints, chances: Floats) -> float:
            ahead = equation.parts * targets - equation.total
            first = np.searchsorted(offsets, ahead - equation.high, "left")
            last = np.searchsorted(offsets, ahead - equation.low, "right")
            return float(((below[np.maximum(first, last)] - below[first]) * chances).sum())

        row, column = equation.target
        mine = agreement(self.rivals[row, column], self.chances[row, column])
        means = [
            agreement(self.rivals[pool, column] + (own - base)[:, None], self.chances[pool, column])
            / len(pool)
            for pool, own, base in likenesses
        ]
        return mine, means


@cache
def choices(count: int, size: int) -> Ints:
    """Return the ways of choosing `size` of `count` things, one a row."""
    return np.array(list(combinations(range(count), size)), np.int64).reshape(-1, size)


def likely(doubt: Doubt, equations: Sequence[Equation]) -> Bools:
    """Return which equations their candidates make likelier than `EXPLAINED`."""
    found = [doubt.weigh(each)[0] for each in equations]
    return np.array(found) > EXPLAINED
