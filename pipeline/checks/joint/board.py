"""All equations of a model side by side, for what looks at a few cells at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.model import Floats, Ints, Model, weigh


@dataclass(frozen=True, slots=True)
class Board:
    """E equations over V cells: low <= sum(coef * value) <= high.

    `cells` and `coefs` are E x n, filled up with coefficients 0; `sizes` (E) is how many count.
    `homes` (V x H) are the equations that a cell is in and `own` its coefficients there, filled up
    with the last equation, which no cell is in, and 0.
    """

    cells: NDArray[np.intp]
    coefs: Ints
    sizes: NDArray[np.intp]
    low: Ints
    high: Ints
    unit: Ints
    error: Floats
    homes: NDArray[np.intp]
    own: Ints

    def sums(self, values: Ints) -> Ints:
        """Return the left sides (E) for an assignment of V values."""
        return np.asarray((self.coefs * values[self.cells]).sum(axis=1), np.int64)

    def holds(self, sums: Ints) -> NDArray[np.bool_]:
        """Return which equations hold with these left sides (E)."""
        return np.asarray((self.low <= sums) & (sums <= self.high), np.bool_)

    def gains(self, cells: NDArray[np.intp], tries: Ints, values: Ints, sums: Ints) -> Floats:
        """Return what the equations of n cells gain by each of T values (n x T) in their place."""
        homes = self.homes[cells]
        low, high, unit = self.low[homes], self.high[homes], self.unit[homes]
        error, before = self.error[homes], sums[homes]
        now = weigh(before, low, high, unit, error)
        moved = (tries - values[cells][:, None])[:, None] * self.own[cells][..., None]
        after = weigh(
            before[..., None] + moved,
            low[..., None],
            high[..., None],
            unit[..., None],
            error[..., None],
        )
        return np.asarray((after - now[..., None]).sum(axis=1), np.float64)

    def rooms(self, e: int, values: Ints, sums: Ints) -> Iterator[tuple[int, int, int]]:
        """Yield each cell of an equation with the least and greatest value that would keep it."""
        size = int(self.sizes[e])
        cells, coefs = self.cells[e, :size], self.coefs[e, :size]
        total, low, high = int(sums[e]), int(self.low[e]), int(self.high[e])
        held = values[cells].tolist()
        for cell, coef, value in zip(cells.tolist(), coefs.tolist(), held, strict=True):
            others = total - coef * value
            sign = 1 if coef > 0 else -1
            least, most = sorted((sign * (low - others), sign * (high - others)))
            yield cell, -(-least // abs(coef)), most // abs(coef)


def lay_out(model: Model) -> Board:
    """Return the board of a model's equations."""
    batches = model.batches
    longest = max((batch.cells.shape[1] for batch in batches), default=1)
    count = sum(len(batch) for batch in batches)
    cells = np.zeros((count + 1, longest), np.intp)
    coefs = np.zeros((count + 1, longest), np.int64)
    sizes = np.zeros(count + 1, np.intp)
    homes: list[list[tuple[int, int]]] = [[] for _ in model.variables.places]
    at = 0
    for batch in batches:
        size = batch.cells.shape[1]
        cells[at : at + len(batch), :size] = batch.cells
        coefs[at : at + len(batch), :size] = batch.coefs
        sizes[at : at + len(batch)] = size
        for e, (inside, by) in enumerate(zip(batch.cells, batch.coefs, strict=True), at):
            for cell, coef in zip(inside.tolist(), by.tolist(), strict=True):
                homes[cell].append((e, coef))
        at += len(batch)
    width = max(1, *(len(home) for home in homes)) if homes else 1
    home = np.full((len(homes), width), count, np.intp)
    own = np.zeros((len(homes), width), np.int64)
    for cell, inside in enumerate(homes):
        home[cell, : len(inside)] = [e for e, _ in inside]
        own[cell, : len(inside)] = [coef for _, coef in inside]

    def joined(name: str, last: float) -> NDArray[np.float64]:
        return np.concatenate([*(getattr(batch, name) for batch in batches), np.array([last])])

    return Board(
        cells,
        coefs,
        sizes,
        joined("low", 0).astype(np.int64),
        joined("high", 0).astype(np.int64),
        joined("unit", 1).astype(np.int64),
        joined("error", 0.5),
        home,
        own,
    )
