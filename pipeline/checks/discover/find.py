"""The relations of a sheet: rows that sum up rows, columns computed from others, days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pipeline.checks.discover.across import KINDS, propose
from pipeline.checks.discover.choose import SIGNIFICANT, choose, explained
from pipeline.checks.discover.doubt import Doubt, Equation
from pipeline.checks.discover.evidence import log_e
from pipeline.checks.discover.formula import Body, Fit, equation, fit, read_body
from pipeline.checks.discover.grid import Bools, Floats, Grid, Ints, read_grid
from pipeline.checks.discover.groups import Columns, Summary, complete, cut, feet, holds, state
from pipeline.checks.relation import Instance, Rounding, Rule, RuleKind
from pipeline.checks.sheet import Position, Sheet

APPLIES = 0.5
"""Share of a formula's rows of totals that must agree for it to hold there."""
PRINTED = 0.05
"""How often an equation may fail on the paper, or by readings beyond the alternatives."""


def find_rules(sheet: Sheet) -> tuple[Rule, ...]:
    """Return what holds between the cells of `sheet`, found without being told.

    Sums, means (rounded or cut), midpoints, differences, running totals, steps, copies and values
    carried from row to row; the surest first. Each is significant (p < 0.01) after correction for
    all that was tried, and none follows from the others.
    """
    grid = read_grid(sheet)
    if not grid.rows or not grid.columns:
        return ()
    doubt = Doubt(grid)
    found, classes = _down(grid, doubt)
    bodies = [read_body(grid, rows) for rows in classes if len(rows)]
    for each in choose(propose(bodies[0]), bodies[0], doubt):
        found.append(_across(each, bodies, doubt))
    found += _steps(bodies[0], sheet.scale)
    return tuple(sorted(found, key=lambda rule: rule.p_value))


def _down(grid: Grid, doubt: Doubt) -> tuple[list[Rule], list[Ints]]:
    """Return the rules between rows, and the rows by what they hold: values, totals, means..."""
    least = -math.log(SIGNIFICANT)
    rules = []
    everything = np.arange(len(grid.rows))
    if not len(grid.numbers):
        return [], [everything]
    columns = Columns(grid, doubt)
    best = cut(columns)
    done = best if best.score >= least else None
    classes = []
    if done:
        for summaries in (done.totals, done.means):
            if summaries:
                rules.append(_summed(grid, doubt, summaries, done.score))
                classes.append(np.array([each.target for each in summaries]))
    for foot in feet(columns, done):
        if foot.score >= least:
            rules.append(_summed(grid, doubt, [foot.summary], foot.score))
            classes.append(np.array([foot.summary.target]))
    taken = np.concatenate(classes) if classes else np.empty(0, np.int64)
    return rules, [np.setdiff1d(everything, taken), *classes]


def _summed(grid: Grid, doubt: Doubt, summaries: Sequence[Summary], score: float) -> Rule:
    """Return the rule that `summaries` state, for the columns in which it holds."""
    by_column: list[list[Equation]] = []
    ratios = []
    for column in map(int, grid.numbers):
        found = [each for summary in summaries if (each := state(grid, summary, column))]
        if found:
            by_column.append(found)
            ratios.append(sum(_log_ratio(grid, doubt, each) for each in found))
    kept = [
        each
        for equations, applies in zip(by_column, _applies(np.array(ratios)), strict=True)
        if applies
        for each in equations
    ]
    whole = [each for each in kept if complete(grid, each)]
    kind: RuleKind = "sum" if summaries[0].parts == 1 else "mean"
    return Rule(
        kind,
        "column",
        _rows_formula(grid, summaries),
        summaries[0].rounding,
        tuple(_instance(grid, each) for each in kept),
        len(whole),
        sum(holds(grid, each) for each in whole),
        min(1.0, math.exp(-score)),
    )


def _log_ratio(grid: Grid, doubt: Doubt, equation: Equation) -> float:
    """Return the logarithm of how much likelier a cell is if the equation holds than if not."""
    if not complete(grid, equation):
        return 0.0
    column = equation.target[1]
    pool = np.flatnonzero(grid.known[:, column])
    weight, means = doubt.weigh(equation, [(pool, 0, np.zeros(len(pool), np.int64))])
    return math.log(max(weight / max(means[0], 1e-9), doubt.unseen(equation) + PRINTED))


def _applies(ratios: Floats) -> Bools:
    """Return in which columns a rule likely holds; in how many is learnt from all of them.

    A column of which a cell is misread beyond the alternatives is no exception; one whose cells are
    sure is.
    """
    share = 0.5
    likely = np.ones(len(ratios), bool)
    for _ in range(10):
        odds = math.log(share / (1 - share)) + ratios
        chance = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
        share = float((chance.sum() + 0.5) / (len(ratios) + 1))
        likely = chance > 0.5
    return likely


def _rows_formula(grid: Grid, summaries: Sequence[Summary]) -> str:
    first = summaries[0]
    rows = [f"r{grid.rows[row]}" for row in first.operands]
    terms = " + ".join(rows) if len(rows) < 4 else f"{rows[0]} + … + {rows[-1]}"
    if first.parts != 1:
        divisor = first.parts or len(rows)
        terms = f"{terms} / {divisor}" if len(rows) == 1 else f"({terms}) / {divisor}"
    more = f", and {len(summaries) - 1} more" if len(summaries) > 1 else ""
    return f"r{grid.rows[first.target]} = {terms}{more}"


