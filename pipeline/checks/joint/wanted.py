"""Values that nobody read but an equation wants: what would keep it, given its other cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.model import Equations, Ints, Model, with_values

CHOICES = 3
"""How many of the values that would keep a broken equation are tried in each of its cells."""

UNSURE = 0.9
"""A cell read with less certainty may hide another: what it should be is thought through."""

SHORT = 8
"""Equations with more terms want too much for that."""


def with_wanted(model: Model, choice: NDArray[np.intp]) -> Model:
    """Return the model with the values that would keep the equations that are broken.

    Where an unsure cell took such a value, other equations of it may break: what those would want
    then is listed, too.
    """
    rows = np.arange(len(choice))
    values = model.variables.values[rows, choice]
    unsure = model.variables.logprob[rows, choice] < np.log(UNSURE)
    units = model.variables.unit
    wanted: dict[int, set[int]] = {}
    for batch in model.batches:
        for e in np.flatnonzero(~batch.holds(values)).tolist():
            for cell, wishes in _wishes(batch, e, values, units):
                wanted.setdefault(cell, set()).update(wishes)
                if unsure[cell]:
                    for wish in wishes:
                        _follow(model, values, cell, wish, wanted)
    return replace(model, variables=with_values(model.variables, wanted)) if wanted else model


def _follow(model: Model, values: Ints, cell: int, wish: int, wanted: dict[int, set[int]]) -> None:
    """Add what the short equations of a cell want of the others if its value were `wish`."""
    changed = values.copy()
    changed[cell] = wish
    for batch in model.batches:
        if batch.cells.shape[1] > SHORT:
            continue
        mine = batch.take(np.flatnonzero((batch.cells == cell).any(axis=1)))
        for e in np.flatnonzero(~mine.holds(changed)).tolist():
            for other, wishes in _wishes(mine, e, changed, model.variables.unit):
                if other != cell:
                    wanted.setdefault(other, set()).update(wishes)


def _wishes(batch: Equations, e: int, values: Ints, units: Ints) -> Iterator[tuple[int, list[int]]]:
    """Yield each cell of an equation with up to `CHOICES` values that would keep it.

    Multiples of the cell's unit, those nearest to its own value.
    """
    for cell, lowest, highest in rooms(batch, e, values):
        unit = int(units[cell])
        first, last = -(-lowest // unit), highest // unit
        if first > last:
            continue
        nearest = min(max(round(int(values[cell]) / unit), first), last)
        first = max(first, min(nearest - CHOICES // 2, last - CHOICES + 1))
        yield cell, [k * unit for k in range(first, min(last, first + CHOICES - 1) + 1)]


def rooms(batch: Equations, e: int, values: Ints) -> Iterator[tuple[int, int, int]]:
    """Yield each cell of an equation with the least and greatest value that would keep it."""
    cells, coefs = batch.cells[e], batch.coefs[e]
    held = values[cells]
    total = int((coefs * held).sum())
    low, high = int(batch.low[e]), int(batch.high[e])
    for cell, coef, value in zip(cells.tolist(), coefs.tolist(), held.tolist(), strict=True):
        others = total - coef * value
        sign = 1 if coef > 0 else -1
        least, most = sorted((sign * (low - others), sign * (high - others)))
        yield cell, -(-least // abs(coef)), most // abs(coef)
