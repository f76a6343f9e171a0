"""Choose among the cells' readings the assignment that is likeliest together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.beliefs import believe
from pipeline.checks.joint.board import lay_out
from pipeline.checks.joint.chains import follow_chains
from pipeline.checks.joint.model import NEVER, Floats, Ints, Model, with_values
from pipeline.checks.joint.neighbours import Changes, Seen, current, look_around, single_changes
from pipeline.checks.joint.wanted import with_wanted

PASSES = 4
"""At most so often the values that broken equations want are put to the vote."""

STEPS = 24
"""At most so many rounds of changes after the beliefs; each makes the assignment likelier."""

LEAST_GAIN = 1e-6

USUAL, MOST_ERRORS = 8.0, 0.5
"""How often equations are printed wrong is what the sheet shows, and so many times the usual."""


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
    and paired changes are made as long as they gain, and once more with the errors that are left.
    """
    first = model = closed(model)
    if not model.batches:
        choice = model.variables.likeliest
        return Solution(model, choice, np.zeros(len(choice)))
    choice = _decide(model, believe(model))
    for _ in range(PASSES):
        before = current(model, choice)
        if all(batch.holds(before).all() for batch in model.batches):
            break
        model = with_wanted(model, lay_out(model), choice, far=True)
        model = _learn_errors(model, first, choice)
        choice = _decide(model, believe(model))
        if (current(model, choice) == before).all():
            break
    model, choice, _ = _improve(model, choice)
    model, choice, rivals = _improve(_learn_errors(model, first, choice), choice)
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
        model.variables.logprob[rows, choice][model.variables.given].sum()
        + sum(batch.weights(values).sum() for batch in model.batches)
    )


def _learn_errors(model: Model, first: Model, choice: NDArray[np.intp]) -> Model:
    """Return the model with each rule's chance of an error as the assignment shows it.

    A broken equation is a printed error as far as its cells were surely read as they are now.
    `first` holds what was thought before.
    """
    values = current(model, choice)
    sure = np.exp(model.variables.logprob[np.arange(len(choice)), choice])
    errors: dict[int, float] = {}
    count: dict[int, float] = {}
    for batch, before in zip(model.batches, first.batches, strict=True):
        rule, holds = int(batch.rule[0]), batch.holds(values)
        printed = float(sure[batch.cells[~holds]].prod(axis=1).sum())
        errors[rule] = errors.get(rule, USUAL * float(before.error[0])) + printed
        count[rule] = count.get(rule, USUAL) + float(holds.sum()) + printed
    batches = []
    for batch in model.batches:
        rule = int(batch.rule[0])
        chance = min(errors[rule] / count[rule], MOST_ERRORS)
        batches.append(replace(batch, error=np.full(len(batch), chance)))
    return replace(model, batches=tuple(batches))


def _improve(model: Model, choice: NDArray[np.intp]) -> tuple[Model, NDArray[np.intp], Floats]:
    """Change single cells, or pairs of them, as long as that makes the assignment likelier.

    Also returns the odds of what rivals each cell's value (V).
    """
    board = lay_out(model)
    seen: Seen = {}
    for _ in range(STEPS):
        model = with_wanted(model, board, choice)
        changes = single_changes(model, choice)
        better = _gaining(model, changes)
        if not better:
            chained = _with_changes(model, choice, follow_chains(model, board, choice))
            if _score(*chained) > _score(model, choice) + LEAST_GAIN:
                model, choice = chained
                continue
            rivals, pair = look_around(model, choice, changes, seen)
            if pair is None or pair.gain <= LEAST_GAIN:
                break
            better = [pair.first, pair.second]
        choice = choice.copy()
        for cell, at in better:
            choice[cell] = at
    else:
        rivals, _ = look_around(model, choice, single_changes(model, choice), seen)
    return model, choice, rivals


def _with_changes(
    model: Model, choice: NDArray[np.intp], changes: Mapping[int, int]
) -> tuple[Model, NDArray[np.intp]]:
    """Return the model with these values listed, and the assignment with them chosen."""
    variables = with_values(model.variables, {cell: [value] for cell, value in changes.items()})
    choice = choice.copy()
    for cell, value in changes.items():
        same = (variables.values[cell] == value) & (variables.logprob[cell] > NEVER)
        choice[cell] = int(np.flatnonzero(same)[0])
    return replace(model, variables=variables), choice


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
