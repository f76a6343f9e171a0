"""What cells likely say once the relations that were found are believed.

A month's mean is rarely found among readings of which some in every column are wrong. Where the
days' means are found, they tell which; then the month's are found as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.checks.discover.doubt import MOST, MOST_OF_THREE, UNLIKELY, choices
from pipeline.checks.discover.grid import Floats, Grid
from pipeline.checks.relation import Instance, Rule

BROKEN = 0.002
"""How likely a reading is, beside one that satisfies a relation, that breaks it."""


def refine(grid: Grid, rules: Sequence[Rule]) -> Grid:
    """Return `grid` with the probabilities of its readings as `rules` leave them.

    Every equation is taken by itself, and its odds multiplied with those of the others: with up to
    three of its cells misread, and all others right.
    """
    rows = {row: index for index, row in enumerate(grid.rows)}
    columns = {column: index for index, column in enumerate(grid.columns)}
    best = np.maximum(grid.chances[..., :1], 1e-9)
    odds = grid.chances / best
    after = odds.copy()
    for rule in rules:
        for instance in rule.instances:
            places = [(rows[row], columns[column]) for (row, column), _ in instance.terms]
            if all(grid.known[place] for place in places):
                where = tuple(np.array(places).T)
                after[where] *= _factors(grid, instance, odds[where], where)
    chances = after / after.sum(axis=-1, keepdims=True).clip(1e-9)
    chances *= grid.chances.sum(axis=-1, keepdims=True)
    order = np.argsort(-chances, axis=-1, kind="stable")
    rivals = np.take_along_axis(grid.rivals, order, axis=-1)
    chances = np.take_along_axis(chances, order, axis=-1)
    values = np.where(grid.known, rivals[..., 0], 0)
    return replace(grid, values=values, rivals=rivals, chances=chances)


def _factors(grid: Grid, instance: Instance, odds: Floats, where: tuple[np.ndarray, ...]) -> Floats:
    """Return by what an equation multiplies the odds of each reading of its cells (n x rivals)."""
    weights = np.array([weight for _, weight in instance.terms])
    rivals = grid.rivals[where]
    rest = int(weights @ rivals[:, 0])
    cell, rank = np.nonzero(odds[:, 1:] > UNLIKELY)
    factors = np.ones_like(odds)
    if not len(cell):
        return factors
    rank += 1
    keep = np.argsort(-odds[cell, rank])[:MOST]
    cell, rank = cell[keep], rank[keep]
    single = odds[cell, rank]
    offsets = (rivals[cell, rank] - rivals[cell, 0]) * weights[cell]

    def weight(change: np.ndarray, chance: Floats) -> Floats:
        sound = (rest + change >= instance.low) & (rest + change <= instance.high)
        return np.where(sound, chance, chance * BROKEN)

    everything = float(weight(np.zeros(1, np.int64), np.ones(1))[0])
    changed = np.zeros(len(cell))
    for size, most in ((1, MOST), (2, MOST), (3, MOST_OF_THREE)):
        chosen = choices(min(most, len(cell)), size)
        cells = cell[chosen]
        apart = (cells[:, 1:] != cells[:, :-1]).all(axis=1)
        chosen = chosen[apart & ((size == 1) | (cells[:, 0] != cells[:, -1]))]
        found = weight(offsets[chosen].sum(axis=1), single[chosen].prod(axis=1))
        everything += float(found.sum())
        for position in range(size):
            changed += np.bincount(chosen[:, position], found, len(cell))
    of_cell = np.bincount(cell, changed, len(odds))
    right = np.maximum(everything - of_cell, 1e-12)
    factors[cell, rank] = changed / right[cell] / single
    return factors
