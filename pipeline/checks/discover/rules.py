"""The rules that were found, with every equation in which they hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.checks.discover.across.choose import explained
from pipeline.checks.discover.across.formula import Body, Fit, Formula, equation, fit
from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.down.summary import Summary, state
from pipeline.checks.discover.equation import Equation, complete, holds
from pipeline.checks.discover.evidence import p_value
from pipeline.checks.discover.grid import Grid
from pipeline.checks.discover.write import agrees, columns_formula, instance, lasting, rows_formula
from pipeline.checks.relation import Instance, Rule, RuleKind

APPLIES = 0.7
"""Share of the rows of totals that must agree with a formula for it to be stated of them."""
PRINTED = 0.05
"""How often an equation may fail on the paper, or by readings beyond the alternatives."""


def row_rule(grid: Grid, doubt: Doubt, summaries: Sequence[Summary], score: float) -> Rule:
    """Return the rule that `summaries` state, for the columns in which it holds."""
    by_column: list[list[Equation]] = []
    ratios = []
    sparse = grid.sparse(np.arange(len(grid.rows)))
    for column in map(int, grid.numbers):
        found = []
        for summary in summaries:
            without, whole = (state(grid, summary, column, lost) for lost in (False, True))
            if whole and (one := lasting(grid, doubt, without, whole, bool(sparse[column]))):
                found.append(one)
        if found:
            by_column.append(found)
            ratios.append([ratio(grid, doubt, each) for each in found if complete(grid, each)])
    kept = [
        each
        for equations, applies in zip(by_column, applies(ratios), strict=True)
        if applies
        for each in equations
    ]
    tested = [each for each in kept if complete(grid, each)]
    kind: RuleKind = "sum" if summaries[0].parts == 1 else "mean"
    return Rule(
        kind,
        "column",
        rows_formula(grid, summaries),
        summaries[0].rounding,
        tuple(instance(grid, each) for each in kept),
        len(tested),
        sum(holds(grid, each) for each in tested),
        p_value(score),
    )


def ratio(grid: Grid, doubt: Doubt, equation: Equation) -> tuple[float, float]:
    """Return how much likelier an equation's cells are if it holds and they say what was looked at.

    The second number is how likely they do not.
    """
    pool = np.flatnonzero(grid.known[:, equation.target[1]])
    weight, means = doubt.weigh(equation, [(pool, 0, np.zeros(len(pool), np.int64))])
    return weight / max(means[0], 1e-9), min(1.0, 1 - doubt.seen(equation) + PRINTED)


def applies(ratios: Sequence[Sequence[tuple[float, float]]]) -> list[bool]:
    """Return in which columns a rule likely holds, from the `ratio` of each of their equations.

    In how many columns it holds, and how often an equation fails there for cells that are misread
    beyond their alternatives, is learnt from all of them by expectation and maximization: where
    much is misread, a column with few equations that hold is no exception.
    """
    column = np.repeat(np.arange(len(ratios)), [len(each) for each in ratios])
    every, unseen = np.array([one for each in ratios for one in each]).reshape(-1, 2).T
    share, missed = 0.8, PRINTED
    chance = np.ones(len(ratios))
    for _ in range(20):
        fails = np.maximum(missed, unseen)
        likely = (1 - fails) * every + fails
        odds = np.bincount(column, np.log(likely), len(ratios)) + math.log(share / (1 - share))
        chance = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
        share = float((chance.sum() + 2) / (len(ratios) + 2.5))
        weights = chance[column]
        missed = float((weights @ (fails / likely) + PRINTED) / (weights.sum() + 1))
    return [bool(each > 0.5) for each in chance]


def column_rule(found: Fit, body: Body, others: Sequence[Body], doubt: Doubt) -> Rule:
    """Return the rule of a formula: in the rows of values, and in those of totals where it holds.

    Only what is exact is stated of totals: of rounded values a total need not agree.
    """
    formula = found.formula
    lagged = max(formula.operands) >= body.width
    exact = not (found.high - found.low).any()
    instances, tested, held = _rows(found, body, doubt)
    for other in others if exact and not lagged else ():
        there = fit(formula, other)
        agree = there.held | explained(there, other, doubt, there.tested & ~there.held)
        if there.held.any() and agree.sum() >= APPLIES * there.tested.sum():
            more = _rows(there, other, doubt)
            instances, tested, held = instances + more[0], tested + more[1], held + more[2]
    return Rule(
        formula.kind,
        "column" if lagged else "row",
        columns_formula(formula, body),
        "exact" if exact else formula.rounding,
        tuple(instances),
        tested,
        held,
        p_value(found.score),
    )


def _rows(found: Fit, body: Body, doubt: Doubt) -> tuple[list[Instance], int, int]:
    """Return a formula's instances in a body, how many were read whole, and how many agree."""
    formula = found.formula
    operands = list(formula.operands)
    lagged = max(operands) >= body.width
    anew = body.anew(found.held, found.tested) if lagged else np.zeros(len(body.rows), bool)
    nothing = formula.kind in ("copy", "midpoint", "carry")
    instances = []
    if formula.kind == "running":
        for row in (0, *np.flatnonzero(anew).tolist()):
            instances += _beginning(formula, body, row, doubt)
    for row in np.flatnonzero(~anew)[1 if lagged else 0 :].tolist():
        blank = body.blank[row, operands]
        blanks = bool((body.sparse[operands] | ~blank).all()) and not blank.all()
        if (nothing and blank.any() and blanks) or blank.all():
            continue
        without = None
        if not body.blank[row, formula.target]:
            without = None if nothing and blank.any() else equation(found, body, row)
        elif body.sparse[formula.target]:
            continue
        whole = equation(found, body, row, lost=True)
        kept = lasting(body.grid, doubt, without, whole, blanks and without is not None)
        if kept:
            instances.append(instance(body.grid, kept))
    return instances, int((found.tested & ~anew).sum()), int(found.held[~anew].sum())


def _beginning(formula: Formula, body: Body, row: int, doubt: Doubt) -> list[Instance]:
    """Return what a running total says of a row, if it likely begins there at nought."""
    terms = [
        (body.place(row, column), weight)
        for column, weight in zip(formula.operands, formula.weights, strict=True)
        if column < body.width and not body.blank[row, column]
    ]
    if len(terms) + 1 < len(formula.operands):
        return []  # a row with blanks may as well be one that goes on
    places, weights = zip(*terms, strict=True)
    total = sum(weight * int(body.grid.values[place]) for place, weight in terms)
    begins = Equation(body.place(row, formula.target), places, weights, 1, total, 0, 0)
    return [instance(body.grid, begins)] if agrees(body.grid, doubt, begins) else []
