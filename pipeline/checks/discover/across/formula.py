"""Relations between the columns of a row, and how well the rows of a table bear them out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.checks.discover.doubt import EXPLAINED, Doubt
from pipeline.checks.discover.equation import Equation, room
from pipeline.checks.discover.evidence import log_e, shares
from pipeline.checks.discover.grid import Bools, Floats, Grid, Ints
from pipeline.checks.relation import Rounding, RuleKind


@dataclass(frozen=True)
class Body:
    """The rows of a grid that are of one kind, each beside the one before.

    Arrays are rows x 2 columns: column `c` of the row, and at `c + width` of the row before it.
    `rows` has the grid's row of each. Cells without ink are `blank` and worth 0; `sparse` says
    (2 columns) which columns leave them so for nothing.
    """

    grid: Grid
    rows: Ints
    values: Ints
    known: Bools
    blank: Bools
    sparse: Bools
    units: Ints

    @property
    def width(self) -> int:
        """Number of the grid's columns."""
        return len(self.grid.columns)

    def anew(self, held: Bools, tested: Bools) -> Bools:
        """Return which rows begin anew rather than follow the one before, of what joins two rows.

        All that stand below a total do so, if what is `tested` there mostly is not `held`.
        """
        below = np.concatenate([[False], np.diff(self.rows) > 1])
        broken = (tested & ~held & below).sum()
        return below if broken > (held & below).sum() else np.zeros(len(below), bool)

    def place(self, row: int, column: int) -> tuple[int, int]:
        """Return the grid's row and column of a cell."""
        lag, column = divmod(column, self.width)
        return int(self.rows[row - lag]), column


def read_body(grid: Grid, rows: Ints) -> Body:
    """Return the body that `rows` of a grid make."""
    return Body(
        grid,
        rows,
        _beside(grid.values[rows], 0),
        _beside(grid.known[rows], False),
        _beside(~grid.ink[rows], False),
        np.tile(grid.sparse(rows), 2),
        _beside(grid.units[rows], 1),
    )


def _beside(array: np.ndarray, first: object) -> np.ndarray:
    before = np.roll(array, 1, axis=0)
    if len(before):
        before[0] = first
    return np.concatenate([array, before], axis=1)


@dataclass(frozen=True)
class Formula:
    """parts x target = the weighted sum of `operands`, which are columns of a body.

    `parts` 0 stands for as many as there are (a mean that leaves blanks out). `tries`: logarithm of
    the number of formulas that it was chosen from.
    """

    kind: RuleKind
    target: int
    operands: tuple[int, ...]
    weights: tuple[int, ...]
    parts: int
    rounding: Rounding
    tries: float

    @property
    def gaps(self) -> bool:
        """Whether operands may be blank in any column: of a sum of many, some often are."""
        return self.kind in ("sum", "mean", "running") and len(self.operands) > 2

    def vector(self, width: int) -> Floats:
        """Return its coefficients over the columns of a body."""
        found = np.zeros(2 * width)
        found[self.target] = self.parts or len(self.operands)
        found[list(self.operands)] -= self.weights
        return found


@dataclass(frozen=True)
class Fit:
    """What the rows of a body say of a formula.

    Of the rows `tested`, `held` agree; `low` and `high` are the bounds on parts x target - sum.
    `surprise`, where all candidates were weighed: by how many standard deviations more rows fail
    than misread cells explain.
    """

    formula: Formula
    parts: Ints
    total: Ints
    low: Ints
    high: Ints
    tested: Bools
    held: Bools
    log_e: float
    surprise: float = 0.0

    @property
    def score(self) -> float:
        """Evidence beyond what the number of tries would give by chance."""
        return self.log_e - self.formula.tries


