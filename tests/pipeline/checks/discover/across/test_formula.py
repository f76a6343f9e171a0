import numpy as np
import pytest

from pipeline.checks.discover.across.formula import Formula, equation, fit, read_body
from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.equation import room
from pipeline.checks.discover.grid import read_grid
from pipeline.checks.relation import Rounding, RuleKind
from tests.pipeline.checks.discover.sheets import sheet_of

ROWS: list[list[int | None]] = [
    [7, 3, 5, 10],
    [9, 2, 5, 11],
    [12, None, 12, 12],
    [8, 4, 9, 12],
    [31, 9, 20, 40],
]


def formula(target: int, operands: tuple[int, ...], parts: int, rounding: Rounding) -> Formula:
    kind: RuleKind = "sum" if parts == 1 else "mean"
    return Formula(kind, target, operands, (1,) * len(operands), parts, rounding, 0.0)


@pytest.mark.parametrize(
    ("rounding", "total", "parts", "units", "bounds"),
    [
        ("nearest", 10, 4, (1, 1), (-2, 2)),  # half either way
        ("nearest", 10, 5, (1, 1), (-2, 2)),
        ("nearest", 10, 1, (1, 1), (0, 0)),  # a sum has nothing to round
        ("nearest", 10, 2, (1, 10), (0, 0)),  # written finer than needed
        ("nearest", 10, 1, (10, 1), (-5, 5)),  # written coarser than its parts
        ("down", 10, 4, (1, 1), (-3, 0)),
        ("down", -10, 4, (1, 1), (0, 3)),  # digits are dropped, towards nought
        ("down", 100, 3, (10, 10), (-20, 0)),
    ],
)
def test_the_room_that_rounding_leaves(
    rounding: Rounding, total: int, parts: int, units: tuple[int, int], bounds: tuple[int, int]
) -> None:
    arrays = [np.array([each]) for each in (total, parts, *units)]
    low, high = room(rounding, *arrays)
    assert (low[0], high[0]) == bounds


def test_rows_are_tested_where_all_is_read_and_hold_where_they_agree() -> None:
    body = read_body(read_grid(sheet_of(ROWS)), np.arange(5))
    found = fit(formula(2, (0, 1), 0, "nearest"), body)
    assert found.tested.tolist() == [True, True, False, True, True]  # of two, none may be blank
    assert found.held.tolist() == [True, True, False, False, True]
    found = fit(formula(3, (0, 1), 1, "nearest"), body)
    assert found.held.tolist() == [True, True, False, True, True]


def test_a_blank_among_many_is_left_out_of_a_mean() -> None:
    rows: list[list[int | None]] = [[3, 5, None, 4], [1, 2, 3, 2], [4, 4, 4, 4]]
    body = read_body(read_grid(sheet_of(rows)), np.arange(3))
    found = fit(formula(3, (0, 1, 2), 0, "nearest"), body)
    assert found.parts.tolist() == [2, 3, 3]
    assert found.held.all()
    assert equation(found, body, 0).operands == ((0, 0), (0, 1))
    whole = equation(found, body, 0, lost=True)
    assert (whole.operands, whole.parts) == (((0, 0), (0, 1), (0, 2)), 3)
    assert (whole.low, whole.high) == (-1, 1)


def test_the_row_before_stands_beside_each_row() -> None:
    rows = [[5, 5], [3, 8], [4, 12], [7, 19]]
    body = read_body(read_grid(sheet_of(rows)), np.array([0, 1, 3]))
    running = Formula("running", 1, (3, 0), (1, 1), 1, "exact", 0.0)
    found = fit(running, body)
    assert found.tested.tolist() == [False, True, True]
    assert found.held.tolist() == [False, True, False]  # 12 was not in the body
    assert equation(found, body, 1).operands == ((0, 1), (1, 0))


def test_rival_readings_give_evidence_where_the_likeliest_agree_nowhere() -> None:
    rng = np.random.default_rng(3)
    numbers = rng.integers(100, 900, (20, 3))
    rows = [[*map(int, row), int(row.sum())] for row in numbers]
    sheet = sheet_of(rows)
    grid = read_grid(sheet)
    body = read_body(grid, np.arange(20))
    grid.rivals[:, 0, 1] = grid.values[:, 0]  # the truth is second to what was read
    grid.rivals[:, 0, 0] = grid.values[:, 0] + 40
    grid.chances[:, 0, :2] = 0.55, 0.4
    grid.values[:, 0] += 40
    body = read_body(grid, np.arange(20))
    total = formula(3, (0, 1, 2), 1, "exact")
    assert not fit(total, body).held.any()
    assert fit(total, body).log_e <= 0
    assert fit(total, body, Doubt(grid)).log_e > 20
