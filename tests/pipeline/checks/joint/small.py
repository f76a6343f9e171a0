"""Small sheets made by hand, and what is true of them by trying everything."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from pipeline.checks.joint.model import NEVER, Model
from pipeline.checks.relation import Instance, Rule, RuleKind
from pipeline.checks.sheet import Candidate, Column, Entry, Position, Sheet

Read = Mapping[Position, Sequence[tuple[int, float]]]
"""The values that a cell may have, with their probabilities."""


def sheet(read: Read, columns: int | None = None) -> Sheet:
    """Return a sheet of whole numbers."""
    rows = 1 + max(row for row, _ in read)
    width = columns or 1 + max(column for _, column in read)
    entries = {
        place: Entry(tuple(Candidate(str(v), v, math.log(p)) for v, p in each))
        for place, each in read.items()
    }
    return Sheet(rows, (Column("number"),) * width, 0, entries)


def rule(*instances: Instance, kind: RuleKind = "sum") -> Rule:
    """Return a rule of these equations."""
    return Rule(kind, "row", "", "exact", instances, len(instances), len(instances), 1e-9)


def total(target: Position, *operands: Position) -> Instance:
    """Return target = sum of operands."""
    return Instance(target, ((target, 1), *((each, -1) for each in operands)), 0, 0)


def everything(model: Model) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yield every assignment of listed values, as places, with its logarithm."""
    variables = model.variables
    listed = [np.flatnonzero(row > NEVER).tolist() for row in variables.logprob]
    rows = np.arange(len(listed))
    for places in itertools.product(*listed):
        values = variables.values[rows, list(places)]
        score = variables.logprob[rows, list(places)].sum()
        score += sum(float(batch.weights(values).sum()) for batch in model.batches)
        yield places, float(score)
