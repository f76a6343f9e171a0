"""Rows that sum up others: totals and means of groups of rows, of the whole table, of the totals.

Where groups begin and end is found by dynamic programming: among all ways of cutting the rows into
groups with a total, a mean or both below each, the one with the most evidence, less what it costs
to name (a new length of group costs more than the last one again). The costs are the logarithms of
weights that sum to at most 1, so that the search as a whole is one hypothesis.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from pipeline.checks.discover.doubt import Doubt, Equation
from pipeline.checks.discover.evidence import COMMON, SHOWS, log_e
from pipeline.checks.discover.formula import room
from pipeline.checks.discover.grid import Bools, Floats, Grid, Ints
from pipeline.checks.discover.significance import KINDS, LEAST_SCORE
from pipeline.checks.relation import Rounding

LONGEST = 31
"""Rows of a group at most: the days of a month."""
LAYOUTS = ("sum", "mean", "down", "sum mean", "sum down", "mean sum", "down sum")
"""What stands below a group; `down` is a mean whose digits are dropped."""
AGAIN, ALIKE, OTHER, SKIP = 0.7, 0.1, 0.1, 0.05
"""How likely the next group is as long as the last, nearly so, any other; or a row is in none."""
FOOT = 4
"""Rows at the bottom that may sum up the whole table. Of the error that is allowed, a quarter is
for rows that are labelled so, an eighth for the last row, an eighth for the others."""


@dataclass(frozen=True)
class Summary:
    """A row that sums up others, in the rows of a grid; `parts` 1 for a sum, 0 for a mean, which
    is divided by the number of cells that are there, else what a total is divided by."""

    target: int
    operands: tuple[int, ...]
    parts: int
    rounding: Rounding


@dataclass(frozen=True)
class Cut:
    """How the rows of a grid are cut into groups, with the evidence beyond its cost."""

    totals: tuple[Summary, ...]
    means: tuple[Summary, ...]
    score: float


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
        pool = np.flatnonzero(known[1:] & known[:-1]) + 1
        values = self.grid.values
        if len(pool) and self.grid.known[last, column]:
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


def cut(columns: Columns) -> Cut:
    """Return the best way of cutting the rows into groups that are summed up below them."""
    count = len(columns.grid.rows)
    weights = [_groups(columns, first) for first in range(count)]
    new = math.log(1 / (LONGEST * len(LAYOUTS)))
    states: list[dict[tuple[int, int], tuple[float, tuple[tuple[int, int, int], ...]]]]
    states = [{} for _ in range(count + 1)]
    for first in range(min(4, count)):
        states[first][0, -1] = (math.log(1 / 4), ())
    best: tuple[float, tuple[tuple[int, int, int], ...]] = (-math.inf, ())
    for row in range(count + 1):
        for (length, layout), (score, path) in states[row].items():
            if path and score + math.log(SKIP) > best[0]:
                best = score + math.log(SKIP), path
            if row == count:
                continue
            if path:
                _keep(states[row + 1], (length, layout), score + math.log(SKIP), path)
            for (size, below), weight in weights[row].items():
                if not path:
                    cost = new
                elif below != layout:
                    cost = math.log(OTHER) + new
                elif size == length:
                    cost = math.log(AGAIN)
                else:
                    near = abs(size - length) <= 3
                    cost = math.log(ALIKE / 6) if near else math.log(OTHER) + new
                after = row + size + len(LAYOUTS[below].split())
                _keep(
                    states[after], (size, below), score + cost + weight, (*path, (row, size, below))
                )
    score, path = best
    totals, means = [], []
    for first, size, below in path:
        total, mean = _summaries(first, size, LAYOUTS[below])
        totals += total
        means += mean
    return Cut(tuple(totals), tuple(means), score - math.log(KINDS))


def cut_at_labels(columns: Columns) -> Cut:
    """Return how labelled rows cut the others into groups, if they do: below each, one or two."""
    runs: list[tuple[int, int, int]] = []  # first row of the group, its length, labelled rows below
    first = 0
    labelled = columns.grid.labels.tolist()
    for row, label in enumerate([*labelled, False]):
        if label:
            continue
        below = 0
        while row - below > first and labelled[row - below - 1]:
            below += 1
        if below and row - below - first > 1:
            runs.append((first, row - below - first, below))
        if below:
            first = row
    best = Cut((), (), -math.inf)
    if len(runs) < 2:
        return best
    count = min(below for *_, below in runs)
    for layout in LAYOUTS:
        if len(layout.split()) != min(2, count):
            continue
        found = [_summaries(start, size, layout) for start, size, _ in runs]
        totals = tuple(each for total, _ in found for each in total)
        means = tuple(each for _, mean in found for each in mean)
        score = _weigh(columns, [*totals, *means]) - math.log(2 * KINDS * len(LAYOUTS))
        best = max(best, Cut(totals, means, score), key=lambda each: each.score)
    return best


def _keep(
    states: dict[tuple[int, int], tuple[float, tuple[tuple[int, int, int], ...]]],
    state: tuple[int, int],
    score: float,
    path: tuple[tuple[int, int, int], ...],
) -> None:
    if state not in states or states[state][0] < score:
        states[state] = score, path


def _groups(columns: Columns, first: int) -> dict[tuple[int, int], float]:
    """Return the groups from row `first` that there is evidence for, by length and layout."""
    count = len(columns.grid.rows)
    sizes = np.arange(2, min(LONGEST, count - first - 1) + 1)
    if not len(sizes):
        return {}
    last = first + sizes - 1
    total = columns.sums[last + 1] - columns.sums[first]
    there = columns.there[last + 1] - columns.there[first]
    sound = (columns.lost[last + 1] == columns.lost[first]) & (there > 0)
    parts = np.maximum(there, 1)
    one = np.ones_like(parts)
    below = last + 1
    two = np.minimum(last + 2, count - 1)
    fits = last + 2 < count
    taken = count // 3
    say = columns.evidence
    known = columns.known
    sum_below = say(total, one, below, last, sound & known[below], "exact", taken)
    sum_two = say(total, one, two, last, sound & known[two] & fits[:, None], "exact", taken)
    means: dict[Rounding, Floats] = {}
    ratios: dict[Rounding, Floats] = {}
    both = known[below] & known[two] & fits[:, None]
    roundings: tuple[Rounding, Rounding] = ("nearest", "down")
    for rounding in roundings:
        tested = sound & known[below]
        means[rounding] = say(total, parts, below, last, tested, rounding, taken)
        ratios[rounding] = say(
            columns.values[below], parts, two, last, both & (there > 0), rounding, taken
        )
    found = np.stack(
        [
            sum_below,
            means["nearest"],
            means["down"],
            sum_below + ratios["nearest"],
            sum_below + ratios["down"],
            means["nearest"] + sum_two,
            means["down"] + sum_two,
        ]
    )
    return {
        (int(sizes[size]), int(layout)): float(found[layout, size])
        for layout, size in np.argwhere(found > 0)
    }


def _summaries(first: int, size: int, layout: str) -> tuple[list[Summary], list[Summary]]:
    """Return the totals and the means that a layout puts below a group."""
    rows = tuple(range(first, first + size))
    totals, means = [], []
    words = layout.split()
    for index, word in enumerate(words):
        target = first + size + index
        if word == "sum":
            totals.append(Summary(target, rows, 1, "exact"))
            continue
        rounding: Rounding = "nearest" if word == "mean" else "down"
        if index:
            means.append(Summary(target, (target - 1,), size, rounding))
        else:
            means.append(Summary(target, rows, 0, rounding))
    return totals, means


@dataclass(frozen=True)
class Foot:
    """A row that sums up the table, or its groups, with the evidence beyond the tries."""

    summary: Summary
    kind: Literal["sum", "mean"]
    score: float


def feet(columns: Columns, done: Cut | None) -> list[Foot]:
    """Return the rows at the bottom, or labelled so, that sum up what is above them."""
    count = len(columns.grid.rows)
    totals = [each.target for each in done.totals] if done else []
    means = [each.target for each in done.means] if done else []
    inner = set(totals) | set(means)
    found: list[Foot] = []
    bottom = range(max(2, count - FOOT), count)
    labelled = [int(row) for row in np.flatnonzero(columns.grid.labels) if row >= 2]
    for row in sorted(set(bottom) | set(labelled)):
        if row in inner:
            continue
        taken = {each.summary.target for each in found}
        body = [each for each in range(row) if each not in inner | taken]
        proposals = _proposals(row, body, totals, means, found)
        tries = 4 * len(labelled) if row in labelled else 8 if row == count - 1 else 8 * FOOT
        best = max(
            (
                _foot(columns, each, math.log(2 * tries / share))
                for each, share in zip(proposals, _shares(proposals), strict=True)
            ),
            key=lambda each: each.score,
            default=None,
        )
        if best is not None and best.score >= LEAST_SCORE:
            found.append(best)
    return found


def _proposals(
    row: int,
    body: Sequence[int],
    totals: Sequence[int],
    means: Sequence[int],
    found: Sequence[Foot],
) -> list[Summary]:
    """Return what the row may be: a sum or mean of the body, of the totals, of the means."""
    proposals = []
    above = [each for each in totals if each < row]
    if len(above) > 1:
        proposals.append(Summary(row, tuple(above), 1, "exact"))
    elif len(body) > 1:
        proposals.append(Summary(row, tuple(body), 1, "exact"))
        if len(body) > 2:
            proposals.append(Summary(row, tuple(body[1:]), 1, "exact"))
    sums = [each.summary.target for each in found if each.kind == "sum"]
    for rounding in ("nearest", "down"):
        if sums:
            proposals.append(Summary(row, (sums[-1],), len(body), rounding))
        elif len(body) > 1:
            proposals.append(Summary(row, tuple(body), 0, rounding))
        above = [each for each in means if each < row]
        if len(above) > 1:
            proposals.append(Summary(row, tuple(above), 0, rounding))
    return proposals


def _shares(proposals: Sequence[Summary]) -> Floats:
    """Return how the error is divided: those that leave out the first row are less likely."""
    longest = max((len(each.operands) for each in proposals), default=0)
    shares = np.array([0.1 if len(each.operands) == longest - 1 else 1.0 for each in proposals])
    return np.asarray(shares / shares.sum())


def _foot(columns: Columns, summary: Summary, tries: float) -> Foot:
    """Weigh a summary of the table."""
    kind: Literal["sum", "mean"] = "sum" if summary.parts == 1 else "mean"
    return Foot(summary, kind, _weigh(columns, [summary]) - tries)


def _weigh(columns: Columns, summaries: Sequence[Summary]) -> float:
    """Return the evidence (log) of summaries, by the likeliest readings or by all of them.

    As the better of the two is taken, it counts as two tries.
    """
    equations = [
        each
        for summary in summaries
        for column in columns.numbers
        if (each := state(columns.grid, summary, int(column))) and complete(columns.grid, each)
    ]
    weights, chances, agree, shares, seen = np.zeros((5, len(equations)))
    for index, each in enumerate(equations):
        likenesses = columns.likenesses(each)
        weights[index], means = columns.doubt.weigh(each, likenesses)
        chances[index] = max(means)
        agree[index] = holds(columns.grid, each)
        shares[index] = max(_share(columns.grid, each, *likeness) for likeness in likenesses)
        seen[index] = columns.doubt.seen(each)
    return max(log_e(weights, chances, seen=seen), log_e(agree, shares))


def _share(grid: Grid, equation: Equation, pool: Ints, own: int, base: Ints) -> float:
    """Return what share of a column's values would agree with an equation."""
    rest = equation.parts * (grid.values[pool, equation.target[1]] + own - base) - equation.total
    return float(((rest >= equation.low) & (rest <= equation.high)).mean())


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


def complete(grid: Grid, equation: Equation) -> bool:
    """Tell whether every cell of an equation was read."""
    return bool(
        all(grid.known[place] for place in equation.operands) and grid.known[equation.target]
    )


def holds(grid: Grid, equation: Equation) -> bool:
    """Tell whether the likeliest readings agree with an equation."""
    rest = equation.parts * int(grid.values[equation.target]) - equation.total
    return complete(grid, equation) and equation.low <= rest <= equation.high
