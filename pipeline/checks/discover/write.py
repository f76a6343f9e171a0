"""What is found, as rules of the sheet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pipeline.checks.discover.across.formula import Body, Formula
from pipeline.checks.discover.doubt import EXPLAINED, Doubt
from pipeline.checks.discover.down.summary import Summary
from pipeline.checks.discover.equation import Equation
from pipeline.checks.discover.grid import Grid
from pipeline.checks.relation import Instance
from pipeline.checks.sheet import Position


def place(grid: Grid, at: tuple[int, int]) -> Position:
    """Return the sheet's row and column of a grid's."""
    return grid.rows[at[0]], grid.columns[at[1]]


def instance(grid: Grid, equation: Equation) -> Instance:
    """Return an equation in the sheet's rows and columns."""
    target = place(grid, equation.target)
    operands = [
        (place(grid, at), -weight)
        for at, weight in zip(equation.operands, equation.weights, strict=True)
    ]
    return Instance(target, ((target, equation.parts), *operands), equation.low, equation.high)


def rows_formula(grid: Grid, summaries: Sequence[Summary]) -> str:
    """Return what rows sum up, for people: `r9 = r4 + … + r8, and 5 more`."""
    first = summaries[0]
    rows = [f"r{grid.rows[row]}" for row in first.operands]
    terms = " + ".join(rows) if len(rows) < 4 else f"{rows[0]} + … + {rows[-1]}"
    if first.parts != 1:
        divisor = first.parts or len(rows)
        terms = f"{terms} / {divisor}" if len(rows) == 1 else f"({terms}) / {divisor}"
    more = f", and {len(summaries) - 1} more" if len(summaries) > 1 else ""
    return f"r{grid.rows[first.target]} = {terms}{more}"


def columns_formula(formula: Formula, body: Body) -> str:
    """Return a formula for people: `c6 = (c4 + c5) / 2`; `[-1]` is the row before."""

    def name(column: int) -> str:
        lag, column = divmod(column, body.width)
        return f"c{body.grid.columns[column]}" + ("[-1]" if lag else "")

    operands = formula.operands
    if len(operands) > 4 and len(set(formula.weights)) == 1:
        beside = {after - before for before, after in pairwise(operands)} == {1}
        start = name(operands[0]) if beside else f"{name(operands[0])} + {name(operands[1])}"
        terms = f"{start} + … + {name(operands[-1])}"
    else:
        terms = ""
        for column, weight in zip(operands, formula.weights, strict=True):
            sign = " - " if weight < 0 else " + " if terms else ""
            times = f"{abs(weight)} " if abs(weight) > 1 else ""
            terms += f"{sign}{times}{name(column)}"
    parts = formula.parts or len(operands)
    return f"{name(formula.target)} = " + (f"({terms}) / {parts}" if parts > 1 else terms)


def lasting(
    grid: Grid, doubt: Doubt, without: Equation | None, whole: Equation, blanks: bool
) -> Equation | None:
    """Return the equation to keep where cells are without ink; `without` leaves them out.

    They stand for nothing where such columns leave cells blank (`blanks`), or if the equation is
    likely right without them. Else one of them is a value that was lost, and follows from the
    others; of more than one nothing follows.
    """
    if without and (blanks or without.operands == whole.operands or agrees(grid, doubt, without)):
        return without
    lost = sum(not grid.ink[at] for at in (whole.target, *whole.operands))
    return whole if lost == 1 and not blanks else None


def agrees(grid: Grid, doubt: Doubt, equation: Equation) -> bool:
    """Tell whether some likely reading of its cells agrees with an equation."""
    return bool(
        grid.known[equation.target]
        and all(grid.known[at] for at in equation.operands)
        and doubt.weigh(equation)[0] > EXPLAINED
    )
