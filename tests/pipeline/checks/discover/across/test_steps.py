import numpy as np
import pytest

from pipeline.checks.discover.across.formula import read_body
from pipeline.checks.discover.across.steps import steps
from pipeline.checks.discover.grid import read_grid
from pipeline.checks.relation import Rule
from tests.pipeline.checks.discover.sheets import sheet_of


def step_rules(days: list[int | None]) -> list[Rule]:
    rng = np.random.default_rng(1)
    rows = [[day, *map(int, rng.integers(0, 99, 3))] for day in days]
    grid = read_grid(sheet_of(rows, kinds=["day", "number", "number", "number"]))
    return steps(read_body(grid, np.arange(len(grid.rows))), 0)


@pytest.mark.parametrize(("first", "step"), [(1, 1), (31, -1), (1880, 1), (3, 3)])
def test_days_count(first: int, step: int) -> None:
    [rule] = step_rules([first + step * row for row in range(12)])
    assert (rule.kind, rule.tested, rule.held, len(rule.instances)) == ("step", 11, 11, 11)
    here, before = (2, 0), (1, 0)
    assert rule.instances[0].terms == ((here, 1), (before, -1))
    assert rule.instances[0].low == rule.instances[0].high == step
    assert rule.formula == f"c0 = c0[-1] {'+' if step > 0 else '-'} {abs(step)}"


def test_lost_days_are_linked_and_rows_that_are_no_days_passed_over() -> None:
    [rule] = step_rules([1, 2, 3, None, 5, 6, 7, None, 8, 9, 10, 11, 12])
    links = {(i.terms[1][0][0], i.terms[0][0][0]) for i in rule.instances}
    assert {(3, 4), (4, 5)} <= links  # 4 was lost
    assert (7, 9) in links  # between 7 and 8 there is no day
    assert not {(7, 8), (8, 9)} & links


@pytest.mark.parametrize("days", [[5] * 12, [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [1, 2, 3]])
def test_what_does_not_count(days: list[int | None]) -> None:
    assert step_rules(days) == []


def test_misread_days_here_and_there_hide_no_count() -> None:
    [rule] = step_rules([1, 3, 3, 4, 5, 5, 7, 8, 9, 100, 11, 12, 13, 14, 15, 16])
    assert (rule.formula, rule.tested, rule.held) == ("c0 = c0[-1] + 1", 15, 9)
    assert len(rule.instances) == 15
