"""What is brought forward from one page to the next."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.equation import Equation, complete, holds
from pipeline.checks.discover.evidence import LEAST_SCORE, log_e, p_value
from pipeline.checks.discover.grid import Grid, Ints, read_grid
from pipeline.checks.discover.rules import applies, ratio
from pipeline.checks.discover.write import instance
from pipeline.checks.relation import Rule
from pipeline.checks.sheet import Candidate, Column, Entry, Position, Sheet

FOOT, HEAD = 3, 2
"""Rows at a page's foot that may be carried, rows at the head of the next that may receive them."""


def stack(sheets: Sequence[Sheet]) -> Sheet:
    """Return the sheets as one, each below the one before, in the finest of their units."""
    scale = max((sheet.scale for sheet in sheets), default=0)
    width = max((len(sheet.columns) for sheet in sheets), default=0)
    entries: dict[Position, Entry] = {}
    first = 0
    for sheet in sheets:
        finer = 10 ** (scale - sheet.scale)
        for (row, column), entry in sheet.entries.items():
            entries[first + row, column] = Entry(
                tuple(_scaled(each, finer) for each in entry.candidates), entry.decimals
            )
        first += sheet.rows
    columns = tuple(_column(sheets, column) for column in range(width))
    return Sheet(first, columns, sheets[0].header_rows if sheets else 0, entries, scale)


def _scaled(candidate: Candidate, finer: int) -> Candidate:
    value = None if candidate.value is None else candidate.value * finer
    return Candidate(candidate.text, value, candidate.logprob)


def _column(sheets: Sequence[Sheet], column: int) -> Column:
    """Return what the first page that has a column says of it."""
    return next(sheet.columns[column] for sheet in sheets if column < len(sheet.columns))


@dataclass(frozen=True)
class Way:
    """Which row of a page is carried, counted from its foot, and to which row of the next."""

    foot: int
    head: int


def find_carries(sheets: Sequence[Sheet]) -> tuple[Rule, ...]:
    """Return what is brought forward between `sheets`, which are pages in their order.

    Its places are those of `stack(sheets)`. One row of a page's last three is found again, column
    by column, in one of the first two of the next: p < 0.01, all such ways considered.
    """
    if len(sheets) < 2:
        return ()
    grid = read_grid(stack(sheets))
    doubt = Doubt(grid)
    ends = np.cumsum([sheet.rows for sheet in sheets])
    pages = np.searchsorted(ends, np.array(grid.rows), "right")
    rows = [np.flatnonzero(pages == page) for page in range(len(sheets))]
    best: tuple[float, list[list[Equation]]] = (-math.inf, [])
    for foot in range(1, FOOT + 1):
        for head in range(HEAD):
            found = _equations(grid, rows, Way(foot, head))
            best = max(best, (_evidence(grid, doubt, rows, found), found), key=lambda each: each[0])
    score = best[0] - math.log(FOOT * HEAD)
    if score < LEAST_SCORE:
        return ()
    kept = applies([[ratio(grid, doubt, e) for e in each if complete(grid, e)] for each in best[1]])
    equations = [e for each, good in zip(best[1], kept, strict=True) if good for e in each]
    tested = [each for each in equations if complete(grid, each)]
    turns = sorted({(each.target[0], each.operands[0][0]) for each in equations})
    target, source = (grid.rows[row] for row in turns[0])
    more = f", and {len(turns) - 1} more" if len(turns) > 1 else ""
    return (
        Rule(
            "carry",
            "column",
            f"r{target} = r{source}{more}",
            "exact",
            tuple(instance(grid, each) for each in equations),
            len(tested),
            sum(holds(grid, each) for each in tested),
            p_value(score),
        ),
    )


def _equations(grid: Grid, rows: Sequence[Ints], way: Way) -> list[list[Equation]]:
    """Return what a way says, column by column, at every turn of a page."""
    found = []
    for column in map(int, grid.numbers):
        here = []
        for page, after in itertools.pairwise(rows):
            if len(page) < way.foot or len(after) <= way.head:
                continue
            source, target = int(page[-way.foot]), int(after[way.head])
            if grid.ink[source, column] and grid.ink[target, column]:
                value = int(grid.values[source, column])
                here.append(Equation((target, column), ((source, column),), (1,), 1, value, 0, 0))
        if here:
            found.append(here)
    return found


def _evidence(
    grid: Grid, doubt: Doubt, rows: Sequence[Ints], found: Sequence[Sequence[Equation]]
) -> float:
    """Return the evidence that the values at the head of pages are carried there.

    By chance the head could hold any value of its page's column; or one that differs from the value
    carried as values of successive rows differ.
    """
    page_of = {int(row): page for page in rows for row in page}
    weights, chances = [], []
    for each in (one for column in found for one in column if complete(grid, one)):
        row, column = each.target
        page = page_of[row]
        pool = page[grid.known[page, column]]
        likenesses = [(pool, 0, np.zeros(len(pool), np.int64))]
        after = pool[1:][np.diff(pool) == 1]
        if len(after):
            likenesses.append((after, each.total, grid.values[after - 1, column]))
        weight, means = doubt.weigh(each, likenesses)
        weights.append(weight)
        chances.append(max(*means, 1 / len(pool)))
    return log_e(np.array(weights), np.array(chances)) if weights else -math.inf
