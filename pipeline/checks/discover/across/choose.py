"""Which of the formulas that the rows bear out are relations: significant, sharp, and new."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.checks.discover.across.formula import Body, Fit, Formula, equation, fit
from pipeline.checks.discover.across.propose import LONG
from pipeline.checks.discover.doubt import Doubt, likely
from pipeline.checks.discover.evidence import LEAST_SCORE
from pipeline.checks.discover.grid import Bools, Floats

HELD, HELD_LONG = 0.4, 0.25
"""Share of the rows that agree or are explained by rival readings, with few operands or many."""
NEAR = 5
"""Within how many times its room for rounding a row misses nearly."""
STRANGE = 0.05
"""Share of the rows that may fail by more than one digit, for each operand of an exact formula,
besides those in which more than one cell is misread."""
CLEAR = 0.8
"""A long formula that so many rows bear out need not be weighed over all candidates."""
WEIGHED = 12
"""Formulas that are weighed so, those with the most evidence."""
HOPELESS = -6.0
"""The score of a formula of few terms below which it is not weighed so."""
OUTDONE = 1.5
"""Standard deviations by which a formula may be more surprising than another of the same cells."""


def choose(proposed: Sequence[Formula], body: Body, doubt: Doubt) -> list[Fit]:
    """Return the formulas that are relations of the rows of `body`, the surest first."""
    fits = [fit(each, body) for each in proposed]
    long = [each for each in fits if len(each.formula.operands) >= LONG]
    short = [each for each in fits if len(each.formula.operands) < LONG]
    fits = _over_all(short, body, doubt) + _weighed(long, body, doubt)
    fits = [each for each in fits if each.score >= LEAST_SCORE]
    fits.sort(key=lambda each: _order(each, body))
    chosen: list[Fit] = []
    likeness: list[Formula] = []  # columns that are often the same say so in other words, too
    for found in fits:
        formulas = [each.formula for each in chosen]
        if (
            _outdone(found, fits, body)
            or _twin(found.formula, chosen, fits)
            or _rival(found.formula, formulas)
            or _implied(found.formula, formulas + likeness, body.width)
        ):
            continue
        if _sharp(found, body, doubt):
            chosen.append(found)
        elif found.formula.kind == "copy":
            likeness.append(found.formula)
    return chosen


def _over_all(short: Sequence[Fit], body: Body, doubt: Doubt) -> list[Fit]:
    """Return formulas of few terms, the doubtful with some hope weighed over all candidates."""
    doubtful = [
        each
        for each in short
        if each.score > HOPELESS and each.held.sum() < CLEAR * each.tested.sum()
    ]
    doubtful = sorted(doubtful, key=lambda each: -each.score)[:WEIGHED]
    done = {id(each) for each in doubtful}
    return [each for each in short if id(each) not in done] + [
        replace(over_all, log_e=max(each.log_e, over_all.log_e))
        for each in doubtful
        for over_all in [fit(each.formula, body, doubt)]
    ]


def _outdone(found: Fit, fits: Sequence[Fit], body: Body) -> bool:
    """Tell whether misread cells explain another formula of nearly the same cells much better."""
    return found.surprise > 0 and any(
        each.surprise < found.surprise - OUTDONE
        and _order(each, body)[0] <= _order(found, body)[0]
        and _rival(found.formula, [each.formula])
        for each in fits
    )


def _weighed(long: Sequence[Fit], body: Body, doubt: Doubt) -> list[Fit]:
    """Return of long formulas the best for each column.

    With some operand misread nearly everywhere, that may not be the one that most rows bear out as
    read: a mean of every third hour comes near the mean of all.
    """
    clear = {
        each.formula.target for each in long if each.held.sum() >= CLEAR * each.tested.sum() > 0
    }
    best = [each for each in long if each.formula.target in clear]
    unclear = sorted(
        (each for each in long if each.formula.target not in clear), key=lambda each: -each.log_e
    )
    significant: dict[int, list[Fit]] = {}
    for each in unclear[:WEIGHED]:
        over_all = fit(each.formula, body, doubt)
        double = replace(over_all, log_e=max(each.log_e, over_all.log_e) - math.log(2))
        if double.score >= LEAST_SCORE:
            significant.setdefault(each.formula.target, []).append(double)
    return best + [min(each, key=_unlikely) for each in significant.values()]


def _unlikely(found: Fit) -> float:
    """Return how surprising a long formula is; of columns that stand apart a little more."""
    operands = found.formula.operands
    return found.surprise + (operands[-1] - operands[0] >= len(operands))


def _order(found: Fit, body: Body) -> tuple[int, float]:
    """Return what is taken first: copies, what else holds within a row, the rest; the surest."""
    formula = found.formula
    lagged = max(formula.operands) >= body.width
    return 0 if formula.kind == "copy" else 1 + lagged, -found.score


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

    Values that merely are near each other miss nearly as often as they agree, and by any amount
    rather than by one wrong digit. Rows that agree with a likely reading do not miss.
    """
    formula = found.formula
    broken = found.tested & ~found.held
    saved = explained(found, body, doubt, broken)
    rest = found.parts * body.values[:, formula.target] - found.total
    reach = NEAR * np.maximum(found.high - found.low, found.parts * body.units[:, formula.target])
    missed = broken & ~saved
    near = missed & (rest >= found.low - reach) & (rest <= found.high + reach)
    held, tested = int(found.held.sum()), int(found.tested.sum())
    share = HELD if len(formula.operands) < LONG else HELD_LONG
    if held + int(saved.sum()) < share * tested or held < 2 * int(near.sum()):
        return False
    if (found.high - found.low).any():
        return True
    strange = sum(len(str(abs(int(each))).strip("0")) > 1 for each in rest[missed])
    cells = len(formula.operands) + 1
    right = (held / tested) ** (1 / cells)
    several = 1 - right**cells - cells * (1 - right) * right ** (cells - 1)
    allowed = 1 + (STRANGE * len(formula.operands) + 1.5 * several) * tested
    return bool(strange <= allowed)
