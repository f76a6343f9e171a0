"""The columns of a grid, each of which bears out or breaks what is said of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.down.summary import Summary, state
from pipeline.checks.discover.equation import Equation, complete, holds, room
from pipeline.checks.discover.evidence import COMMON, SHOWS, log_e
from pipeline.checks.discover.grid import Bools, Floats, Grid, Ints
from pipeline.checks.relation import Rounding

LEAST_OF_POOL = 0.5
"""Share of a column's values of which a likeness must be known to be told from chance."""


class Columns:
    """The columns of numbers of a grid, each an instance of what is said of its rows."""

    def __init__(self, grid: Grid, doubt: Doubt) -> None:
        numbers = grid.numbers
        self.grid = grid
        self.doubt = doubt
        self.numbers = numbers
        self.values = grid.values[:, numbers]
        self.known = grid.known[:, numbers]
        self.units = grid.units[:, numbers]
        lost = ~self.known & grid.ink[:, numbers]
        self.sums = np.concatenate([np.zeros((1, len(numbers)), np.int64), self.values.cumsum(0)])
        self.lost = np.concatenate([np.zeros((1, len(numbers)), np.int64), lost.cumsum(0)])
        self.there = np.concatenate([np.zeros((1, len(numbers)), np.int64), self.known.cumsum(0)])

    @cached_property
    def pools(self) -> tuple[tuple[Ints, Bools], ...]:
        """Values of every cell as they are, less the row before, and less the column before."""
        above, beside = np.roll(self.values, 1, 0), np.roll(self.values, 1, 1)
        above_known, beside_known = np.roll(self.known, 1, 0), np.roll(self.known, 1, 1)
        above_known[:1] = False
        beside_known[:, :1] = False
        return (
            (self.values, self.known),
            (self.values - above, self.known & above_known),
            (self.values - beside, self.known & beside_known),
        )

    def likenesses(self, equation: Equation) -> list[tuple[Ints, int, Ints]]:
        """Return what is taken off an equation's target: nothing, the row before, or the
        column before, as `Doubt.weigh` takes them.
        """
        row, column = equation.target
        last = max(equation.operands)[0]
        known = self.grid.known[:, column]
        pool = np.flatnonzero(known)
        found = [(pool, 0, np.zeros(len(pool), np.int64))]
        least = LEAST_OF_POOL * len(pool)
        pool = np.flatnonzero(known[1:] & known[:-1]) + 1
        values = self.grid.values
        if len(pool) >= least and self.grid.known[last, column]:
            found.append((pool, int(values[last, column]), values[pool - 1, column]))
        beside = self.numbers[self.numbers < column][-1:]
        if len(beside) and self.grid.known[row, beside[0]]:
            pool = np.flatnonzero(known & self.grid.known[:, beside[0]])
            found.append((pool, int(values[row, beside[0]]), values[pool, beside[0]]))
        return found

    def chances(self, low: Ints, high: Ints, rows: Ints, last: Ints, taken: int) -> Floats:
        """Return the largest share of each column's values that would agree by chance.

        `low` and `high` (hypotheses x columns) bound the values that agree in `rows`; `last` are
        the rows summed last. `taken` values of a column may have been drawn already.
        """
        found = np.zeros(low.shape)
        beside = np.roll(self.values, 1, 1)[rows]
        likenesses = (np.zeros_like(beside), self.values[last], beside)
        there = (
            np.ones_like(beside, bool),
            self.known[last],
            np.roll(self.known, 1, 1)[rows] & (np.arange(low.shape[1]) > 0),
        )
        for (pool, known), base, usable in zip(self.pools, likenesses, there, strict=True):
            inside = (pool >= (low - base)[:, None]) & (pool <= (high - base)[:, None]) & known
            count = np.maximum(inside.sum(axis=1), 1)
            left = np.maximum(known.sum(axis=0) - taken, 1)
            found = np.maximum(found, np.where(usable, np.minimum(1.0, count / left), 0.0))
        return found

    def evidence(
        self,
        total: Ints,
        parts: Ints,
        rows: Ints,
        last: Ints,
        tested: Bools,
        rounding: Rounding,
        taken: int = 0,
    ) -> Floats:
        """Return the logarithm of the e-value that parts x row = total, for each of `rows`.

        `total`, `parts`, `tested` are hypotheses x columns. Where no column agrees it is -inf.
        """
        units = self.units[rows]
        low, high = room(rounding, total, parts, units, units)
        rest = parts * self.values[rows] - total
        held = tested & (rest >= low) & (rest <= high)
        found = np.full(len(rows), -np.inf)
        some = np.flatnonzero(held.any(axis=1))
        if not len(some):
            return found
        low, high, parts, total = low[some], high[some], parts[some], total[some]
        least, most = -((-(total + low)) // parts), (total + high) // parts
        chance = self.chances(least, most, rows[some], last[some], taken)
        says = tested[some] & (chance <= COMMON)
        shows = SHOWS[:, None, None]
        gains = np.log(1 - shows + shows * held[some] / np.maximum(chance, 1e-9))
        logs = (gains * says).sum(axis=2)
        top = logs.max(axis=0)
        found[some] = top + np.log(np.exp(logs - top).mean(axis=0))
        return found

    def weigh(self, summaries: Sequence[Summary]) -> float:
        """Return the evidence (log) of summaries, by the likeliest readings or by all of them.

        As the better of the two is taken, it counts as two tries.
        """
        equations = [
            each
            for summary in summaries
            for column in self.numbers
            if (each := state(self.grid, summary, int(column))) and complete(self.grid, each)
        ]
        weights, chances, agree, shares, seen = np.zeros((5, len(equations)))
        for index, each in enumerate(equations):
            likenesses = self.likenesses(each)
            weights[index], means = self.doubt.weigh(each, likenesses)
            chances[index] = max(means)
            agree[index] = holds(self.grid, each)
            shares[index] = max(_share(self.grid, each, *likeness) for likeness in likenesses)
            seen[index] = self.doubt.seen(each)
        return max(log_e(weights, chances, seen=seen), log_e(agree, shares))


def _share(grid: Grid, equation: Equation, pool: Ints, own: int, base: Ints) -> float:
    """Return what share of a column's values would agree with an equation."""
    rest = equation.parts * (grid.values[pool, equation.target[1]] + own - base) - equation.total
    return float(((rest >= equation.low) & (rest <= equation.high)).mean())
