"""Rows at the foot of a table that sum up all of it, or its groups."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.checks.discover.down.columns import Columns
from pipeline.checks.discover.down.groups import Cut
from pipeline.checks.discover.down.summary import Summary
from pipeline.checks.discover.evidence import LEAST_SCORE
from pipeline.checks.discover.grid import Floats

FOOT = 4
"""Rows at the bottom that may sum up the whole table. Of the error that is allowed, a quarter is
for rows that are labelled so, an eighth for the last row, an eighth for the others; half of it each
time that they are looked for, half of that for each way of weighing them."""


@dataclass(frozen=True)
class Foot:
    """A row that sums up the table, or its groups, with the evidence beyond the tries."""

    summary: Summary
    kind: Literal["sum", "mean"]
    score: float


def feet(columns: Columns, done: Cut | None) -> list[Foot]:
    """Return the rows at the bottom, or labelled so, that sum up what is above them."""
    count = len(columns.grid.rows)
    totals = [each.target for each in done.totals] if done else []
    means = [each.target for each in done.means] if done else []
    inner = set(totals) | set(means)
    found: list[Foot] = []
    bottom = range(max(2, count - FOOT), count)
    labelled = [int(row) for row in np.flatnonzero(columns.grid.labels) if row >= 2]
    for row in sorted(set(bottom) | set(labelled)):
        if row in inner:
            continue
        taken = {each.summary.target for each in found}
        body = [each for each in range(row) if each not in inner | taken]
        proposals = _proposals(row, body, totals, means, found)
        tries = 4 * len(labelled) if row in labelled else 8 if row == count - 1 else 8 * FOOT
        best = max(
            (
                _foot(columns, each, math.log(4 * tries / share))
                for each, share in zip(proposals, _shares(proposals), strict=True)
            ),
            key=lambda each: each.score,
            default=None,
        )
        if best is not None and best.score >= LEAST_SCORE:
            found.append(best)
    return found


def _proposals(
    row: int,
    body: Sequence[int],
    totals: Sequence[int],
    means: Sequence[int],
    found: Sequence[Foot],
) -> list[Summary]:
    """Return what the row may be: a sum or mean of the body, of the totals, of the means."""
    proposals = []
    above = [each for each in totals if each < row]
    if len(above) > 1:
        proposals.append(Summary(row, tuple(above), 1, "exact"))
    elif len(body) > 1:
        proposals.append(Summary(row, tuple(body), 1, "exact"))
        if len(body) > 2:
            proposals.append(Summary(row, tuple(body[1:]), 1, "exact"))
    sums = [each.summary.target for each in found if each.kind == "sum"]
    for rounding in ("nearest", "down"):
        if sums:
            proposals.append(Summary(row, (sums[-1],), len(body), rounding))
        elif len(body) > 1:
            proposals.append(Summary(row, tuple(body), 0, rounding))
        above = [each for each in means if each < row]
        if len(above) > 1:
            proposals.append(Summary(row, tuple(above), 0, rounding))
    return proposals


def _shares(proposals: Sequence[Summary]) -> Floats:
    """Return how the error is divided: those that leave out the first row are less likely."""
    longest = max((len(each.operands) for each in proposals), default=0)
    shares = np.array([0.1 if len(each.operands) == longest - 1 else 1.0 for each in proposals])
    return np.asarray(shares / shares.sum())


def _foot(columns: Columns, summary: Summary, tries: float) -> Foot:
    """Weigh a summary of the table."""
    kind: Literal["sum", "mean"] = "sum" if summary.parts == 1 else "mean"
    return Foot(summary, kind, columns.weigh([summary]) - tries)
