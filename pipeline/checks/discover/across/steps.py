"""Columns that count: every row is the one before plus a constant, as days are."""

from __future__ import annotations

import itertools
import math

import numpy as np

from pipeline.checks.discover.across.formula import Body
from pipeline.checks.discover.evidence import KINDS, LEAST_SCORE, log_e, p_value
from pipeline.checks.discover.write import place
from pipeline.checks.relation import Instance, Rule

HOLDS = 0.5
"""Share of the rows that must follow the one before."""
LEAST = 3
"""Rows that must."""


def steps(body: Body, scale: int) -> list[Rule]:
    """Return the columns of `body` that count, in units of 10 ** -scale."""
    return [rule for column in range(body.width) if (rule := _step(body, column, scale))]


def _step(body: Body, column: int, scale: int) -> Rule | None:
    values, known = body.values[:, column], body.known[:, column]
    follows = np.flatnonzero(known[1:] & known[:-1]) + 1
    if len(follows) < LEAST:
        return None
    found, counts = np.unique(values[follows] - values[follows - 1], return_counts=True)
    step = int(found[counts.argmax()])
    held = values[follows] - values[follows - 1] == step
    if not step or held.sum() < max(LEAST, HOLDS * len(follows)):
        return None
    # What stands below a misread number still follows the one above that.
    above = values[follows - 1]
    farther = np.where((follows > 1) & known[follows - 2], values[follows - 2] + step, above)
    borne = held | (values[follows] == farther + step)
    pool = values[known]
    same = (pool == np.stack([above, farther])[..., None] + step).any(axis=0).sum(axis=1)
    chance = np.maximum(same, 1) / len(pool)
    tries = math.log(KINDS * body.width * len(found))
    score = log_e(borne.astype(float), chance, len(pool)) - tries
    if score < LEAST_SCORE:
        return None
    there = np.zeros(len(values), bool)
    there[follows] = True
    agree = np.zeros(len(values), bool)
    agree[follows[held]] = True
    anew = body.anew(agree, there)
    instances = []
    for before, after in _chain(values, known, body.grid.ink[body.rows, column], step):
        if anew[after]:
            continue
        here, last = (place(body.grid, body.place(row, column)) for row in (after, before))
        instances.append(Instance(here, ((here, 1), (last, -1)), step, step))
    name = f"c{body.grid.columns[column]}"
    amount = f"{'+' if step > 0 else '-'} {abs(step) / 10**scale:g}"
    return Rule(
        "step",
        "column",
        f"{name} = {name}[-1] {amount}",
        "exact",
        tuple(instances),
        int((there & ~anew).sum()),
        int((agree & ~anew).sum()),
        p_value(score),
    )


def _chain(
    values: np.ndarray, known: np.ndarray, ink: np.ndarray, step: int
) -> list[tuple[int, int]]:
    """Return which row follows which.

    Rows without ink between two that count on as if they were not there are no days (a total, a
    heading); otherwise their days were lost.
    """
    there = np.flatnonzero(ink).tolist()
    links: list[tuple[int, int]] = []
    for before, after in itertools.pairwise(there):
        on = known[before] and known[after] and values[after] - values[before] == step
        if after - before == 1 or on:
            links.append((before, after))
        else:
            links += [(row, row + 1) for row in range(before, after)]
    return links
