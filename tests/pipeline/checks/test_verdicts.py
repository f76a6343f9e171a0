"""What cells are called once all have spoken."""

import math

import numpy as np
import pytest

from pipeline.checks.relation import Instance, Rule
from pipeline.checks.sheet import Candidate, Column, Entry, Position, Sheet
from pipeline.checks.verdicts import outcomes, solve
from tests.pipeline.checks.joint.small import rule, sheet, total
from tests.pipeline.checks.ledgers import FORMS, generate, readings, worth

A, B, C = (0, 0), (0, 1), (0, 2)


def grid(texts: list[list[str]], sure: float = 0.995, decimals: int = 1) -> Sheet:
    """Return a sheet of numbers with these texts; an empty one is no ink, `?` unreadable."""
    entries: dict[Position, Entry] = {}
    for r, row in enumerate(texts):
        for c, text in enumerate(row):
            if text == "?":
                entries[r, c] = Entry((), decimals)
            elif text:
                value = round(float(text) * 10**decimals)
                entries[r, c] = Entry((Candidate(text, value, math.log(sure)),), decimals)
    columns = (Column("number", decimals=decimals),) * len(texts[0])
    return Sheet(len(texts), columns, 0, entries, decimals)


def sums_below(sheet: Sheet) -> Rule:
    last = sheet.rows - 1
    return rule(
        *(
            total((last, column), *((row, column) for row in range(last)))
            for column in range(len(sheet.columns))
        )
    )


def sums_beside(sheet: Sheet) -> Rule:
    last = len(sheet.columns) - 1
    return rule(
        *(
            total((row, last), *((row, column) for column in range(last)))
            for row in range(sheet.rows)
        )
    )


TRUE = [["10.1", "20.2", "30.3"], ["11.5", "21.9", "33.4"], ["21.6", "42.1", "63.7"]]


def test_what_the_relations_prove_is_verified() -> None:
    table = grid(TRUE)
    verdicts = solve(table, [sums_below(table), sums_beside(table)])
    assert {each.status for each in verdicts.values()} == {"verified"}
    assert all(each.checks == ("sum:pass",) for each in verdicts.values())
    assert all(each.confidence > 0.999 for each in verdicts.values())


def test_a_misread_cell_is_repaired_and_says_what_is_on_the_page() -> None:
    table = grid([["10.1", "20.2", "30.3"], ["11.5", "27.9", "33.4"], ["21.6", "42.1", "63.7"]])
    repaired = solve(table, [sums_below(table), sums_beside(table)])[1, 1]
    assert (repaired.status, repaired.text, repaired.value) == ("repaired", "21.9", 219)
    assert repaired.checks == ("sum:pass",)
    assert repaired.confidence > 0.9


def test_an_unreadable_cell_is_inferred_with_its_bounds() -> None:
    table = grid([["10.1", "20.2", "30.3"], ["11.5", "?", "33.4"], ["21.6", "42.1", "63.7"]])
    inferred = solve(table, [sums_below(table)])[1, 1]
    assert (inferred.status, inferred.text, inferred.interval) == ("inferred", "21.9", (219, 219))


def lost_figure(count: int) -> Sheet:
    """Return a column of so many numbers whose second lacks a figure, and their mean."""
    texts = [["1.250"], ["1.25"], *([["1.250"]] * (count - 2)), ["1.250"]]
    table = grid(texts, sure=0.9999, decimals=3)
    column = Column("number", pattern="d.ddd", decimals=3)
    return Sheet(table.rows, (column,), 0, table.entries, table.scale)


