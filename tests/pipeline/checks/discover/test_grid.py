import math

from pipeline.checks.discover.grid import read_grid
from pipeline.checks.sheet import Candidate, Column, Entry, Sheet
from tests.pipeline.checks.discover.sheets import sheet_of


def test_labels_directions_and_lone_numbers_are_left_out() -> None:
    sheet = sheet_of(
        [["a", 1, 5, 7, None], ["Mean", 2, 6, 8, None], ["b", 3, 7, 9, 4], [None, None, 8]],
        kinds=["text", "day", "number", "direction", "number"],
    )
    grid = read_grid(sheet)
    assert grid.rows == (1, 2, 3, 4)
    assert grid.columns == (1, 2)
    assert grid.days.tolist() == [True, False]
    assert grid.numbers.tolist() == [1]
    assert grid.labels.tolist() == [False, True, False, False]
    assert grid.values.tolist() == [[1, 5], [2, 6], [3, 7], [0, 8]]
    assert grid.ink.tolist() == [[True, True], [True, True], [True, True], [False, True]]


def test_rivals_are_kept_with_their_chances() -> None:
    cell = Entry((Candidate("3", 3, math.log(0.6)), Candidate("8", 8, math.log(0.3))))
    unread = Entry(())
    sheet = Sheet(3, (Column("number"),), 0, {(0, 0): cell, (1, 0): cell, (2, 0): unread})
    grid = read_grid(sheet)
    assert grid.rivals[0, 0, :2].tolist() == [3, 8]
    assert grid.chances[0, 0].round(6).tolist() == [0.6, 0.3, 0, 0]
    assert grid.rows == (0, 1)  # a row without a number says nothing


def test_a_cell_misread_with_too_many_figures_is_a_number_all_the_same() -> None:
    sheet = sheet_of([[1, 2], [3, 4], [5, 6]])
    broken = (Candidate("4.41", None, math.log(0.8)), Candidate("4.1", 41, math.log(0.1)))
    words = (Candidate("rain", None, math.log(0.8)), Candidate("4", 4, math.log(0.1)))
    for candidates, known in ((broken, True), (words, False)):
        entries = {**sheet.entries, (2, 1): Entry(candidates)}
        grid = read_grid(Sheet(4, sheet.columns, 1, entries, 1))
        assert grid.known[1, 1] == known
        assert grid.values[1, 1] == (41 if known else 0)


def test_the_last_digit_is_what_the_column_and_the_row_agree_on() -> None:
    rows = [[10, 200, 30], [20, 300, 40], [30, 400, 50]]
    sheet = sheet_of(rows, decimals=[1, 0, 1])
    lost = {
        **sheet.entries,
        (1, 0): Entry((Candidate("10", 100, 0.0),), 0),  # the point was not seen
    }
    grid = read_grid(Sheet(sheet.rows, sheet.columns, 1, lost, 1))
    assert grid.units.tolist() == [[1, 10, 1]] * 3


def test_a_row_of_means_may_be_written_finer() -> None:
    entries = {
        (row, column): Entry((Candidate("", 10, 0.0),), 1 if row == 3 else 0)
        for row in range(4)
        for column in range(3)
    }
    grid = read_grid(Sheet(4, (Column("number"),) * 3, 0, entries, 1))
    assert grid.units[:, 0].tolist() == [10, 10, 10, 1]


def test_nothing_to_see() -> None:
    assert read_grid(Sheet(0, (), 0, {})).rows == ()
