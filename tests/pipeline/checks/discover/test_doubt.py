import math
from itertools import product

import numpy as np
import pytest

from pipeline.checks.discover.doubt import Doubt, likely
from pipeline.checks.discover.equation import Equation
from pipeline.checks.discover.grid import read_grid
from pipeline.checks.sheet import Candidate, Column, Entry, Sheet


def entry(**chances: float) -> Entry:
    """A cell whose readings are named by their value, `v12`."""
    return Entry(
        tuple(Candidate(name, int(name[1:]), math.log(chance)) for name, chance in chances.items())
    )


CELLS = [
    [entry(v3=0.7, v8=0.2), entry(v5=0.9), entry(v10=0.5, v13=0.4)],
    [entry(v1=0.8, v7=0.1), entry(v6=0.6, v0=0.3), entry(v7=1.0)],
]
SHEET = Sheet(
    2, (Column("number"),) * 3, 0, {(r, c): CELLS[r][c] for r in range(2) for c in range(3)}
)
SUM = Equation((0, 2), ((0, 0), (0, 1)), (1, 1), 1, 8, 0, 0)


def test_the_weight_of_an_equation_is_the_chance_that_its_candidates_satisfy_it() -> None:
    doubt = Doubt(read_grid(SHEET))
    expected = sum(
        math.exp(a.logprob + b.logprob + total.logprob)
        for a, b, total in product(*(cell.candidates for cell in CELLS[0]))
        if a.value is not None and b.value is not None and a.value + b.value == total.value
    )
    weight, means = doubt.weigh(SUM, [(np.array([0, 1]), 0, np.zeros(2, np.int64))])
    assert weight == pytest.approx(expected) == pytest.approx(0.2 * 0.9 * 0.4)
    assert means == [pytest.approx(expected / 2)]  # the other value of the column never fits
    assert doubt.seen(SUM) == pytest.approx(0.9 * 0.9)


def test_a_likeness_is_taken_off_the_other_values() -> None:
    doubt = Doubt(read_grid(SHEET))
    # The other value, 7, stands where the likeness is 1; here it is 7: 7 + 7 - 1 = 13.
    _, means = doubt.weigh(SUM, [(np.array([1]), 7, np.array([1]))])
    assert means == [pytest.approx(0.2 * 0.9)]


def test_which_equations_some_reading_explains() -> None:
    doubt = Doubt(read_grid(SHEET))
    never = Equation((0, 2), ((0, 0), (0, 1)), (1, 1), 2, 8, 0, 0)
    assert likely(doubt, [SUM, never]).tolist() == [True, False]


def test_with_few_cells_in_doubt_nothing_is_left_out() -> None:
    rng = np.random.default_rng(1)
    chances = rng.uniform(0.5, 0.9, 3)
    entries = {
        (row, 0): Entry(
            (Candidate("", row, math.log(chance)), Candidate("", row + 10, math.log(1 - chance)))
        )
        for row, chance in enumerate(chances)
    }
    grid = read_grid(Sheet(3, (Column("number"),), 0, entries))
    equation = Equation((2, 0), ((0, 0), (1, 0), (2, 0)), (1, 1, 1), 1, 3, 0, 0)
    assert Doubt(grid).seen(equation) == pytest.approx(1)