def _place(grid: Grid, place: tuple[int, int]) -> Position:
    return grid.rows[place[0]], grid.columns[place[1]]


def _instance(grid: Grid, equation: Equation) -> Instance:
    terms = [(_place(grid, equation.target), equation.parts)]
    for place, weight in zip(equation.operands, equation.weights, strict=True):
        terms.append((_place(grid, place), -weight))
    return Instance(terms[0][0], tuple(terms), equation.low, equation.high)


def _across(found: Fit, bodies: Sequence[Body], doubt: Doubt) -> Rule:
    """Return the rule of a formula: in the rows of values, and in the totals where it holds too."""
    formula = found.formula
    body = bodies[0]
    instances, tested, held = _rows(found, body)
    for other in bodies[1:]:
        if max(formula.operands) >= body.width:
            break  # what is before a total is not its row before
        there = fit(formula, other)
        agree = there.held | explained(there, other, doubt, there.tested & ~there.held)
        if there.held.any() and agree.sum() >= APPLIES * there.tested.sum():
            more = _rows(there, other)
            instances, tested, held = instances + more[0], tested + more[1], held + more[2]
    return Rule(
        formula.kind,
        "column" if max(formula.operands) >= body.width else "row",
        _columns_formula(found, body),
        "exact" if not (found.high - found.low).any() else formula.rounding,
        tuple(instances),
        tested,
        held,
        min(1.0, math.exp(-found.score)),
    )


def _rows(found: Fit, body: Body) -> tuple[list[Instance], int, int]:
    """Return a formula's instances in a body, how many were read whole, and how many agree."""
    formula = found.formula
    columns = [formula.target, *formula.operands]
    rows = np.arange(len(body.rows))
    if max(columns) >= body.width:
        rows = rows[1:]
    instances = []
    for row in map(int, rows):
        ink = [body.grid.ink[body.place(row, column)] for column in columns]
        blank = [bool(body.blank[row, column]) for column in columns]
        lost = [not (there or empty) for there, empty in zip(ink, blank, strict=True)]
        if blank[0] or sum(lost) > 1 or all(blank[1:]):
            continue
        if formula.kind in ("copy", "midpoint", "carry") and any(blank):
            continue
        instances.append(_instance(body.grid, equation(found, body, row)))
    return instances, int(found.tested.sum()), int(found.held.sum())


def _columns_formula(found: Fit, body: Body) -> str:
    formula = found.formula

    def name(column: int) -> str:
        lag, column = divmod(column, body.width)
        return f"c{body.grid.columns[column]}" + ("[-1]" if lag else "")

    if len(formula.operands) > 4 and len(set(formula.weights)) == 1:
        operands = formula.operands
        steps = {b - a for a, b in pairwise(operands)}
        middle = "…" if steps == {1} else f"{name(operands[1])} + …"
        terms = f"{name(operands[0])} + {middle} + {name(operands[-1])}"
    else:
        terms = ""
        for column, weight in zip(formula.operands, formula.weights, strict=True):
            sign = " - " if weight < 0 else " + " if terms else ""
            times = f"{abs(weight)} " if abs(weight) > 1 else ""
            terms += f"{sign}{times}{name(column)}"
    parts = formula.parts or len(formula.operands)
    if parts > 1:
        terms = f"({terms}) / {parts}"
    return f"{name(formula.target)} = {terms}"


def _steps(body: Body, scale: int) -> list[Rule]:
    """Return the columns whose every row is the one before plus a constant: days."""
    rules = []
    for column in range(body.width):
        values, known = body.values[:, column], body.known[:, column]
        ink = body.grid.ink[body.rows, column]
        follows = known[1:] & known[:-1]
        if follows.sum() < 3:
            continue
        steps, counts = np.unique((values[1:] - values[:-1])[follows], return_counts=True)
        step = int(steps[counts.argmax()])
        held = follows & (values[1:] - values[:-1] == step)
        if not step or held.sum() < APPLIES * follows.sum():
            continue
        pool = values[known]
        rows = np.flatnonzero(follows)
        same = (pool[None] == (values[rows] + step)[:, None]).sum(axis=1)
        chance = np.minimum(1.0, np.maximum(same, 1) / len(pool))
        tries = math.log(KINDS * body.width * len(steps))
        score = log_e(held[rows].astype(float), chance, len(pool)) - tries
        if score < -math.log(SIGNIFICANT):
            continue
        instances = []
        for row in range(1, len(values)):
            if not (ink[row] or ink[row - 1]):
                continue
            here = _place(body.grid, body.place(row, column))
            before = _place(body.grid, body.place(row - 1, column))
            instances.append(Instance(here, ((here, 1), (before, -1)), step, step))
        rounding: Rounding = "exact"
        name = f"c{body.grid.columns[column]}"
        sign = "+" if step > 0 else "-"
        amount = abs(step) / 10**scale
        rules.append(
            Rule(
                "step",
                "column",
                f"{name} = {name}[-1] {sign} {amount:g}",
                rounding,
                tuple(instances),
                int(follows.sum()),
                int(held.sum()),
                min(1.0, math.exp(-score)),
            )
        )
    return rules
