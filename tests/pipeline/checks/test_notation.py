"""Numbers, and what stands where there is none, as ledgers write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.notation import (
    decimals,
    is_dash,
    is_direction,
    is_ditto,
    is_trace,
    read_day,
    read_hour,
    read_number,
    shape_of,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9·093", "9.093"),
        ("28,0", "28.0"),
        ("−3.5", "-3.5"),
        ("– 3", "-3"),
        (".381", "0.381"),
        ("12½", "12.5"),
        ("12 1/2", "12.5"),
        ("10-1/4", "10.25"),
        ("-½", "-0.5"),
        ("⅓", "0.333"),
        ("5/8", "0.625"),
        ("12°.3", "12.3"),
        ("12°3", "12.3"),
        ("29°", "29"),
        ("(12.3)", "12.3"),
        ("12.3*", "12.3"),
        ("[0,5]", "0.5"),
        ("·0.070.", "0.070"),
        ("1,234.5", "1234.5"),
        ("1.234,5", "1234.5"),
        ("1,234", "1.234"),
        ("5.-", "5"),
        ("12.3 mm", "12.3"),
        ("0.5 in", "0.5"),
        ("nil", "0"),
        ("Néant", "0"),
    ],
)
def test_what_is_a_number(text: str, number: str) -> None:
    found = read_number(text)
    assert found == Decimal(number)
    assert found is not None
    assert decimals(found) == decimals(Decimal(number))


@pytest.mark.parametrize("text", ["", "Mean", "1.2.3", "3/2", "1/0", "9.2/4", "SW", "٣", "—", '"'])
def test_what_is_none(text: str) -> None:
    assert read_number(text) is None


@given(st.decimals(-99999, 99999, places=3, allow_nan=False, allow_infinity=False))
def test_plain_numbers_keep_their_digits(number: Decimal) -> None:
    assert read_number(format(number, "f")) == number
    assert read_number(format(number, "f").replace(".", "·")) == number


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = read_number(text)
    assert number is None or number.is_finite()
    assert number is None or shape_of(number).strip("d.") == ""


@pytest.mark.parametrize("text", ["—", "-", "...", ". . .", "--", "//"])
def test_dashes(text: str) -> None:
    assert is_dash(text)
    assert not is_ditto(text)
    assert read_number(text) is None


@pytest.mark.parametrize("text", ['"', "〃", ",,", "''", "do.", "Do", "id.", "idem", "„"])
def test_dittos(text: str) -> None:
    assert is_ditto(text)
    assert not is_dash(text)


@pytest.mark.parametrize("text", ["Tr.", "trace", "T", "gouttes", "Spur", "inap."])
def test_traces(text: str) -> None:
    assert is_trace(text)
    assert read_number(text) is None


@pytest.mark.parametrize("text", ["0", "0.0", "1", "11", "SW", "d", "5"])
def test_what_is_no_sign(text: str) -> None:
    assert not is_dash(text)
    assert not is_ditto(text)
    assert not is_trace(text)


@pytest.mark.parametrize(
    ("text", "day"),
    [("5", 5), ("5th", 5), ("Mon. 5", 5), ("31 M.", 31), ("1er", 1), ("5/3", 5),
     ("31-12-1899", 31), ("4/VII", 4), ("32", None), ("0", None),
     ("Mean", None), ("5.5", None)],
)  # fmt: skip
def test_days(text: str, day: int | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "hour"),
    [("7", "7"), ("14:30", "14.5"), ("9 a.m.", "9"), ("9 p.m.", "21"), ("12 a.m.", "0"),
     ("12 p.m.", "12"), ("Noon.", None), ("Noon", "12"), ("Mid-night.", "24"), ("7h", "7"),
     ("19h20", "19.33"), ("2 Uhr", "2"), ("25", None), ("Mean", None), ("", None)],
)  # fmt: skip
def test_hours(text: str, hour: str | None) -> None:
    assert read_hour(text) == (None if hour is None else Decimal(hour))


@pytest.mark.parametrize(
    "text",
    [
        "N",
        "N.N.E.",
        "SW. 3",
        "W by S",
        "WbS",
        "NzO",
        "Ost",
        "ouest",
        "calme",
        "C",
        "ESE 2-3",
        "L",
        "nord-est",
        "Z.W.",
    ],
)
def test_points_of_the_compass(text: str) -> None:
    assert is_direction(text)


@pytest.mark.parametrize("text", ["5", "Snow", "Mean", "", "12.3", "None", "Sum"])
def test_what_is_no_direction(text: str) -> None:
    assert not is_direction(text)
