"""What tips the scales, and what is thought of when an equation breaks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.joint.board import lay_out
from pipeline.checks.joint.course import follow
from pipeline.checks.joint.model import FIRST_ERROR, build, weigh
from pipeline.checks.joint.usual import crowd
from pipeline.checks.joint.wanted import with_wanted
from tests.pipeline.checks.joint.small import rule, sheet, total


def weight(off: int, error: float = 0.02) -> float:
    one = np.array([1], np.int64)
    return float(weigh(off * one, 0 * one, 0 * one, one, np.array([error]))[0])


def test_an_equation_that_holds_is_likelier_than_any_that_does_not() -> None:
    assert weight(0) > weight(1) > weight(2)
    assert weight(10) > weight(9), "a carry is a common mistake"
    assert weight(7) == weight(-7)
    assert weight(10**7) == weight(10**8), "farther than far"


def test_all_that_a_broken_equation_may_be_off_by_is_one_in_all() -> None:
    offs = range(-100_000, 100_001)
    assert sum(np.exp(weight(off)) for off in offs) == pytest.approx(1, abs=0.01)


def test_values_of_the_crowd_are_likelier_than_strangers() -> None:
    usual = crowd([280, 282, 285, 286, 290, 291, 295, 299, 303, 306])
    near, far = usual.weigh(np.array([288, 11]), own=11)
    assert near > far
    assert far == pytest.approx(0.5 * np.log(0.02 / 1.02))


def test_few_cells_are_no_crowd() -> None:
    assert crowd([1, 2, 3]).weigh(np.array([2, 900]), own=2).tolist() == [0, 0]


def test_a_value_between_its_neighbours_is_likelier() -> None:
    column = {(row, 0): [(1000 + 3 * row, 0.9)] for row in range(12)}
    course = follow(sheet(column))
    fits, jumps = course.weigh(np.array([1015, 1075]), (5, 0))
    assert fits == pytest.approx(0)
    assert jumps == pytest.approx(-3), "bounded: its neighbours may be misread"


@given(st.lists(st.integers(-500, 500), min_size=3, max_size=3))
def test_what_a_broken_equation_wants_keeps_it(values: list[int]) -> None:
    read = {(0, column): [(value, 0.9)] for column, value in enumerate(values)}
    model = build(sheet(read), [rule(total((0, 2), (0, 0), (0, 1)))], [FIRST_ERROR])
    board = lay_out(model)
    choice = model.variables.likeliest
    wider = with_wanted(model, board, choice).variables
    first = [int(wider.values[i, choice[i]]) for i in range(3)]
    for cell in range(3):
        listed = wider.values[cell][wider.logprob[cell] > -1e8].tolist()
        others = [v for i, v in enumerate(first) if i != cell]
        wanted = sum(others) if cell == 2 else others[1] - others[0]
        own = values[cell]
        assert (wanted in listed) or not min(0, 2 * own) <= wanted <= 2 * abs(own)


def test_the_board_counts_like_the_batches() -> None:
    read = {(row, column): [(7 * row + column, 0.9)] for row in range(3) for column in range(3)}
    sums = rule(*(total((row, 2), (row, 0), (row, 1)) for row in range(3)))
    copies = rule(*(total((2, column), (1, column)) for column in range(3)), kind="copy")
    model = build(sheet(read), [sums, copies], [FIRST_ERROR] * 2)
    values = model.variables.values[:, 0]
    board = lay_out(model)
    counted = board.sums(values)[:-1].tolist()
    assert counted == [s for batch in model.batches for s in batch.sums(values).tolist()]
    cells = np.arange(len(values))
    tries = np.stack([values, values + 1], axis=1)
    gains = board.gains(cells, tries, values, board.sums(values))
    assert gains[:, 0] == pytest.approx(np.zeros(len(values)))
    one = values.copy()
    one[4] += 1
    before, after = (sum(b.weights(v).sum() for b in model.batches) for v in (values, one))
    assert gains[4, 1] == pytest.approx(after - before)
