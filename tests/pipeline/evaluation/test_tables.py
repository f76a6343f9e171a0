"""Values by place: what is right must be right where it stands."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.tables import (
    Compare,
    Placement,
    TableScore,
    TableTruth,
    canonical,
    key,
    place,
    score_table,
)

DAYS, HOURS = 6, 5
Rows = list[list[str]]


def _truth() -> TableTruth:
    header = ["", *(str(hour) for hour in range(1, HOURS + 1)), "Mean"]
    body = [
        [str(day), *(f"9.{100 * day + 7 * hour:03d}" for hour in range(HOURS + 1))]
        for day in range(1, DAYS + 1)
    ]
    means = ["Mean", *(f"0.{hour:03d}" for hour in range(HOURS + 1))]
    return TableTruth(tuple(map(tuple, [header, *body, means])))


TRUTH = _truth()
VALUES = (DAYS + 1) * (HOURS + 1)


def _read() -> Rows:
    """Return the reading that is printed: with a row of units that the truth does not have."""
    header, *body = (list(row) for row in TRUTH.grid)
    return [header, ["", *["Ins."] * (HOURS + 1)], *body]


def test_the_truth_against_itself_is_all_right() -> None:
    score = score_table(TRUTH, TRUTH.grid)
    assert (score.values, score.placed, score.aligned) == (VALUES, VALUES, VALUES)
    assert score.mae == 0
    assert score.accuracy == 1
    assert score.wrong == ()


def test_a_row_of_units_moves_all_rows_alike() -> None:
    score = score_table(TRUTH, _read())
    assert score.placed == VALUES
    assert score.placements == (Placement(1, 0, "header, row labels"),)


def test_without_header_columns_are_counted() -> None:
    score = score_table(TRUTH, _read()[1:])
    assert score.placed == VALUES
    assert score.placements[0] == Placement(0, 0, "width, row labels")


def test_the_shape_of_values_is_what_is_compared() -> None:
    """Ink without points: where digits are compared, rows are still found by their values."""
    rows = [["", *(text.replace(".", "") for text in row[1:])] for row in _read()[2:]]
    assert score_table(TRUTH, rows).placed == 0
    score = score_table(replace(TRUTH, compare="digits"), rows)
    assert score.placements == (Placement(-1, 0, "width, shape of values"),)
    assert score.placed == VALUES


def test_the_first_column_lost_in_the_fold() -> None:
    for rows in (_read(), _read()[1:]):
        score = score_table(TRUTH, [row[1:] for row in rows])
        assert score.placed == VALUES


def test_labels_may_be_read_badly() -> None:
    rows = _read()
    rows[0] = ["", "1", "Z", "3", "A", "5", "Mcan"]
    for row, label in zip(rows[2:], ["l", "2", "3", "A", "S", "6", "Mean."], strict=True):
        row[0] = label
    assert score_table(TRUTH, rows).placed == VALUES


def test_an_extra_row_costs_all_that_follow_or_precede() -> None:
    rows = _read()
    rows.insert(4, [""] * (HOURS + 2))
    score = score_table(TRUTH, rows)
    assert score.placed == 5 * (HOURS + 1)
    assert score.aligned == VALUES


def test_a_column_too_many_costs_all_beyond_it() -> None:
    rows = [[*row[:3], "", *row[3:]] for row in _read()]
    score = score_table(TRUTH, rows)
    assert score.placed in (2 * (DAYS + 1), 4 * (DAYS + 1))
    assert score.placed <= score.aligned < VALUES


def test_swapped_columns_are_both_wrong() -> None:
    rows = _read()
    for row in rows[2:]:
        row[2], row[3] = row[3], row[2]
    assert score_table(TRUTH, rows).placed == VALUES - 2 * (DAYS + 1)


def test_values_never_decide_where_the_table_lies() -> None:
    """All right values one column off: the header says where they are said to be."""
    rows = _read()
    moved = [rows[0], *[[row[0], *row[2:], ""] for row in rows[1:]]]
    score = score_table(TRUTH, moved)
    assert score.placed == 0
    assert score.aligned == VALUES - (DAYS + 1)


@pytest.mark.parametrize("nothing", [None, [], [[]], [["", ""], [""]]])
def test_an_unread_table_has_nothing_right(nothing: Rows | None) -> None:
    score = score_table(TRUTH, nothing)
    assert (score.values, score.placed, score.empty) == (VALUES, 0, VALUES)
    assert score.placements == (None,)


def test_a_text_without_shape_has_no_place() -> None:
    assert place(TRUTH, [["Reduced to 32 degrees"], ["and sea level"]]) is None


def test_hidden_columns_do_not_count() -> None:
    truth = replace(TRUTH, hidden=frozenset({1}))
    assert score_table(truth, _read()).values == VALUES - (DAYS + 1)


def test_what_is_read_where_nothing_stands_is_spurious() -> None:
    rows = [list(row) for row in TRUTH.grid]
    rows[3][2] = ""
    truth = TableTruth(tuple(map(tuple, rows)))
    score = score_table(truth, TRUTH.grid)
    assert (score.values, score.spurious, score.placed) == (VALUES - 1, 1, VALUES - 1)


def test_mae() -> None:
    rows = [list(row) for row in TRUTH.grid]
    rows[1][1] = "9.000"  # 9.100 stands there
    rows[2][2] = "?"
    score = score_table(TRUTH, rows)
    assert score.mae == pytest.approx(0.1 / (VALUES - 1))
    assert [(w.row, w.column, w.truth) for w in score.wrong] == [(1, 1, "9.100"), (2, 2, "9.207")]


cells = st.text(alphabet="0123456789.·, -Mean", max_size=5)
grids = st.lists(st.lists(cells, min_size=3, max_size=3), min_size=2, max_size=6)


@given(grids)
def test_any_grid_against_itself(grid: Rows) -> None:
    score = score_table(TableTruth(tuple(map(tuple, grid))), grid)
    assert score.placed <= score.aligned <= score.values
    assert score.spurious == 0 or score.placements[0] != Placement(0, 0, "header, row labels")


@given(grids, grids)
def test_counts_hang_together(truth: Rows, read: Rows) -> None:
    score = score_table(TableTruth(tuple(map(tuple, truth))), read)
    assert 0 <= score.placed <= score.aligned <= score.values
    assert score.placed + len(score.wrong) == score.values
    assert score.empty <= len(score.wrong) + score.placed
    assert score + TableScore() == score


@given(st.integers(0, DAYS), st.integers(0, HOURS))
def test_one_wrong_digit_is_one_wrong_value(row: int, column: int) -> None:
    rows = _read()
    rows[row + 2][column + 1] = "8.888"
    score = score_table(TRUTH, rows)
    assert score.placed == score.aligned == VALUES - 1


@pytest.mark.parametrize(
    ("truth", "read", "compare", "equal"),
    [
        ("9.093", "9·093", "text", True),
        ("9.093", "9,093", "text", True),
        ("9.093", " 9. 093", "text", True),
        ("9.090", "9.09", "text", False),
        ("9.093", "9093", "text", False),
        ("-1.5", "−1.5", "text", True),
        ("-1.5", "1.5", "text", False),
        ("28", "28,0", "number", True),
        ("0", "-0.0", "number", True),
        ("028", "28", "number", True),
        ("100", "1E2", "number", False),
        ("28", "280", "number", False),
        ("fog", "fog ", "number", True),
        ("27.3", "273", "digits", True),
        ("27.3", "27.8", "digits", False),
    ],
)
def test_keys(truth: str, read: str, compare: Compare, equal: bool) -> None:
    assert (key(truth, compare) == key(read, compare)) is equal


@given(cells)
def test_canonical_twice_is_canonical_once(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)
