import numpy as np
import pytest

from pipeline.checks.discover.across.choose import choose
from pipeline.checks.discover.across.formula import read_body
from pipeline.checks.discover.across.propose import propose
from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.grid import read_grid
from pipeline.checks.discover.write import columns_formula
from tests.pipeline.checks.discover.sheets import sheet_of

RNG = np.random.default_rng(5)
A, B, C, D = RNG.integers(100, 900, (4, 24))


def found(*columns: np.ndarray) -> set[str]:
    """The formulas that hold between columns."""
    rows = [list(map(int, row)) for row in zip(*columns, strict=True)]
    grid = read_grid(sheet_of(rows))
    body = read_body(grid, np.arange(len(rows)))
    return {
        columns_formula(each.formula, body) for each in choose(propose(body), body, Doubt(grid))
    }


@pytest.mark.parametrize(
    ("columns", "formulas"),
    [
        ((A, B, A + B), {"c2 = c0 + c1"}),
        ((A, B, A - B), {"c2 = c0 - c1"}),
        ((A, B, (A + B + 1) // 2), {"c2 = (c0 + c1) / 2"}),
        ((A, B, A), {"c2 = c0"}),
        ((A, B, C, A + B + C), {"c3 = c0 + c1 + c2"}),
        ((A, B, C, D, A + C), {"c4 = c0 + c2"}),
        ((A, B, C, A + B - C), {"c3 = c0 + c1 - c2"}),
        ((A, B, C, (A + B + C + 1) // 3), {"c3 = (c0 + c1 + c2) / 3"}),
        ((A, B, C, (A + B + 2 * C + 2) // 4), {"c3 = (c0 + c1 + 2 c2) / 4"}),
        ((A, B, np.cumsum(A)), {"c2 = c2[-1] + c0"}),
        ((A, B, np.cumsum(A) + np.cumsum(1000 - B)), set()),
        ((A, B, 9000 + np.cumsum(A) - np.cumsum(B)), {"c2 = c2[-1] + c0 - c1"}),
        ((A, np.concatenate([B[:1], A[:-1]])), {"c1 = c0[-1]"}),
        ((A, B, C, D), set()),
    ],
)
def test_relations_of_columns(columns: tuple[np.ndarray, ...], formulas: set[str]) -> None:
    assert found(*columns) == formulas


def test_what_follows_is_not_said_twice() -> None:
    assert len(found(A, B, A + B, A + B - B)) == 2  # a copy, and one sum
    assert len(found(A, B, A - B, A - B + C, C)) == 2


def test_constant_columns_are_no_copies() -> None:
    constant = np.full(24, 7)
    assert found(A, constant, constant, A + constant) == set()


def test_columns_that_are_often_alike_are_no_copies() -> None:
    often = np.where(np.arange(24) % 4 == 0, A - RNG.integers(11, 99, 24), A)
    assert found(A, B, often) == set()
    assert found(A, B, A - B, often) == {"c2 = c0 - c1"}


def test_values_that_are_near_each_other_are_no_midpoints() -> None:
    hours = np.cumsum(RNG.normal(0, 3, (24, 8)), axis=1).round().astype(int) + 1000
    slow = np.cumsum(RNG.random((24, 8)) < 0.2, axis=1) + 15
    assert found(*hours.T) == set()
    assert found(*slow.T) == set()
