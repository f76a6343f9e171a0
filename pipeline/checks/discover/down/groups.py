"""Totals and means of groups of rows.

Where groups begin and end is found by dynamic programming: among all ways of cutting the rows into
groups with a total, a mean or both below each, the one with the most evidence, less what it costs
to name (a new length of group costs more than the last one again). The costs are the logarithms of
weights that sum to at most 1, so that the search as a whole is one hypothesis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pipeline.checks.discover.down.columns import Columns
from pipeline.checks.discover.down.summary import Summary
from pipeline.checks.discover.evidence import KINDS
from pipeline.checks.discover.grid import Floats
from pipeline.checks.relation import Rounding

LONGEST = 31
"""Rows of a group at most: the days of a month."""
LAYOUTS = ("sum", "mean", "down", "sum mean", "sum down", "mean sum", "down sum")
"""What stands below a group; `down` is a mean whose digits are dropped."""
AGAIN, ALIKE, OTHER, SKIP = 0.7, 0.1, 0.1, 0.05
"""How likely the next group is as long as the last, nearly so, any other; or a row is in none."""


@dataclass(frozen=True)
class Cut:
    """How the rows of a grid are cut into groups, with the evidence beyond its cost."""

    totals: tuple[Summary, ...]
    means: tuple[Summary, ...]
    score: float


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
        score = columns.weigh([*totals, *means]) - math.log(2 * KINDS * len(LAYOUTS))
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
