"""Columns that seem to be exceptions are given what the others keep, on trial."""

from pipeline.checks.check import read_together
from pipeline.checks.relation import Rule
from pipeline.checks.sheet import Column
from pipeline.checks.verdicts import borne_out, solve
from pipeline.checks.widen import accept, propose
from tests.pipeline.checks.joint.small import Read, rule, sheet, total


def ledger(last: list[int]) -> tuple[Read, Rule]:
    """Return five columns of six numbers and their sums, and the rule for all but the last."""
    read: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for column in range(4):
        values = [101 * (column + 1) + 7 * row * (row + column) for row in range(6)]
        for row, value in enumerate([*values, sum(values)]):
            read[row, column] = [(value, 0.98)]
    for row, value in enumerate(last):
        read[row, 4] = [(value, 0.9 if row == 6 else 0.9999)]
    found = rule(*(total((6, c), *((row, c) for row in range(6))) for c in range(4)))
    return read, Rule(**{**{n: getattr(found, n) for n in Rule.__slots__}, "axis": "column"})


def test_a_misread_total_does_not_make_an_exception() -> None:
    read, found = ledger([11, 22, 33, 44, 55, 66, 281])
    table = sheet(read)
    [proposed] = propose(table, [found])
    assert {place[1] for place, _ in proposed.instances[0].terms} == {4}
    assert (proposed.tested, proposed.held) == (1, 0)
    verdicts = solve(table, [found], [proposed])
    assert verdicts[6, 4].value == 231
    assert borne_out([proposed], verdicts) == [proposed]
    [wide] = accept([found], [proposed])
    assert (len(wide.instances), wide.tested, wide.held) == (5, 5, 4)


def test_a_column_that_is_not_summed_up_stays_as_it_was_read() -> None:
    read, found = ledger([310, 295, 301, 288, 294, 305, 299])
    table = sheet(read)
    proposed = propose(table, [found])
    verdicts = solve(table, [found], proposed)
    assert [verdicts[row, 4].value for row in range(7)] == [310, 295, 301, 288, 294, 305, 299]
    assert borne_out(proposed, verdicts) == []
    assert {check for row in range(7) for check in verdicts[row, 4].checks} == set()


def test_texts_and_relations_along_rows_are_left_alone() -> None:
    read, found = ledger([11, 22, 33, 44, 55, 66, 281])
    table = sheet(read)
    words = type(table)(7, (*table.columns[:4], Column("text")), 0, table.entries)
    assert propose(words, [found]) == ()
    assert propose(table, [rule(total((0, 2), (0, 0), (0, 1)))]) == ()


def test_a_table_of_nothing_has_no_relations() -> None:
    rules, verdicts = read_together(sheet({(0, 0): [(5, 0.9)]}))
    assert rules == ()
    assert verdicts[0, 0].status == "plain"
