"""Changes that follow from each other, where no one or two of them alone would be better.

A cell that took a value hardly anyone read may stand for a mistake elsewhere: it is put back to
what was read. An equation that this breaks, or that is broken anyway, is mended in one of its other
cells, and so on, as long as equations break. Chains that end better than they began are kept (Lin
and Kernighan 1973, of tours).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.board import Board
from pipeline.checks.joint.model import NEVER, Floats, Ints, Model, Variables

Change = tuple[int, float]
"""A value, and the logarithm of what the reading of its cell gives it."""

STRANGE = 4.0
"""By how much, in natural logarithms, a value must be less likely than what was read best."""

BACK = 3
"""To how many of its readings a strange value is put back, and how many cells of a broken equation
are tried."""

MOST_CHAINS = 600
LONGEST, HOPELESS = 6, 60.0
"""A chain is given up after so many changes, or where it has lost so much."""


LEAST_GAIN = 1e-6
NOTHING: tuple[float, int, Change] = (NEVER, 0, (0, NEVER))


def follow_chains(model: Model, board: Board, choice: NDArray[np.intp]) -> Mapping[int, int]:
    """Return the changed values of the cells of the chains that make an assignment likelier.

    `choice` (V) are the places of the cells' values. A later chain builds on those before it.
    """
    variables = model.variables
    rows = np.arange(len(choice))
    chosen = variables.logprob[rows, choice].copy()
    order = np.argsort(-variables.logprob, axis=1)[:, :BACK]
    best = variables.logprob[rows, order[:, 0]]
    strange = np.flatnonzero(variables.given & (best - chosen > STRANGE))
    state = _State(variables.values[rows, choice].copy(), chosen)
    state.sums = board.sums(state.values)
    changed: dict[int, int] = {}
    starts: list[tuple[int, Change]] = [
        (cell, (int(variables.values[cell, place]), float(variables.logprob[cell, place])))
        for cell in strange[np.argsort((chosen - best)[strange])].tolist()
        for place in order[cell].tolist()
    ]
    for e in np.flatnonzero(~board.holds(state.sums)).tolist():
        starts += [(cell, change) for _, cell, change in _mends(variables, board, e, state, {})]
    for cell, start in starts[:MOST_CHAINS]:
        if start[1] > NEVER and start[0] != state.values[cell]:
            chain = _chain(variables, board, state, cell, start)
            state = state.after(board, chain)
            changed |= {each: value for each, (value, _) in chain.items()}
    return changed


@dataclass(slots=True)
class _State:
    """The values of V cells, the logarithms of what the readings give them, and the sums."""

    values: Ints
    chosen: Floats
    sums: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def after(self, board: Board, chain: Mapping[int, Change]) -> _State:
        """Return the state with the changes of a chain."""
        new = _State(self.values.copy(), self.chosen.copy(), self.sums.copy())
        for cell, change in chain.items():
            new.put(board, cell, change)
        return new

    def put(self, board: Board, cell: int, change: Change) -> None:
        np.add.at(self.sums, board.homes[cell], board.own[cell] * (change[0] - self.values[cell]))
        self.values[cell], self.chosen[cell] = change


def _chain(
    variables: Variables, board: Board, state: _State, cell: int, change: Change
) -> dict[int, Change]:
    """Return the changes of a chain that gains; none if it does not."""
    held = board.holds(state.sums)
    state = state.after(board, {})
    chain: dict[int, Change] = {}
    at, tries = np.array([cell]), np.array([[change[0]]])
    total = change[1] - float(state.chosen[cell])
    total += float(board.gains(at, tries, state.values, state.sums)[0, 0])
    while True:
        chain[cell] = change
        state.put(board, cell, change)
        if total > LEAST_GAIN:
            return chain
        homes = board.homes[cell]
        broken = homes[held[homes] & ~board.holds(state.sums)[homes]].tolist()
        if not broken or len(chain) >= LONGEST:
            return {}
        gain, cell, change = max(
            (_mends(variables, board, e, state, chain) or [NOTHING])[0] for e in broken
        )
        total += gain
        if total < -HOPELESS:
            return {}


def _mends(
    variables: Variables, board: Board, e: int, state: _State, chain: Mapping[int, Change]
) -> list[tuple[float, int, Change]]:
    """Return the best changes that mend an equation, outside the chain: gain, cell, change."""
    members = board.cells[e, : board.sizes[e]]
    inside = [i for i, cell in enumerate(members.tolist()) if cell not in chain]
    if not inside:
        return []
    cells, coefs = members[inside], board.coefs[e, inside]
    others = state.sums[e] - coefs * state.values[cells]
    least = np.where(coefs > 0, board.low[e] - others, others - board.high[e])
    wanted = -(-least // np.abs(coefs))
    tries = np.concatenate([variables.values[cells], wanted[:, None]], axis=1)
    density = np.log(variables.density[cells])[:, None]
    prior = np.concatenate([variables.logprob[cells], density], axis=1)
    after = others[:, None] + coefs[:, None] * tries
    keeps = (board.low[e] <= after) & (after <= board.high[e])
    keeps &= (variables.least[cells][:, None] <= tries) & (tries <= variables.most[cells][:, None])
    keeps &= (tries % variables.unit[cells][:, None] == 0) & (prior > NEVER)
    i, t = np.nonzero(keeps)
    if not len(i):
        return []
    gains = board.gains(cells[i], tries[i, t][:, None], state.values, state.sums)[:, 0]
    gains += prior[i, t] - state.chosen[cells[i]]
    best: dict[int, tuple[float, int, Change]] = {}
    for k in np.argsort(-gains).tolist():
        cell = int(cells[i[k]])
        change = int(tries[i[k], t[k]]), float(prior[i[k], t[k]])
        best.setdefault(cell, (float(gains[k]), cell, change))
        if len(best) == BACK:
            break
    return list(best.values())
