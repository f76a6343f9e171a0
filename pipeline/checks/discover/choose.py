"""Which of the formulas that the rows bear out are relations: significant, sharp, and new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.checks.discover.across import LONG
from pipeline.checks.discover.doubt import Doubt, likely
from pipeline.checks.discover.formula import Body, Fit, Formula, equation, fit
from pipeline.checks.discover.grid import Bools, Floats
from pipeline.checks.discover.significance import LEAST_SCORE

HELD, HELD_LONG = 0.4, 0.25
"""Share of the rows that agree or are explained by rival readings, with few operands or many."""
NEAR = 5
"""Within how many times its room for rounding a row misses nearly."""
SOFT = 4
"""Long formulas that are weighed over all candidates."""


def choose(proposed: Sequence[Formula], body: Body, doubt: Doubt) -> list[Fit]:
    """Return the formulas that are relations of the rows of `body`, the surest first."""
    fits = [found for each in proposed if (found := fit(each, body)).score >= LEAST_SCORE]
    chosen = _new(sorted(fits, key=lambda each: _order(each, body)), body, doubt, [])
    explained = {each.formula.target for each in chosen}
    long = [
        each for each in proposed if len(each.operands) >= LONG and each.target not in explained
    ]
    soft = [found for each in long[:SOFT] if (found := fit(each, body, doubt)).score >= LEAST_SCORE]
    return _new(sorted(soft, key=lambda each: -each.score), body, doubt, chosen)


def _order(found: Fit, body: Body) -> tuple[int, float]:
    """Return what is taken first: copies, what else holds within a row, the rest; the surest."""
    formula = found.formula
    lagged = max(formula.operands) >= body.width
    return 0 if formula.kind == "copy" else 1 + lagged, -found.score


def _new(fits: Sequence[Fit], body: Body, doubt: Doubt, chosen: list[Fit]) -> list[Fit]:
    """Return `chosen` with those of `fits`, the best first, that do not follow from the others."""
    chosen = list(chosen)
    for found in fits:
        if (
            not _twin(found.formula, chosen, fits)
            and not _rival(found.formula, [each.formula for each in chosen])
            and not _implied(found.formula, [each.formula for each in chosen], body.width)
            and _sharp(found, body, doubt)
        ):
            chosen.append(found)
    return chosen


def _twin(formula: Formula, chosen: Sequence[Fit], fits: Sequence[Fit]) -> bool:
    """Tell whether a formula says of a copy what another says of the column copied."""
    copied = {
        each.formula.target: each.formula.operands[0]
        for each in chosen
        if each.formula.kind == "copy"
    }
    if formula.target not in copied and not copied.keys() & set(formula.operands):
        return False

    def original(columns: Sequence[int]) -> list[int]:
        return [copied.get(column, column) for column in columns]

    target, operands = original([formula.target])[0], original(formula.operands)
    return any(
        each.formula.target == target and list(each.formula.operands) == operands for each in fits
    )


def _rival(formula: Formula, chosen: Sequence[Formula]) -> bool:
    """Tell whether a better formula says the same cell of nearly the same others."""
    own = set(formula.operands)
    for other in chosen:
        shared = own & set(other.operands)
        if formula.target == other.target and 2 * len(shared) >= min(len(own), len(other.operands)):
            return True
    return False


def _implied(formula: Formula, chosen: Sequence[Formula], width: int) -> bool:
    """Tell whether a formula is a combination of the chosen ones, of a row and the one before."""
    if not chosen:
        return False
    vectors: list[Floats] = []
    for each in chosen:
        vector = each.vector(width)
        vectors.append(vector)
        if not vector[width:].any():
            vectors.append(np.roll(vector, width))
    basis = np.stack(vectors)
    vector = formula.vector(width)
    solution = np.linalg.lstsq(basis.T, vector, rcond=None)[0]
    return bool(np.abs(basis.T @ solution - vector).max() < 1e-6)


def explained(found: Fit, body: Body, doubt: Doubt, rows: Bools) -> Bools:
    """Return which of `rows` agree with some likely reading of their cells."""
    result = np.zeros(len(rows), bool)
    index = np.flatnonzero(rows)
    if len(index):
        result[index] = likely(doubt, [equation(found, body, int(row)) for row in index])
    return result


def _sharp(found: Fit, body: Body, doubt: Doubt) -> bool:
    """Tell whether rows agree exactly or not at all, as with a relation, rather than more or less.

    Values that merely are near each other miss nearly as often as they agree. Rows that agree with
    a likely reading of their cells do not miss.
    """
    broken = found.tested & ~found.held
    saved = explained(found, body, doubt, broken)
    rest = found.parts * body.values[:, found.formula.target] - found.total
    reach = NEAR * np.maximum(found.high - found.low, found.parts * _unit(found, body))
    near = broken & ~saved & (rest >= found.low - reach) & (rest <= found.high + reach)
    held, tested = int(found.held.sum()), int(found.tested.sum())
    share = HELD if len(found.formula.operands) < LONG else HELD_LONG
    return held + int(saved.sum()) >= share * tested and held >= 2 * int(near.sum())


def _unit(found: Fit, body: Body) -> np.ndarray:
    return np.asarray(body.units[:, found.formula.target])