def mean_below(table: Sheet) -> Rule:
    count = table.rows - 1
    terms = (((count, 0), count), *(((row, 0), -1) for row in range(count)))
    return rule(Instance((count, 0), terms, -(count // 2), count // 2), kind="mean")


def test_what_may_have_lost_a_figure_is_not_verified_by_a_mean_that_would_not_show_it() -> None:
    table = lost_figure(24)
    verdicts = solve(table, [mean_below(table)])
    assert verdicts[1, 0].status == "doubtful"
    assert verdicts[0, 0].status == "verified"


def test_what_has_fewer_figures_is_verified_by_a_sum_that_leaves_no_room() -> None:
    table = lost_figure(3)
    texts = {(3, 0): Entry((Candidate("3.750", 3750, math.log(0.9999)),), 3)}
    table = Sheet(4, table.columns, 0, {**table.entries, **texts}, 3)
    verdicts = solve(table, [rule(total((3, 0), (0, 0), (1, 0), (2, 0)))])
    assert verdicts[1, 0].status == "verified"


def test_a_total_may_have_more_digits_than_its_column() -> None:
    table = grid([["40.1", "20.2"], ["41.5", "31.9"], ["30.6", "42.1"], ["?", "94.2"]])
    columns = (Column("number", pattern="dd.d", decimals=1),) * 2
    table = Sheet(table.rows, columns, 0, table.entries, table.scale)
    assert solve(table, [sums_below(table)])[3, 0].text == "112.2"


def test_a_mean_leaves_an_inferred_value_some_room() -> None:
    table = grid([["10.1", "", "20.4", "15.2"]])
    places = [(0, column) for column in range(3)]
    mean = Instance((0, 3), (((0, 3), 3), *((place, -1) for place in places)), -1, 1)
    inferred = solve(table, [rule(mean, kind="mean")])
    assert (0, 1) in inferred
    assert inferred[0, 1].interval == (150, 152)
    assert inferred[0, 1].value == 151
    assert inferred[0, 1].confidence == pytest.approx(1 / 3, abs=0.05)


def test_a_printed_error_is_reported_and_left() -> None:
    table = grid([["10.1", "20.2", "30.4"]], sure=0.9999)
    verdicts = solve(table, [sums_beside(table)])
    assert [verdicts[place].text for place in (A, B, C)] == ["10.1", "20.2", "30.4"]
    assert all(verdicts[place].checks == ("sum:fail",) for place in (A, B, C))
    assert "verified" not in {each.status for each in verdicts.values()}


def test_cells_of_no_relation_stay_plain() -> None:
    table = grid(TRUE, sure=0.7)
    verdicts = solve(table, [])
    assert {each.status for each in verdicts.values()} == {"plain"}
    assert verdicts[A].confidence == pytest.approx(0.7)


def test_slack_of_a_mean_verifies_no_last_digit() -> None:
    """Of ten values, a last digit that was read doubtfully may be another: the mean allows it."""
    read = {(0, column): [(500 + column, 0.9), (501 + column, 0.09)] for column in range(10)}
    read[0, 10] = [(504, 0.9999)]
    terms = (((0, 10), 10), *(((0, column), -1) for column in range(10)))
    verdicts = solve(sheet(read), [rule(Instance((0, 10), terms, -5, 5), kind="mean")])
    assert all(verdicts[0, column].status == "plain" for column in range(10))


def test_outcomes_leave_out_what_was_computed() -> None:
    table = grid([["10.1", "20.2", "30.3"], ["11.5", "?", "33.4"], ["21.6", "42.1", "63.7"]])
    below = sums_below(table)
    assert outcomes(below, solve(table, [below])) == [True, None, True]


@pytest.mark.parametrize("form", FORMS)
def test_generated_ledgers_are_mended_and_not_harmed(form: str) -> None:
    """With their true rules. Statuses must not claim more than is so."""
    wrong = mended = damaged = right = verified = misled = 0
    for seed in range(3):
        rng = np.random.default_rng(seed)
        ledger = generate(rng, form)
        read = readings(ledger, rng, 0.05)
        verdicts = solve(read, ledger.rules)
        inside = {p for each in ledger.rules for i in each.instances for p, _ in i.terms}
        for place in inside:
            truth, was, now = ledger.values[place], read.entries[place].value, verdicts[place]
            wrong += was != truth
            right += was == truth
            mended += was != truth and now.value == truth
            damaged += was == truth and now.value != truth
            verified += now.status == "verified"
            misled += now.status == "verified" and now.value != truth
            if now.value == truth and now.status == "repaired":
                assert worth(now.text, ledger.scale) == truth
    assert mended >= (0.6 if form == "pressures" else 0.85) * wrong
    assert damaged <= 0.003 * right
    assert verified >= 0.5 * (wrong + right)
    assert misled <= 0.002 * verified
