"""How an assignment compares with its neighbours: those with one cell changed, and with two.

Exact within that reach. A pair counts where two changes make up for each other in an equation that
either alone would break; equations that share more than one cell are looked at together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.model import NEVER, Equations, Floats, Ints, Model, Variables, weigh

TINY = 1e-12
LEAST_GAIN = -16.0
"""Pairs whose logarithm, before their equations, is below this are not looked at."""

MOST_CHANGES = 192
"""At most so many changes of the cells of one group of equations are paired, the likeliest."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two changes, as (variable, place of its value), and what they gain together."""

    first: tuple[int, int]
    second: tuple[int, int]
    gain: float


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What changes gain, as differences of logarithms of the joint probability.

    `single` is V x D: a cell takes another value. `rivals` (V) is how likely all changes of a cell
    are, alone and in pairs, as odds against none. `best` is the pair that gains most.
    """

    single: Floats
    rivals: Floats
    best: Pair | None


def current(model: Model, choice: NDArray[np.intp]) -> Ints:
    """Return the values (V) that the places `choice` (V) stand for."""
    rows = np.arange(len(choice))
    chosen: Ints = model.variables.values[rows, choice]
    return chosen


def look_around(model: Model, choice: NDArray[np.intp]) -> Neighbours:
    """Compare an assignment, given by the place of each cell's value (V), with its neighbours."""
    variables = model.variables
    rows = np.arange(len(choice))
    values = current(model, choice)
    single = variables.logprob - variables.logprob[rows, choice][:, None]
    slack = np.full(len(choice), np.inf)
    edges = []
    for batch in model.batches:
        delta, room = _edges(batch, variables, values)
        np.add.at(single, batch.cells, delta)
        np.minimum.at(slack, batch.cells, room)
        edges.append(delta)
    single = np.maximum(single, NEVER)
    odds = np.exp(np.minimum(single, 50.0))
    odds[rows, choice] = 0
    span = variables.rest / variables.density
    chosen = np.maximum(np.exp(variables.logprob[rows, choice]), TINY)
    unlisted = variables.density * np.minimum(slack, span) / chosen
    rivals = odds.sum(axis=1) + unlisted
    best: Pair | None = None
    for group in _groups(model):
        pair, more = _pairs(model, group, choice, values, single, edges)
        np.add.at(rivals, more[0], more[1])
        if pair is not None and (best is None or pair.gain > best.gain):
            best = pair
    return Neighbours(single, rivals, best)


def _edges(batch: Equations, variables: Variables, values: Ints) -> tuple[Floats, Floats]:
    """Return what each equation gains by each change (E x n x D), and its room in values (E x n).

    The room is how many other values of the cell would keep the equation, given the other cells;
    boundless where it is broken.
    """
    moved = batch.coefs[..., None] * (variables.values - values[:, None])[batch.cells]
    after = weigh(
        batch.sums(values)[:, None, None] + moved,
        batch.low[:, None, None],
        batch.high[:, None, None],
        batch.unit[:, None, None],
        batch.error[:, None, None],
    )
    delta = after - batch.weights(values)[:, None, None]
    steps = np.abs(batch.coefs) * variables.unit[batch.cells]
    room = np.floor((batch.high - batch.low)[:, None] / steps) + batch.error[:, None]
    return delta, np.where(batch.holds(values)[:, None], room, np.inf)


def _groups(model: Model) -> list[list[tuple[int, int]]]:
    """Return the equations, as (batch, place), those that share two cells or more together."""
    names = [(k, e) for k, batch in enumerate(model.batches) for e in range(len(batch))]
    if not names:
        return []
    inside = np.zeros((len(names), len(model.variables.places)), np.float32)
    row = 0
    for batch in model.batches:
        at = np.arange(row, row + len(batch))[:, None]
        inside[at, batch.cells] = 1
        row += len(batch)
    shared = inside @ inside.T > 1.5
    group = np.arange(len(names))
    for i in range(len(names)):
        for j in np.flatnonzero(shared[i, :i]):
            group[group == group[i]] = group[j]
    return [[names[i] for i in np.flatnonzero(group == g)] for g in np.unique(group)]


def _pairs(
    model: Model,
    group: list[tuple[int, int]],
    choice: NDArray[np.intp],
    values: Ints,
    single: Floats,
    edges: list[Floats],
) -> tuple[Pair | None, tuple[NDArray[np.intp], Floats]]:
    """Return the best pair of changes in a group of equations, and odds to be added, by cell."""
    nothing = None, (np.zeros(0, np.intp), np.zeros(0))
    members = np.unique(np.concatenate([model.batches[k].cells[e] for k, e in group]))
    place = {int(cell): i for i, cell in enumerate(members)}
    base = single[members].copy()
    coefs = np.zeros((len(group), len(members)), np.int64)
    for g, (k, e) in enumerate(group):
        own = [place[int(cell)] for cell in model.batches[k].cells[e]]
        base[own] -= edges[k][e]
        coefs[g, own] = model.batches[k].coefs[e]
    base[np.arange(len(members)), choice[members]] = NEVER
    top = np.sort(base.max(axis=1))[::-1]
    if len(top) < 2 or top[0] + top[1] < LEAST_GAIN:
        return nothing
    cell, at = np.nonzero(base >= LEAST_GAIN - top[0])
    if len(cell) > MOST_CHANGES:
        kept = np.argsort(-base[cell, at])[:MOST_CHANGES]
        cell, at = cell[kept], at[kept]
    listed = model.variables.values[members[cell], at] - values[members[cell]]
    alone = base[cell, at]
    together = alone[:, None] + alone[None, :]
    for g, (k, e) in enumerate(group):
        batch = model.batches[k]
        bounds = batch.low[e], batch.high[e], batch.unit[e], batch.error[e]
        total = batch.sums(values)[e]
        moved = coefs[g, cell] * listed
        both = weigh(total + moved[:, None] + moved[None, :], *bounds)
        together += both - weigh(total, *bounds)
    together[cell[:, None] == cell[None, :]] = NEVER
    gains = single[members[cell], at]
    odds = np.exp(np.minimum(together, 50.0))
    odds -= np.exp(np.minimum(gains[:, None] + gains[None, :], 50.0))
    np.maximum(odds, 0, out=odds)
    odds[cell[:, None] == cell[None, :]] = 0
    i, j = np.unravel_index(int(together.argmax()), together.shape)
    first, second = (int(members[cell[i]]), int(at[i])), (int(members[cell[j]]), int(at[j]))
    pair = Pair(first, second, float(together[i, j]))
    return pair, (members[cell], odds.sum(axis=1))
