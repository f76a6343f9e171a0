from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.observations.heads import column_days, column_minutes, column_months


@pytest.mark.parametrize(
    ("head", "minutes"),
    [
        ("9 a.m.", 540),
        ("Barometer Ins. 9 P.M.", 1260),
        ("7h", 420),
        ("7 h. 30", 450),
        ("Thermometer 14:30", 870),
        ("2 h. soir", 840),
        ("7 heures du soir", 1140),
        ("Wind 8 Uhr Vm.", 480),
        ("Noon", 720),
        ("Midi", 720),
        ("Mid- night.", 1440),
        ("12 a.m.", 0),
        ("12 p.m.", 720),
        ("Max. 24 hrs", None),
        ("0-10", None),
        ("No. 3", None),
        ("29.5", None),
        ("M.", None),
        ("Rain", None),
        ("", None),
    ],
)
def test_hours_that_a_head_names(head: str, minutes: int | None) -> None:
    assert column_minutes([[head]], ["ta"]) == [minutes]


def test_bare_numbers_are_hours_only_beside_others() -> None:
    day = [[str(hour)] for hour in range(1, 25)]
    assert column_minutes(day, ["p"] * 24) == [60 * hour for hour in range(1, 25)]
    assert column_minutes([["7"], ["14"], ["21"]], ["ta"] * 3) == [420, 840, 1260]
    assert column_minutes([["1"], ["2"], ["3"]], ["ta"] * 3) == [None] * 3, "they are numbered"
    assert column_minutes([["1"], ["2"], ["3"]], ["ta"] * 3, "at the hours of") == [60, 120, 180]
    assert column_minutes([["Hour", "1"], ["Hour", "2"]], ["ta"] * 2) == [60, 120]
    assert column_minutes([["7"], ["14"]], ["ta", "p"]) == [None] * 2
    assert column_minutes([["7"], ["14"]], [None, None]) == [None] * 2


def test_the_half_of_the_day_may_stand_above() -> None:
    heads = [["A.M.", "4"], ["A.M.", "12"], ["P.M.", "4"], ["P.M.", "12"], ["Mean"]]
    assert column_minutes(heads, ["ta"] * 5) == [240, 0, 960, 720, None]
    assert column_minutes([["Matin", "8"], ["Soir", "8"]], ["ta"] * 2) == [480, 1200]


def test_months_and_days_above_columns() -> None:
    assert column_months([["Day"], ["Jan."], ["1911", "Févr."], ["Total"]]) == [None, 1, 2, None]
    assert column_months([["Day"], ["Jan."], ["Rain"]]) == [None] * 3, "a lone month is a title"
    days = [["Month"], *([str(day)] for day in range(1, 32)), ["Sum"]]
    assert column_days(days) == [None, *range(1, 32), None]
    assert column_days(days[:20]) == [None] * 20


@given(st.lists(st.lists(st.text(max_size=8), max_size=3), max_size=8), st.booleans())
def test_no_head_breaks_it(levels: list[list[str]], same: bool) -> None:
    variables = ["ta" if same or i % 2 else None for i in range(len(levels))]
    for minutes in column_minutes(levels, variables):
        assert minutes is None or 0 <= minutes <= 1440
    assert len(column_months(levels)) == len(column_days(levels)) == len(levels)
