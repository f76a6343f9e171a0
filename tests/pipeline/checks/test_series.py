"""Quality control: what cannot be, or hardly is, in a series."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.checks.limits import gross_limits, range_flags, tolerance
from pipeline.checks.series import anomalies, outliers, repeated, series_flags

START = datetime(1899, 1, 1)  # noqa: DTZ001


def days(count: int) -> list[datetime]:
    return [START + timedelta(days=i) for i in range(count)]


def hours(count: int, step: int = 1) -> list[datetime]:
    return [START + timedelta(hours=step * i) for i in range(count)]


def wave(count: int) -> list[float]:
    """Return weather: it goes up and down, and never quite repeats."""
    return [round(10 + 5 * ((i * 7) % 11) / 11 + 0.1 * (i % 3), 1) for i in range(count)]


@pytest.mark.parametrize(
    ("variable", "value", "flagged"),
    [
        ("rh", 101, ("impossible_values",)),
        ("rh", 100, ()),
        ("rr", -0.1, ("impossible_values",)),
        ("dd", 361, ("impossible_values",)),
        ("wind_force", 13, ("impossible_values",)),
        ("ta", 51, ("wmo_gross_errors",)),
        ("ta", 49, ()),
        ("Tx", -85, ("wmo_gross_errors",)),
        ("p", 399, ("wmo_gross_errors",)),
        ("mslp", 899, ("wmo_gross_errors",)),
        ("mslp", 1081, ("wmo_gross_errors",)),
        ("Tn", -60, ()),
        ("unknown", 1e9, ()),
    ],
)
def test_limits_at_any_latitude(variable: str, value: float, flagged: tuple[str, ...]) -> None:
    assert range_flags(variable, value) == flagged


def test_limits_by_latitude_and_season() -> None:
    assert gross_limits("ta", 60, 1) == (-80, 35)
    assert gross_limits("ta", 60, 7) == (-30, 40)
    assert gross_limits("ta", -60, 7) == (-80, 35)
    assert gross_limits("ta", 5, 1) == (-30, 50)
    assert gross_limits("ta", None, None) == (-80, 50)
    assert range_flags("ta", -35, latitude=52, month=7) == ("wmo_gross_errors",)
    assert range_flags("ta", -35, latitude=52, month=1) == ()


def test_limits_of_days_and_hours() -> None:
    assert range_flags("rr", 150, daily=True) == ()
    assert range_flags("rr", 150, daily=False) == ("subdaily_out_of_range",)
    assert range_flags("Tn", 31, daily=True, latitude=0) == ("daily_out_of_range",)
    assert range_flags("Tn", -41, daily=True, latitude=65) == ()


@given(st.floats(-90, 90), st.integers(1, 12))
def test_known_places_have_no_wider_limits_than_unknown_ones(latitude: float, month: int) -> None:
    for variable in ("ta", "td", "mslp", "w", "p"):
        wide, narrow = gross_limits(variable, None, None), gross_limits(variable, latitude, month)
        assert wide is not None
        assert narrow is not None
        assert wide[0] <= narrow[0] < narrow[1] <= wide[1]


def test_tolerances_grow_with_time() -> None:
    assert [tolerance("p", h) for h in (1, 2, 3, 6, 12, 13)] == [3, 6, 9, 18, 36, None]
    assert tolerance("mslp", 2) == 6
    assert tolerance("rr", 1) is None


def test_a_good_series_has_no_flags() -> None:
    assert series_flags(days(60), wave(60), "Tx", "Cel", daily=True) == [()] * 60
    assert series_flags([], [], "Tx", "Cel", daily=True) == []


def test_days_that_differ_too_much() -> None:
    values = wave(30)
    values[10] = 40.0
    found = series_flags(days(30), values, "Tx", "Cel", daily=True)
    assert "temporal_coherence" in found[10]
    assert "series_anomaly" in found[10]
    assert "climatic_outliers" in found[10]
    assert "series_anomaly" not in found[12]


def test_hours_that_differ_too_much_in_their_own_unit() -> None:
    values = [29.5 + 0.01 * (i % 5) for i in range(40)]
    values[22] += 0.15  # inches: 5.1 hPa
    found = series_flags(hours(40), values, "p", "[in_i'Hg]", daily=False)
    assert [i for i, names in enumerate(found) if "wmo_time_consistency" in names] == [21, 22, 23]
    slow = series_flags(hours(40, step=3), values, "p", "[in_i'Hg]", daily=False)
    assert not any("wmo_time_consistency" in names for names in slow)


def test_a_unit_not_known_leaves_the_tests_that_need_none() -> None:
    values = wave(30)
    values[10] = 400.0
    found = series_flags(days(30), values, "Tx", None, daily=True)
    assert found[10] == ("series_anomaly", "climatic_outliers")


def test_nine_oktas_are_a_sky_that_cannot_be_seen() -> None:
    found = series_flags(days(3), [8.0, 9.0, 10.0], "n", "{okta}", daily=True)
    assert found == [(), (), ("impossible_values",)]


def test_repetitions_but_not_of_dry_days() -> None:
    assert repeated([1, 2, 2, 2, 2, 3], 4) == [1, 2, 3, 4]
    assert repeated([1, 2, 2, 2, 3], 4) == []
    assert repeated([0, 0, 0, 0], 4, zeros=False) == []
    assert repeated([5, 5, 5, 5], 4) == [0, 1, 2, 3]
    assert repeated([], 4) == []
    found = series_flags(days(8), [0.0, 0, 0, 0, 0, 2.0, 0, 0], "rr", "mm", daily=True)
    assert found == [()] * 8


def test_dates_and_times_that_stand_twice() -> None:
    twice = days(5) + days(1)
    found = series_flags(twice, [1.0, 2, 3, 4, 5, 6], "Tx", "Cel", daily=True)
    assert [bool(names) for names in found] == [True, False, False, False, False, True]
    assert found[0] == ("duplicate_dates",)
    times = [*hours(3), START]
    assert series_flags(times, [1.0, 2, 3, 1.5], "ta", "Cel", daily=False)[3] == (
        "duplicate_times",
    )


def test_the_order_of_a_series_does_not_matter() -> None:
    times, values = days(40), wave(40)
    values[7] = 45.5
    straight = series_flags(times, values, "Tx", "Cel", daily=True, latitude=10)
    turned = series_flags(times[::-1], values[::-1], "Tx", "Cel", daily=True, latitude=10)
    assert turned[::-1] == straight
    assert "daily_out_of_range" in straight[7]


@given(st.lists(st.floats(-50, 50), max_size=60), st.sampled_from(["rr", "ta", "n", "p"]))
def test_any_series_can_be_judged(values: list[float], variable: str) -> None:
    found = series_flags(days(len(values)), values, variable, "mm", daily=True)
    assert len(found) == len(values)
    assert set(outliers(values, variable)) <= set(range(len(values)))


def test_few_or_equal_values_have_no_anomalies() -> None:
    assert anomalies([1.0, 2.0, 99.0]) == []
    assert anomalies([5.0] * 30 + [9.0]) == []
