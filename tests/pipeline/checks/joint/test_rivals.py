"""What a cell may say beyond what was named."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.joint.rivals import find_rivals
from pipeline.checks.sheet import Candidate, Column, Entry, Lead


def entry(*named: tuple[str, int | None, float], decimals: int = 1) -> Entry:
    return Entry(tuple(Candidate(t, v, math.log(p)) for t, v, p in named), decimals)


def chances(found: Entry, column: Column, scale: int = 1) -> dict[int, float]:
    rivals = find_rivals(found, column, scale)
    return dict(zip(rivals.values, map(math.exp, rivals.logprobs), strict=True))


@given(st.integers(0, 9999), st.floats(0.01, 0.99))
def test_probabilities_sum_to_one_with_the_rest(value: int, chance: float) -> None:
    found = entry((f"{value / 10:.1f}", value, chance))
    rivals = find_rivals(found, Column("number"), 1)
    assert sum(map(math.exp, rivals.logprobs)) + rivals.rest == pytest.approx(1)
    assert rivals.values[0] == value or chance < 0.2
    assert len(set(rivals.values)) == len(rivals.values)


def test_a_digit_may_be_taken_for_another_lost_or_seen_twice() -> None:
    listed = chances(entry(("28.7", 287, 0.9)), Column("number"))
    assert {281, 387, 297} <= set(listed)
    assert 1287 in listed, "a first digit that was lost"
    assert {27, 87, 280} <= set(listed), "2.7, 8.7 and 28."
    assert listed[281] > listed[284], "1 and 7 are alike"
    assert listed[287] > 100 * listed[281]


def test_what_has_a_figure_too_many_is_one_of_what_is_left_without() -> None:
    doubled = entry(("299.97", None, 0.8), ("28.9", 289, 0.1))
    column = Column("number", pattern="dd.d", decimals=1)
    listed = chances(doubled, column)
    assert listed[2999] + listed[2997] > 0.3
    assert listed[2999] == pytest.approx(listed[2997], rel=0.2)
    alone = chances(entry(("2.887", None, 0.9), decimals=2), Column("number", decimals=2), 2)
    assert alone[287] > 1.5 * alone[288], "of two alike either may be too many"


def test_what_omits_its_first_figures_has_them_when_a_figure_is_taken_out() -> None:
    lead = Lead(Decimal("29.5"), Decimal(10), 1)
    column = Column("number", pattern="d.ddd", decimals=3, lead=lead)
    listed = chances(entry(("9.6644", None, 0.9), decimals=3), column, 3)
    assert {29664, 29644} <= set(listed)


@pytest.mark.parametrize(("text", "certain"), [("NW 2", False), ("299.97", True)])
def test_what_is_no_number_or_certain_stays_as_it_is(text: str, certain: bool) -> None:
    found = Entry((Candidate(text, None, 0.0),), 1, certain)
    assert find_rivals(found, Column("number"), 1).values == ()


def test_a_number_may_begin_with_its_point() -> None:
    rivals = find_rivals(entry(("-.6", -6, 0.7)), Column("number"), 1)
    said = dict(zip(rivals.values, rivals.texts, strict=True))
    assert said[-86] == "-8.6"


def test_the_texts_are_those_of_the_values() -> None:
    rivals = find_rivals(entry(("28.7", 287, 0.9)), Column("number"), 1)
    said = dict(zip(rivals.values, rivals.texts, strict=True))
    assert said[281] == "28.1"
    assert said[1287] == "128.7"


def test_a_columns_pattern_keeps_the_count_of_digits() -> None:
    column = Column("number", pattern="dd.d")
    listed = chances(entry(("28.7", 287, 0.9)), column)
    assert 281 in listed
    assert 1287 not in listed
    short = chances(entry(("8.7", 87, 0.9), decimals=1), column)
    assert 287 in short, "one that is too short for the column may have lost a digit"


def test_the_same_value_written_twice_is_one() -> None:
    listed = chances(entry(("28.7", 287, 0.5), ("28,7", 287, 0.3)), Column("number"))
    assert listed[287] > 0.79


def test_a_value_is_written_as_its_column_writes() -> None:
    twice = entry(("1800", 18000, 0.5), ("180.0", 1800, 0.3), ("180", 1800, 0.1), decimals=0)
    rivals = find_rivals(twice, Column("number", pattern="ddd"), 1)
    assert dict(zip(rivals.values, rivals.texts, strict=True))[1800] == "180"


def test_omitted_first_figures_are_put_back_to_other_digits_too() -> None:
    lead = Lead(Decimal("29.9"), Decimal(10), 1)
    column = Column("number", pattern="d.ddd", decimals=3, lead=lead)
    listed = chances(entry(("9.096", 29096, 0.99), decimals=3), column, 3)
    assert 30096 in listed, "0.096 would be 30.096"
    assert 20096 not in listed


def test_what_is_no_number_has_no_rivals() -> None:
    assert find_rivals(entry(("—", None, 0.9)), Column("number"), 1).values == ()
    assert find_rivals(Entry(()), Column("number"), 1).rest == 1


def test_a_value_beyond_its_digits_is_left_alone() -> None:
    """A ditto mark's value, say, is not that of its text."""
    assert set(chances(entry(('"', 287, 0.9)), Column("number"))) == {287}
