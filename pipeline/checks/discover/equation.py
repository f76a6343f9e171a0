"""What must hold between cells of a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.checks.discover.grid import Grid, Ints
from pipeline.checks.relation import Rounding


@dataclass(frozen=True)
class Equation:
    """low <= parts x target - the weighted sum of `operands` <= high; places are a grid's.

    `total` is that sum, of the likeliest readings.
    """

    target: tuple[int, int]
    operands: tuple[tuple[int, int], ...]
    weights: tuple[int, ...]
    parts: int
    total: int
    low: int
    high: int


def room(
    rounding: Rounding, total: Ints, parts: Ints, target_unit: Ints, operand_unit: Ints
) -> tuple[Ints, Ints]:
    """Return between what parts x target - `total` lies when the target was rounded so.

    All arrays of one shape. Halves go either way. Rounding down drops digits, also of what is
    below zero.
    """
    step = parts * target_unit
    lattice = np.gcd(step, operand_unit)
    if rounding == "down":
        dropped = step - lattice
        return np.where(total >= 0, -dropped, 0), np.where(total >= 0, 0, dropped)
    half = step // 2 // lattice * lattice
    return -half, half


def complete(grid: Grid, equation: Equation) -> bool:
    """Tell whether every cell of an equation was read."""
    return bool(
        all(grid.known[place] for place in equation.operands) and grid.known[equation.target]
    )


def holds(grid: Grid, equation: Equation) -> bool:
    """Tell whether the likeliest readings agree with an equation."""
    rest = equation.parts * int(grid.values[equation.target]) - equation.total
    return complete(grid, equation) and equation.low <= rest <= equation.high
