"""The relations of a sheet: rows that sum up rows, columns computed from others, days."""

from __future__ import annotations

import numpy as np

from pipeline.checks.discover.across.choose import choose
from pipeline.checks.discover.across.formula import read_body
from pipeline.checks.discover.across.propose import propose
from pipeline.checks.discover.across.steps import steps
from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.down.columns import Columns
from pipeline.checks.discover.down.feet import feet
from pipeline.checks.discover.down.groups import cut, cut_at_labels
from pipeline.checks.discover.evidence import LEAST_SCORE
from pipeline.checks.discover.grid import read_grid
from pipeline.checks.discover.rules import column_rule, row_rule
from pipeline.checks.relation import Rule
from pipeline.checks.sheet import Sheet


def find_rules(sheet: Sheet) -> tuple[Rule, ...]:
    """Return what holds between the cells of `sheet`, found without being told.

    Sums, means (rounded or cut), midpoints, differences, running totals, steps, copies and values
    carried from row to row; the surest first. Each is significant (p < 0.01) after correction for
    all that was tried, and none follows from the others.
    """
    grid = read_grid(sheet)
    if not grid.rows or not grid.columns:
        return ()
    doubt = Doubt(grid)
    rules: list[Rule] = []
    classes = []
    if len(grid.numbers):
        columns = Columns(grid, doubt)
        best = max(cut(columns), cut_at_labels(columns), key=lambda each: each.score)
        done = best if best.score >= LEAST_SCORE else None
        found = [(each, done.score) for each in (done.totals, done.means) if each] if done else []
        found += [((each.summary,), each.score) for each in feet(columns, done)]
        for summaries, score in found:
            rules.append(row_rule(grid, doubt, summaries, score))
            classes.append(np.array([each.target for each in summaries]))
    values = np.setdiff1d(np.arange(len(grid.rows)), np.concatenate([[], *classes]).astype(int))
    body = read_body(grid, values)
    others = [read_body(grid, rows) for rows in classes]
    rules += [column_rule(each, body, others, doubt) for each in choose(propose(body), body, doubt)]
    rules += steps(body, sheet.scale)
    return tuple(sorted(rules, key=lambda rule: rule.p_value))
