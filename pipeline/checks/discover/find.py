"""The relations of a sheet: rows that sum up rows, columns computed from others, days."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.checks.discover.across.choose import choose
from pipeline.checks.discover.across.formula import Body, Fit, read_body
from pipeline.checks.discover.across.propose import propose
from pipeline.checks.discover.across.steps import steps
from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.down.columns import Columns
from pipeline.checks.discover.down.feet import feet
from pipeline.checks.discover.down.groups import cut, cut_at_labels
from pipeline.checks.discover.down.summary import Summary
from pipeline.checks.discover.evidence import LEAST_SCORE
from pipeline.checks.discover.grid import Grid, read_grid
from pipeline.checks.discover.refine import refine
from pipeline.checks.discover.rules import column_rule, row_rule
from pipeline.checks.relation import Rule
from pipeline.checks.sheet import Sheet

Summaries = list[tuple[Sequence[Summary], float]]
"""Rows that sum up others in the same way, with the evidence beyond the tries."""


def find_rules(sheet: Sheet) -> tuple[Rule, ...]:
    """Return what holds between the cells of `sheet`, found without being told.

    Sums, means (rounded or cut), midpoints, differences, running totals, steps, copies and values
    carried from row to row; the surest first. Each is significant (p < 0.01) after correction for
    all that was tried, and none follows from the others.
    """
    grid = read_grid(sheet)
    if not grid.rows or not grid.columns:
        return ()
    summaries = _down(grid)
    body, others, fits = _across(grid, summaries)
    rules = _rules(grid, summaries, body, others, fits)
    if fits and _unexplained(grid, summaries):
        # What was found along the rows mends readings, and more is found down the columns.
        again = _down(refine(grid, rules))
        if len(again) > len(summaries):
            summaries = again
            body, others, fits = _across(grid, summaries)
            rules = _rules(grid, summaries, body, others, fits)
    rules += steps(body, sheet.scale)
    return tuple(sorted(rules, key=lambda rule: rule.p_value))


def _down(grid: Grid) -> Summaries:
    """Return the rows that sum up others."""
    if not len(grid.numbers):
        return []
    columns = Columns(grid, Doubt(grid))
    best = max(cut(columns), cut_at_labels(columns), key=lambda each: each.score)
    done = best if best.score >= LEAST_SCORE else None
    found: Summaries = (
        [(each, done.score) for each in (done.totals, done.means) if each] if done else []
    )
    return found + [((each.summary,), each.score) for each in feet(columns, done)]


def _unexplained(grid: Grid, summaries: Summaries) -> bool:
    """Tell whether a row is left that likely sums up others: the last, or one labelled so."""
    likely = grid.labels.copy()
    likely[-1] = True
    likely[[each.target for found, _ in summaries for each in found]] = False
    return bool(likely.any())


def _across(grid: Grid, summaries: Summaries) -> tuple[Body, list[Body], list[Fit]]:
    """Return the rows of values, those that sum up by their kind, and the formulas of the first."""
    classes = [np.array([each.target for each in found]) for found, _ in summaries]
    taken = np.concatenate([[], *classes]).astype(int)
    values = np.setdiff1d(np.arange(len(grid.rows)), taken)
    body = read_body(grid, values)
    fits = choose(propose(body), body, Doubt(grid))
    return body, [read_body(grid, rows) for rows in classes], fits


def _rules(
    grid: Grid, summaries: Summaries, body: Body, others: Sequence[Body], fits: Sequence[Fit]
) -> list[Rule]:
    doubt = Doubt(grid)
    return [
        *(row_rule(grid, doubt, found, score) for found, score in summaries),
        *(column_rule(each, body, others, doubt) for each in fits),
    ]
