"""First figures and points that were left out."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.columns.restore import (
    base_of,
    find_lead,
    implied_decimals,
    looks_like_inches,
    restore,
    says_omitted,
)

INCHES = "[in_i'Hg]"


def numbers(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    "text",
    ["FIRST FIGURE OMITTED.", "First figures are omitted", "Les premiers chiffres sont supprimés",
     "Erste Ziffern weggelassen", "eerste cijfers weggelaten", "primeiro algarismo omitido",
     "Omitted: the first two figures"],
)  # fmt: skip
def test_words_for_what_is_left_out(text: str) -> None:
    assert says_omitted(text)


@pytest.mark.parametrize("text", ["Barometer", "Figure 3", "Mean of 24 hours", ""])
def test_words_for_other_things(text: str) -> None:
    assert not says_omitted(text)


@pytest.mark.parametrize(
    ("text", "base"),
    [("700 +", "700"), ("Barometer 700 mm. +", "700"), ("+ 900", "900"), ("29 in. +", "29"),
     ("760", None), ("1 + 2", None), ("", None)],
)  # fmt: skip
def test_what_is_to_be_added(text: str, base: str | None) -> None:
    assert base_of(text) == (None if base is None else Decimal(base))


@given(st.integers(28_500, 31_000), st.integers(1, 900))
def test_pressures_come_back_whatever_figures_are_missing(lowest: int, spread: int) -> None:
    whole = [Decimal(lowest + spread * i // 10).scaleb(-3) for i in range(11)]
    lead = find_lead([number % 10 for number in whole], "p", INCHES, "", None)
    assert lead is not None
    assert [restore(number % 10, lead) for number in whole] == whole
    assert [restore(number, lead) for number in whole] == whole


@given(st.integers(9_600, 10_300), st.integers(1, 400))
def test_hectopascals_come_back_as_well(lowest: int, spread: int) -> None:
    whole = [Decimal(lowest + spread * i // 10).scaleb(-1) for i in range(11)]
    lead = find_lead([number % 100 for number in whole], "mslp", "hPa", "", None)
    assert lead is not None
    assert [restore(number % 100, lead) for number in whole] == whole


def test_what_is_whole_or_not_pressure_stays() -> None:
    whole = numbers("29.373", "29.981", "30.124", "30.2")
    assert find_lead(whole, "p", INCHES, "First figure omitted", None) is None
    short = numbers("9.373", "9.981", "0.124")
    assert find_lead(short, "rr", "[in_i]", "", None) is None
    assert find_lead(short, "p", None, "First figure omitted", None) is None
    assert find_lead([], "p", INCHES, "", None) is None


def test_a_form_says_what_other_variables_can_be() -> None:
    short = numbers("45.2", "48.9", "51.3")
    assert find_lead(short, "ta", "Cel", "First figure omitted", None) is None
    assert find_lead(short, "rh", "%", "", (40.0, 60.0)) is None
    for said in ("First figure omitted", ""):
        lead = find_lead(short, "rh", None, said, (120.0, 180.0))
        assert lead is not None
        assert restore(Decimal("45.2"), lead) == Decimal("145.2")


def test_some_may_be_written_out() -> None:
    mixed = numbers("760.3", "58.1", "59.9", "61.2", "762.0", "61.7", "758.8", "60.0")
    lead = find_lead(mixed, "p", "mm[Hg]", "", None)
    assert lead is not None
    assert [restore(n, lead) for n in mixed[:3]] == numbers("760.3", "758.1", "759.9")
    assert find_lead([*mixed[:1] * 20, Decimal("58.1")], "p", "mm[Hg]", "", None) is None


def test_negative_numbers_and_longer_ones_are_left_alone() -> None:
    lead = find_lead(numbers("9.373", "9.981", "0.124"), "p", INCHES, "", None)
    assert lead is not None
    assert restore(Decimal("-0.5"), lead) == Decimal("-0.5")
    assert restore(Decimal("93.73"), lead) == Decimal("93.73")


def test_inches_of_mercury_look_like_nothing_else() -> None:
    pressures = [Decimal(9_400 + 50 * i).scaleb(-3) % 10 for i in range(24)]
    assert looks_like_inches(pressures)
    assert not looks_like_inches(pressures[:10])
    assert not looks_like_inches([Decimal(i * 371 % 9000).scaleb(-3) for i in range(40)])
    assert not looks_like_inches([Decimal(i).scaleb(-3) for i in range(40)])
    assert not looks_like_inches([Decimal(94 + i % 6).scaleb(-1) for i in range(40)])


@pytest.mark.parametrize(
    ("columns", "places"),
    [
        ([["287", "32.6", "342", "34.7", "30.5"]], 1),
        ([["05", "07", "112"], ["03", "41", "104"]], 1),
        ([["05", "07", "12", "30", "15", "45"]], 0),
        ([["287", "32.6", "34.2", "30.1"], [str(100 + i) for i in range(400)]], 0),
        ([["287", "326", "342"]], 0),
        ([["287", "32.6", "342"]], 0),
        ([["2.87", "32.6", "3.42", "30.1", "00"]], 0),
        ([], 0),
    ],
)
def test_points_left_out_need_several_witnesses(columns: list[list[str]], places: int) -> None:
    assert implied_decimals(columns) == places
