import math

import numpy as np
import pytest

from pipeline.checks.discover.grid import read_grid
from pipeline.checks.discover.refine import refine
from pipeline.checks.relation import Instance, Rule
from pipeline.checks.sheet import Candidate, Column, Entry, Sheet
from tests.pipeline.checks.ledgers import generate, readings


def entry(**chances: float) -> Entry:
    """A cell whose readings are named by their value, `v12`."""
    return Entry(
        tuple(Candidate(name, int(name[1:]), math.log(chance)) for name, chance in chances.items())
    )


def rule(instance: Instance) -> Rule:
    return Rule("sum", "row", "", "exact", (instance,), 1, 0, 0.001)


def test_readings_are_weighed_by_what_satisfies_an_equation() -> None:
    """5 + 6 = 11: of four ways, only two agree with the total as read, one of them likely."""
    cells = [entry(v8=0.6, v5=0.4), entry(v6=0.9, v3=0.1), entry(v11=0.99)]
    sheet = Sheet(
        2,
        (Column("number"),) * 3,
        0,
        {(row, column): cells[column] for row in range(2) for column in range(3)},
    )
    total = Instance((0, 2), (((0, 2), 1), ((0, 0), -1), ((0, 1), -1)), 0, 0)
    after = refine(read_grid(sheet), [rule(total)])
    agree = {(5, 6): 0.4 * 0.9, (8, 3): 0.6 * 0.1}
    assert after.values[0].tolist() == [5, 6, 11]
    assert after.chances[0, 0, 0] == pytest.approx(agree[5, 6] / sum(agree.values()), abs=0.01)
    assert after.rivals[0, 0, :2].tolist() == [5, 8]
    assert after.chances[0].sum(axis=1) == pytest.approx([1, 1, 0.99])  # what is unseen stays
    assert after.values[1].tolist() == [8, 6, 11]  # of the other row nothing was said


def test_an_equation_that_no_reading_satisfies_changes_nothing() -> None:
    cells = [entry(v8=0.6, v5=0.4), entry(v6=0.9), entry(v99=0.9)]
    places = {(row, column): cells[column] for row in range(2) for column in range(3)}
    grid = read_grid(Sheet(2, (Column("number"),) * 3, 0, places))
    total = Instance((0, 2), (((0, 2), 1), ((0, 0), -1), ((0, 1), -1)), 0, 0)
    after = refine(grid, [rule(total)])
    assert after.chances == pytest.approx(grid.chances)


def test_true_rules_mend_most_misreadings() -> None:
    rng = np.random.default_rng(4)
    ledger = generate(rng, "rains")
    grid = read_grid(readings(ledger, rng, 0.05))
    after = refine(grid, ledger.rules)
    wrong = [
        [
            values[row, column] != ledger.values[grid.rows[row], grid.columns[column]]
            for row, column in np.argwhere(grid.known)
        ]
        for values in (grid.values, after.values)
    ]
    assert sum(wrong[1]) < 0.4 * sum(wrong[0])
