"""Values that nobody read but an equation wants: what would keep it, given its other cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.board import Board
from pipeline.checks.joint.model import Ints, Model, with_values

CHOICES = 3
"""How many of the values that would keep a broken equation are tried in each of its cells."""

UNSURE = 0.9
"""A cell read with less certainty may hide another: what it should be is thought through."""

SHORT = 8
"""Equations with more terms want too much for that."""


def with_wanted(model: Model, board: Board, choice: NDArray[np.intp], far: bool = False) -> Model:
    """Return the model with the values that would keep the equations that are broken.

    `far`: where an unsure cell took such a value, other equations of it may break, and what those
    would want then is listed, too.
    """
    rows = np.arange(len(choice))
    values = model.variables.values[rows, choice]
    sums = board.sums(values)
    unsure = model.variables.logprob[rows, choice] < np.log(UNSURE)
    wanted: dict[int, set[int]] = {}
    for e in np.flatnonzero(~board.holds(sums)).tolist():
        for cell, wishes in _wishes(board, e, values, sums, model.variables.unit):
            wanted.setdefault(cell, set()).update(wishes)
            for wish in wishes if far and unsure[cell] else ():
                changed = values.copy()
                changed[cell] = wish
                _follow(board, cell, changed, sums, model.variables.unit, wanted)
    return replace(model, variables=with_values(model.variables, wanted)) if wanted else model


def _follow(
    board: Board, cell: int, values: Ints, before: Ints, units: Ints, wanted: dict[int, set[int]]
) -> None:
    """Add what the short equations of a cell want of the others once its value has changed."""
    homes = board.homes[cell][board.sizes[board.homes[cell]] > 0]
    sums = before.copy()
    sums[homes] = (board.coefs[homes] * values[board.cells[homes]]).sum(axis=1)
    broken = homes[(sums[homes] < board.low[homes]) | (sums[homes] > board.high[homes])]
    for e in broken[board.sizes[broken] <= SHORT].tolist():
        for other, wishes in _wishes(board, e, values, sums, units):
            if other != cell:
                wanted.setdefault(other, set()).update(wishes)


def _wishes(
    board: Board, e: int, values: Ints, sums: Ints, units: Ints
) -> Iterator[tuple[int, list[int]]]:
    """Yield each cell of an equation with up to `CHOICES` values that would keep it.

    Multiples of the cell's unit, those nearest to its own value.
    """
    for cell, lowest, highest in board.rooms(e, values, sums):
        unit = int(units[cell])
        first, last = -(-lowest // unit), highest // unit
        if first > last:
            continue
        nearest = min(max(round(int(values[cell]) / unit), first), last)
        first = max(first, min(nearest - CHOICES // 2, last - CHOICES + 1))
        yield cell, [k * unit for k in range(first, min(last, first + CHOICES - 1) + 1)]