def fit(formula: Formula, body: Body, doubt: Doubt | None = None) -> Fit:
    """Return what the rows of `body` say of `formula`: by their likeliest readings alone, or with
    the rival ones where `doubt` is given."""
    operands = list(formula.operands)
    signs = np.array(formula.weights)
    there = body.known[:, operands]
    blank = body.blank[:, operands] & (body.sparse[operands] | formula.gaps)
    tested = body.known[:, formula.target] & (there | blank).all(axis=1) & there.any(axis=1)
    if formula.kind in ("copy", "midpoint", "carry"):
        tested &= there.all(axis=1)
    total = (body.values[:, operands] * signs).sum(axis=1)
    parts = np.full(len(total), formula.parts)
    if not formula.parts:
        parts = np.maximum((~body.blank[:, operands] * signs).sum(axis=1), 1)
    low, high = room(
        formula.rounding,
        total,
        parts,
        body.units[:, formula.target],
        body.units[:, operands].min(axis=1),
    )
    target = body.values[:, formula.target]
    rest = parts * target - total
    held = tested & (rest >= low) & (rest <= high)
    bases = _bases(formula, body)
    known = body.known[:, formula.target]
    least, most = -((-(total + low)) // parts), (total + high) // parts
    if doubt is None:
        chance = shares(target, known, least, most, tested, bases)
        evidence = log_e(held[tested].astype(float), chance[tested], int(known.sum()))
    else:
        found = Fit(formula, parts, total, low, high, tested, held, 0.0)
        evidence, surprise = _doubted(found, body, doubt, bases)
        return replace(found, log_e=evidence, surprise=surprise)
    return Fit(formula, parts, total, low, high, tested, held, evidence)


def equation(found: Fit, body: Body, row: int, lost: bool = False) -> Equation:
    """Return what a fitted formula says of one row of its body.

    Cells without ink are left out, or, with `lost`, are values that are not to be seen.
    """
    formula = found.formula
    terms = [
        (body.place(row, column), weight)
        for column, weight in zip(formula.operands, formula.weights, strict=True)
        if lost or not body.blank[row, column]
    ]
    parts, low, high = (int(each[row]) for each in (found.parts, found.low, found.high))
    if lost and not formula.parts:
        parts = len(formula.operands)
        target, operands = body.units[row, [formula.target]], body.units[row, formula.operands]
        total = found.total[row : row + 1]
        bounds = room(
            formula.rounding, total, np.array([parts]), target, operands.min(keepdims=True)
        )
        low, high = int(bounds[0][0]), int(bounds[1][0])
    return Equation(
        body.place(row, formula.target),
        tuple(place for place, _ in terms),
        tuple(weight for _, weight in terms),
        parts,
        int(found.total[row]),
        low,
        high,
    )


def _doubted(
    found: Fit, body: Body, doubt: Doubt, bases: Sequence[tuple[Ints, Bools]]
) -> tuple[float, float]:
    """Return the evidence of a formula, and its surprise, with all readings of its cells."""
    rows = np.flatnonzero(found.tested)
    known = body.known[:, found.formula.target]
    weights, chances, seen = np.zeros((3, len(rows)))
    pools = [np.flatnonzero(known & there) for _, there in bases]
    for index, row in enumerate(rows):
        likenesses = [
            (body.rows[pool], int(base[row]), base[pool])
            for (base, there), pool in zip(bases, pools, strict=True)
            if there[row]
        ]
        one = equation(found, body, int(row))
        weights[index], means = doubt.weigh(one, likenesses)
        chances[index], seen[index] = max(means), doubt.seen(one)
    missed = found.tested.sum() - (found.held[rows] | (weights > EXPLAINED)).sum()
    expected = float((1 - seen).sum())
    evidence = log_e(weights, chances, int(known.sum()), seen)
    return evidence, float(missed - expected) / math.sqrt(expected + 1)


def _bases(formula: Formula, body: Body) -> list[tuple[Ints, Bools]]:
    """Return the likenesses of a formula's target that are no proof of it."""
    width = body.width
    nothing = np.zeros(len(body.rows), np.int64), np.ones(len(body.rows), bool)
    near = {formula.target + width} if formula.target < width else set()
    if len(formula.operands) > 1:
        near |= {formula.operands[0], formula.operands[-1]}
        if len(formula.operands) < 4:
            near |= set(formula.operands)
    near -= {formula.target}
    return [nothing, *((body.values[:, each], body.known[:, each]) for each in sorted(near))]
