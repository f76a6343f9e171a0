from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.observations.conversion import bearing, conversion, places_of, symbol, west_of


@pytest.mark.parametrize(
    ("variable", "unit", "written", "said", "published"),
    [
        ("ta", "[degF]", "55.3", "12.94", "C"),
        ("ta", "[degF]", "55", "12.8", "C"),
        ("ta", "[degF]", "32", "0.0", "C"),
        ("ta", "[degRe]", "8.0", "10.0", "C"),
        ("Tx", "Cel", "30.5", "30.5", "C"),
        ("p", "[in_i'Hg]", "29.921", "1013.24", "hPa"),
        ("p", "mm[Hg]", "760.5", "1013.9", "hPa"),
        ("p", "hPa", "1013.2", "1013.2", "hPa"),
        ("rr", "[in_i]", "0.08", "2.0", "mm"),
        ("rr", "mm", "0.4", "0.4", "mm"),
        ("sd", "mm", "120", "12.0", "cm"),
        ("w", "[kn_i]", "10", "5.1", "m/s"),
        ("n", "{tenth}", "7", "70", "%"),
        ("rh", None, "85", "85", "%"),
        ("wind_force", "{Bft}", "4", "4", "Bft"),
    ],
)
def test_values_in_the_format_s_units(
    variable: str, unit: str | None, written: str, said: str, published: str
) -> None:
    how = conversion(variable, unit)
    assert how is not None
    value = float(written)
    assert (how(value, places_of(value, written)), how.unit) == (said, published)


@pytest.mark.parametrize(("variable", "unit"), [("ta", None), ("ta", "mm"), ("rr", "[degF]")])
def test_no_unit_is_guessed(variable: str, unit: str | None) -> None:
    assert conversion(variable, unit) is None


@given(st.integers(-9999, 9999), st.integers(0, 3), st.sampled_from(["Cel", "[degF]", "[degRe]"]))
def test_conversion_loses_no_reading(number: int, places: int, unit: str) -> None:
    """Two readings that differ stay different, and none moves by more than half its last digit."""
    how = conversion("ta", unit)
    assert how is not None
    value, after = number / 10**places, (number + 1) / 10**places
    assert how(value, places) != how(after, places)
    told = float(how(value, places))
    assert abs((told - how.offset) / how.factor - value) <= 0.5 / 10**places + 1e-9


def test_decimals_are_those_of_the_paper_or_of_the_value() -> None:
    assert places_of(29.37, "9·370") == 3
    assert places_of(28.5, "285") == 1
    assert places_of(12.0, "") == 0


@pytest.mark.parametrize(
    ("text", "west", "degrees"),
    [
        ("N", "w", 360),
        ("NNE.", "w", 22.5),
        ("S. W.", "w", 225),
        ("NO", "w", 45),
        ("NO", "o", 315),
        ("Sud-Ouest", "o", 225),
        ("Nordost", "w", 45),
        ("ZW", "w", 225),
        ("N. by E.", "w", 11.25),
        ("NW by N", "w", 326.25),
        ("Calm", "w", 0),
        ("Variable", "w", None),
        ("-", "w", None),
        ("12", "w", None),
    ],
)
def test_points_of_the_compass(text: str, west: str, degrees: float | None) -> None:
    assert bearing(text, west) == degrees


def test_a_series_tells_whether_its_o_is_west() -> None:
    assert west_of(["N", "NO", "SW"]) == "w"
    assert west_of(["N", "NO", "E", "SSO"]) == "o"


def test_symbols_hold_nothing_that_parts_entries() -> None:
    for unit in ("Cel", "[degF]", "{Bft}", "[in_i'Hg]", "a|b", None):
        assert not set("|\t=[]{}") & set(symbol(unit))
