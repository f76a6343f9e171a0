"""Choose among the cells' readings the assignment that is likeliest together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.beliefs import believe
from pipeline.checks.joint.model import Equations, Floats, Ints, Model, with_values
from pipeline.checks.joint.neighbours import Changes, current, look_around, single_changes

PASSES = 4
"""At most so often the values that broken equations want are put to the vote."""

STEPS = 24
"""At most so many rounds of changes after the beliefs; each makes the assignment likelier."""

LEAST_GAIN = 1e-6

CHOICES = 3
"""How many of the values that would keep a broken equation are tried in each of its cells."""

PSEUDO_ERRORS, PSEUDO_EQUATIONS = 0.5, 20.0
"""How often equations are printed wrong is what the sheet shows, and this much of what is usual."""


@dataclass(frozen=True, slots=True)
class Solution:
    """An assignment of a model's cells: the place of each one's value, and what rivals it has.

    `rivals` (V) are the odds of all other values of a cell against this one.
    """

    model: Model
    choice: NDArray[np.intp]
    rivals: Floats

    @property
    def values(self) -> Ints:
        """Return the chosen values (V); those of cells that hold nothing mean nothing."""
        return current(self.model, self.choice)

    @property
    def posterior(self) -> Floats:
        """Return how likely each cell's value is, given everything (V)."""
        return 1 / (1 + self.rivals)


def solve_model(model: Model) -> Solution:
    """Return the likeliest assignment that is found, and how likely its values are.

    Beliefs are propagated, the equations that they leave broken tell which values were not thought
    of and how often equations are printed wrong, and with that it is done again. Then single
    and paired changes are made as long as they gain.
    """
    model = closed(model)
    if not model.batches:
        choice = model.variables.likeliest
        return Solution(model, choice, np.zeros(len(choice)))
    choice = _decide(model, believe(model))
    for _ in range(PASSES):
        before = current(model, choice)
        if all(batch.holds(before).all() for batch in model.batches):
            break
        model = _learn_errors(_with_wanted(model, choice), choice)
        choice = _decide(model, believe(model))
        if (current(model, choice) == before).all():
            break
    model, choice, rivals = _improve(model, choice)
    return Solution(model, choice, rivals)


def closed(model: Model) -> Model:
    """Return the model without the equations that have a cell without any number."""
    given = model.variables.given
    batches = []
    for batch in model.batches:
        kept = np.flatnonzero(given[batch.cells].all(axis=1))
        if len(kept):
            batches.append(batch.take(kept))
    return replace(model, batches=tuple(batches))


def _decide(model: Model, beliefs: Floats) -> NDArray[np.intp]:
    """Return the likelier of two: each cell's most believed value, or as it was read."""
    believed = beliefs.argmax(axis=1)
    read = model.variables.likeliest
    return believed if _score(model, believed) >= _score(model, read) else read


def _score(model: Model, choice: NDArray[np.intp]) -> float:
    values = current(model, choice)
    rows = np.arange(len(choice))
    return float(
        model.variables.logprob[rows, choice].sum()
        + sum(batch.weights(values).sum() for batch in model.batches)
    )


def _learn_errors(model: Model, choice: NDArray[np.intp]) -> Model:
    """Return the model with each rule's chance of an error as the assignment shows it."""
    values = current(model, choice)
    broken: dict[int, float] = {}
    count: dict[int, int] = {}
    for batch in model.batches:
        rule = int(batch.rule[0])
        broken[rule] = broken.get(rule, 0.0) + float((~batch.holds(values)).sum())
        count[rule] = count.get(rule, 0) + len(batch)
    batches = []
    for batch in model.batches:
        rule = int(batch.rule[0])
        chance = (broken[rule] + PSEUDO_ERRORS) / (count[rule] + PSEUDO_EQUATIONS)
        batches.append(replace(batch, error=np.full(len(batch), min(chance, 0.5))))
    return replace(model, batches=tuple(batches))


def _with_wanted(model: Model, choice: NDArray[np.intp]) -> Model:
    """Return the model with the values that would keep the equations that are broken."""
    values = current(model, choice)
    wanted: dict[int, set[int]] = {}
    for batch in model.batches:
        broken = np.flatnonzero(~batch.holds(values))
        for e in broken:
            for cell, lowest, highest in rooms(batch, int(e), values):
                unit = int(model.variables.unit[cell])
                wanted.setdefault(cell, set()).update(
                    _inside(lowest, highest, unit, int(values[cell]))
                )
    return replace(model, variables=with_values(model.variables, wanted)) if wanted else model


def rooms(batch: Equations, e: int, values: Ints) -> Iterable[tuple[int, int, int]]:
    """Yield each cell of an equation with the least and greatest value that would keep it."""
    total = int(batch.sums(values)[e])
    for cell, coef in zip(batch.cells[e].tolist(), batch.coefs[e].tolist(), strict=True):
        others = total - coef * int(values[cell])
        bounds = int(batch.low[e]) - others, int(batch.high[e]) - others
        least, most = sorted(bound * (1 if coef > 0 else -1) for bound in bounds)
        size = abs(coef)
        yield cell, -(-least // size), most // size


def _inside(lowest: int, highest: int, unit: int, now: int) -> list[int]:
    """Return up to `CHOICES` multiples of the unit between two values, those nearest to `now`."""
    first, last = -(-lowest // unit), highest // unit
    if first > last:
        return []
    nearest = min(max(round(now / unit), first), last)
    tries = range(max(first, nearest - CHOICES), min(last, nearest + CHOICES) + 1)
    return [k * unit for k in sorted(tries, key=lambda k: abs(k - nearest))[:CHOICES]]


def _improve(model: Model, choice: NDArray[np.intp]) -> tuple[Model, NDArray[np.intp], Floats]:
    """Change single cells, or pairs of them, as long as that makes the assignment likelier.

    Also returns the odds of what rivals each cell's value (V).
    """
    for _ in range(STEPS):
        model = _with_wanted(model, choice)
        changes = single_changes(model, choice)
        better = _gaining(model, changes)
        if not better:
            rivals, pair = look_around(model, choice, changes)
            if pair is None or pair.gain <= LEAST_GAIN:
                break
            better = [pair.first, pair.second]
        choice = choice.copy()
        for cell, at in better:
            choice[cell] = at
    else:
        rivals, _ = look_around(model, choice, single_changes(model, choice))
    return model, choice, rivals


def _gaining(model: Model, changes: Changes) -> list[tuple[int, int]]:
    """Return changes that gain and have no equation in common, those that gain most first."""
    at = changes.single.argmax(axis=1)
    gain = changes.single[np.arange(len(at)), at]
    touched: set[tuple[int, int]] = set()
    better = []
    for cell in np.argsort(-gain)[: int((gain > LEAST_GAIN).sum())].tolist():
        mine = {
            (k, int(e))
            for k, batch in enumerate(model.batches)
            for e in np.flatnonzero((batch.cells == cell).any(axis=1))
        }
        if not mine & touched:
            touched |= mine
            better.append((cell, int(at[cell])))
    return better
