import numpy as np
import pytest

from pipeline.checks.discover.doubt import Doubt
from pipeline.checks.discover.down.columns import Columns
from pipeline.checks.discover.down.feet import Foot, feet
from pipeline.checks.discover.down.groups import Cut, cut
from pipeline.checks.discover.evidence import LEAST_SCORE
from pipeline.checks.discover.grid import read_grid
from tests.pipeline.checks.discover.sheets import sheet_of

RNG = np.random.default_rng(7)
Rows = list[list[int | str | None]]


def numbers(count: int, columns: int = 6) -> Rows:
    return [list(map(int, row)) for row in RNG.integers(100, 900, (count, columns))]


def total(rows: Rows) -> list[int | str | None]:
    return [sum(int(row[column] or 0) for row in rows) for column in range(len(rows[0]))]


def mean(rows: Rows) -> list[int | str | None]:
    return [round(int(each or 0) / len(rows)) for each in total(rows)]


def search(rows: Rows) -> tuple[Cut, list[Foot]]:
    grid = read_grid(sheet_of(rows))
    columns = Columns(grid, Doubt(grid))
    best = cut(columns)
    return best, feet(columns, best if best.score >= LEAST_SCORE else None)


@pytest.mark.parametrize("sizes", [[5, 5, 5, 6], [10, 10, 8], [7, 7, 7], [3, 12, 4, 9]])
@pytest.mark.parametrize("layout", ["total", "mean", "both"])
def test_groups_of_rows_are_cut_where_they_are_summed_up(sizes: list[int], layout: str) -> None:
    rows: Rows = []
    totals: list[tuple[int, int]] = []
    means: list[tuple[int, int]] = []
    for size in sizes:
        group = numbers(size)
        rows += group
        if layout != "mean":
            totals.append((len(rows), size))
            rows.append(total(group))
        if layout != "total":
            means.append((len(rows), size))
            rows.append(mean(group))
    best, _ = search(rows)
    assert best.score >= LEAST_SCORE
    assert [(each.target, len(each.operands)) for each in best.totals] == totals
    assert [each.target for each in best.means] == [row for row, _ in means]
    divided = [each.parts or len(each.operands) for each in best.means]
    assert divided == [size for _, size in means]


def test_the_last_row_sums_up_all_or_the_totals_of_groups() -> None:
    rows = numbers(20)
    _, [foot] = search([*rows, total(rows)])
    assert (foot.summary.target, foot.summary.operands) == (20, tuple(range(20)))
    groups = [numbers(8) for _ in range(3)]
    rows = [row for group in groups for row in (*group, total(group))]
    everything = total([row for group in groups for row in group])
    best, [foot] = search([*rows, everything])
    assert foot.summary.operands == tuple(each.target for each in best.totals) == (8, 17, 26)


def test_a_mean_below_a_total_is_said_of_the_total() -> None:
    rows = numbers(20)
    best, found = search([*rows, total(rows), mean(rows)])
    every = {each.target: each for each in (*best.totals, *best.means, *(f.summary for f in found))}
    assert (every[21].operands, every[21].parts) == ((20,), 20)


def test_a_label_makes_few_columns_enough() -> None:
    rows = [["", *row] for row in numbers(25, 3)]
    end = total([row[1:] for row in rows])
    assert search([*rows, ["Summe", *end]])[1]
    assert not search([*rows, ["", *end[:1], 1, 2]])[1]


def test_rows_that_sum_up_nothing() -> None:
    best, found = search(numbers(30))
    assert best.score < LEAST_SCORE
    assert found == []
