"""Numbers that nobody read are written as the page writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.spelling import decimals_of, respell


@pytest.mark.parametrize(
    ("text", "steps", "fixed", "wanted"),
    [
        ("28.7", 5, False, "29.2"),
        ("9.8", 3, False, "10.1"),
        ("10.1", -3, False, "9.8"),
        ("9.960", 100, True, "0.060"),
        ("0.060", -100, True, "9.960"),
        ("0·124", -1, True, "0·123"),
        ("0.5", -7, False, "-0.2"),
        ("-0.2", 7, False, "0.5"),
        ("–3,5", -4, False, "–3,9"),
        ("287", 10, False, "297"),
        ("12.5*", 1, False, "12.6*"),
        ("0.05", -1, False, "0.04"),
    ],
)
def test_a_number_is_written_like_the_one_it_replaces(
    text: str, steps: int, fixed: bool, wanted: str
) -> None:
    assert respell(text, steps, fixed) == wanted


def test_what_has_no_digits_cannot_be_changed() -> None:
    assert respell("—", 3) is None


@given(st.integers(0, 99999), st.integers(-99999, 99999), st.integers(0, 3))
def test_a_respelled_number_is_worth_what_it_should(number: int, steps: int, places: int) -> None:
    text = f"{number / 10**places:.{places}f}"
    spelled = respell(text, steps)
    assert spelled is not None
    assert round(float(spelled) * 10**places) == number + steps
    assert decimals_of(spelled) == (places or None)
