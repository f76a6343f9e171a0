"""A column of numbers agrees on how they are written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.page import Alternative, Reading
from pipeline.tables.column import fit_shape, is_numeric, odd, settle
from pipeline.tables.values import parse_value, shape


def read(text: str, *others: str) -> Reading:
    texts = (text, *others)
    return Reading(text, 0.9, tuple(Alternative(t, -0.1 - i) for i, t in enumerate(texts)))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9·093", 9.093),
        ("28,0", 28.0),
        ("−3.5", -3.5),
        ("– 3", -3.0),
        ("+0.2", 0.2),
        (".5", 0.5),
        ("1O", None),
        ("", None),
        ("1.2.3", None),
        ("Mean.", None),
        ("٣", None),
    ],
)
def test_numbers_as_pages_write_them(text: str, value: float | None) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("text", "pattern", "fitted"),
    [
        ("9·093", "d.ddd", "9.093"),
        ("9093", "d.ddd", "9.093"),
        ("0-070", "d.ddd", "0.070"),
        ("·0.070.", "d.ddd", "0.070"),
        ("-93", "-d.d", "-9.3"),
        ("19.870", "d.ddd", None),
        ("9.87", "d.ddd", None),
        ("9.0.93", "d.ddd", None),
        ("403.5", "dddd", None),
        ("", "d.ddd", None),
        ("9", "*", "9"),
        ("31.", "*", "31"),
        ("3.1", "*", None),
        ("9.5", "*.d", "9.5"),
        ("-10·5", "*.d", "-10.5"),
        ("105", "*.d", None),
    ],
)
def test_fitting_puts_a_lost_mark_back(text: str, pattern: str, fitted: str | None) -> None:
    assert fit_shape(text, pattern) == fitted


@given(st.from_regex(r"\A-?[0-9]{1,3}\.[0-9]{1,3}\Z"))
def test_a_number_fits_its_own_pattern(text: str) -> None:
    assert fit_shape(text, shape(text)) == text


@given(st.text(max_size=8), st.sampled_from(["d.ddd", "dd.d", "dd", "-d.d"]))
def test_fitting_keeps_every_digit_in_order(text: str, pattern: str) -> None:
    fitted = fit_shape(text, pattern)
    if fitted is not None:
        assert [c for c in fitted if c in "0123456789"] == [c for c in text if c in "0123456789"]
        assert parse_value(fitted) is not None


def test_the_alternative_that_fits_is_taken_and_called_doubtful() -> None:
    column = {i: read(f"9.0{i}5") for i in range(6)} | {9: read("9.44", "9.444")}
    says = settle(column)
    assert odd(column) == []
    assert says[9].text == "9.444"
    assert says[9].status == "doubtful"
    assert says[9].confidence == pytest.approx(0.333, abs=0.01)
    assert says[0].status == "plain"


def test_an_alternative_that_hardly_anyone_read_is_no_reason_not_to_look_again() -> None:
    sure = Reading(
        "9.44", 0.99, (Alternative("9.44", math.log(0.99)), Alternative("9.944", math.log(0.001)))
    )
    assert odd({i: read(f"9.0{i}5") for i in range(6)} | {9: sure}) == [9]


def test_what_fits_in_no_way_is_kept_and_called_doubtful() -> None:
    column = {i: read(f"9.0{i}5") for i in range(6)} | {9: read("1l.870")}
    assert odd(column) == [9]
    assert settle(column)[9].text == "1l.870"
    assert settle(column)[9].status == "doubtful"


def test_whole_numbers_of_any_length_are_not_doubted() -> None:
    says = settle({day: read(str(day)) for day in range(1, 32)})
    assert {s.status for s in says.values()} == {"plain"}


def test_temperatures_of_any_length_are_not_doubted() -> None:
    column = {i: read(f"{t:.1f}") for i, t in enumerate([9.5, 10.2, -3.0, 11.8, 8.1, 100.4])}
    assert {s.status for s in settle(column).values()} == {"plain"}
    assert settle(column | {9: read("102")})[9].status == "doubtful"


def test_words_in_a_column_of_numbers_stay_words() -> None:
    column = {i: read(f"0.1{i}0") for i in range(6)} | {9: read("MEAN."), 8: read("Ins.")}
    assert odd(column) == []
    assert settle(column)[9].text == "MEAN."
    assert settle(column)[8].text == "Ins."


def test_a_column_of_words_is_left_alone() -> None:
    column = {i: read(t) for i, t in enumerate(["Fog", "Rain", "do.", "Gale 4", "12"])}
    assert odd(column) == []
    assert {k: s.text for k, s in settle(column).items()} == {k: r.text for k, r in column.items()}


def test_numbers_dominate_a_numeric_column() -> None:
    assert is_numeric(["1", "2", "3", "", "MEAN."])
    assert not is_numeric(["a", "b", "3"])
    assert not is_numeric(["1", "2"])
