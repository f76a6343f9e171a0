"""How an assignment compares with its neighbours: those with one cell changed, and with two.

Exact within that reach. A pair counts where two changes make up for each other in an equation that
either alone would break; equations that share more than one cell are looked at together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.board import lay_out
from pipeline.checks.joint.model import NEVER, Equations, Floats, Ints, Model, Variables, weigh

TINY, MOST_LOG = 1e-12, 50.0
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


Found = tuple[Pair | None, NDArray[np.intp], Floats]
Seen = dict[tuple[tuple[int, int], bytes, bytes, bytes], Found]
"""What was found in a group of equations, by its first, and all that it depends on."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changing single cells gains, as differences of logarithms of the joint probability.

    `single` is V x D: a cell takes another value. `edges` holds what of it each equation gives, a
    batch at a time (E x n x D). `unlisted` (V) are the odds of values that are not listed.
    """

    single: Floats
    edges: tuple[Floats, ...]
    unlisted: Floats


def current(model: Model, choice: NDArray[np.intp]) -> Ints:
    """Return the values (V) that the places `choice` (V) stand for."""
    rows = np.arange(len(choice))
    chosen: Ints = model.variables.values[rows, choice]
    return chosen


def single_changes(model: Model, choice: NDArray[np.intp]) -> Changes:
    """Compare an assignment, given by the place of each cell's value (V), with those next to it."""
    variables = model.variables
    rows = np.arange(len(choice))
    values = current(model, choice)
    single = variables.logprob - variables.logprob[rows, choice][:, None]
    room = np.full(len(choice), np.inf)
    edges = []
    for batch in model.batches:
        delta, own = _edges(batch, variables, values)
        np.add.at(single, batch.cells, delta)
        np.minimum.at(room, batch.cells, own)
        edges.append(delta)
    span = variables.rest / variables.density
    chosen = np.maximum(np.exp(variables.logprob[rows, choice]), TINY)
    unlisted = np.minimum(variables.density / chosen, 1.0) * np.minimum(room, span)
    return Changes(np.maximum(single, NEVER), tuple(edges), unlisted)


def look_around(
    model: Model, choice: NDArray[np.intp], changes: Changes, seen: Seen
) -> tuple[Floats, Pair | None]:
    """Return the odds of all that rivals each cell's value (V), and the pair that gains most.

    Rivals are all changes of a cell, alone and in pairs, against none. What is found is put into
    `seen`, and taken from there where an assignment differs elsewhere only: keep one as long as
    the equations are the same.
    """
    values = current(model, choice)
    odds = np.exp(np.minimum(changes.single, MOST_LOG))
    odds[np.arange(len(choice)), choice] = 0
    rivals = odds.sum(axis=1) + changes.unlisted
    best: Pair | None = None
    for group in _groups(model):
        members = np.unique(np.concatenate([model.batches[k].cells[e] for k, e in group]))
        around = (changes.single, model.variables.values, values)
        state = (group[0], *(each[members].tobytes() for each in around))
        if state not in seen:
            seen[state] = _pairs(model, group, members, choice, values, changes)
        pair, cells, more = seen[state]
        np.add.at(rivals, cells, more)
        if pair is not None and (best is None or pair.gain > best.gain):
            best = pair
    return np.asarray(rivals, np.float64), best


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
    homes = lay_out(model).homes  # in the same order, the last for none
    count = len(names) + 1
    pairs = [
        homes[:, i] * count + homes[:, j]
        for i in range(homes.shape[1])
        for j in range(i + 1, homes.shape[1])
    ]
    group = np.arange(len(names))
    if pairs:
        found, times = np.unique(np.concatenate(pairs), return_counts=True)
        for pair in found[times > 1].tolist():
            one, other = divmod(pair, count)
            if other < len(names):
                group[group == group[other]] = group[one]
    order = np.argsort(group, kind="stable")
    ends = np.flatnonzero(np.diff(group[order])) + 1
    return [[names[i] for i in part] for part in np.split(order, ends) if len(part)]


def _pairs(
    model: Model,
    group: list[tuple[int, int]],
    members: NDArray[np.intp],
    choice: NDArray[np.intp],
    values: Ints,
    changes: Changes,
) -> Found:
    """Return the best pair of changes in a group of equations; cells, and odds to be added."""
    single, edges = changes.single, changes.edges
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
        return None, members[:0], np.zeros(0)
    cell, at = np.nonzero(base >= LEAST_GAIN - top[0])
    if len(cell) > MOST_CHANGES:
        kept = np.argsort(-base[cell, at])[:MOST_CHANGES]
        cell, at = cell[kept], at[kept]
    listed = model.variables.values[members[cell], at] - values[members[cell]]
    alone = base[cell, at]
    looked = alone[:, None] + alone[None, :] >= LEAST_GAIN
    looked &= cell[:, None] < cell[None, :]
    i, j = np.nonzero(looked)
    if not len(i):
        return None, members[:0], np.zeros(0)
    together = alone[i] + alone[j]
    for g, (k, e) in enumerate(group):
        batch = model.batches[k]
        bounds = batch.low[e], batch.high[e], batch.unit[e], batch.error[e]
        total = batch.sums(values)[e]
        moved = coefs[g, cell] * listed
        together += weigh(total + moved[i] + moved[j], *bounds) - weigh(total, *bounds)
    gains = single[members[cell], at]
    odds = np.exp(np.minimum(together, MOST_LOG))
    odds -= np.exp(np.minimum(gains[i] + gains[j], MOST_LOG))
    np.maximum(odds, 0, out=odds)
    best = int(together.argmax())
    first, second = ((int(members[cell[n]]), int(at[n])) for n in (i[best], j[best]))
    more = np.bincount(i, odds, len(cell)) + np.bincount(j, odds, len(cell))
    pair = Pair(first, second, float(together[best]))
    return pair, members[cell], np.asarray(more, np.float64)
