from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.forms.form import Form, FormColumn
from pipeline.observations.axes import Measured, Part, find_parts
from pipeline.observations.dates import PageDate
from pipeline.observations.station import ObservedColumn, Station
from pipeline.page import Table
from tests.storage.pages import transcription


def _table(*rows: list[str]) -> Table:
    return transcription((), list(rows)).tables[0]


def _part(*rows: list[str], date: PageDate | None = None, notes: tuple[str, ...] = ()) -> Part:
    (part,) = find_parts(_table(*rows), date or PageDate(1898, 2), notes)
    return part


def _days(part: Part) -> list[int | None]:
    return [row.date.day if row.date else None for row in part.rows]


def _register(days: list[str]) -> list[list[str]]:
    return [["Day", "Max. temp. °F", "Min. temp. °F"]] + [
        [day, f"{55 + (i * 7) % 10}.{i % 10}", f"{40 + (i * 3) % 8}.{i % 7}"]
        for i, day in enumerate(days)
    ]


def test_totals_and_means_are_of_no_day() -> None:
    days = [str(day) for day in range(1, 11)] + ["Sums", "Means"]
    part = _part(*_register(days))
    assert _days(part) == [None, *range(1, 11), None, None]
    assert part.measured == (
        None,
        Measured("Tx", "[degF]", "maximum"),
        Measured("Tn", "[degF]", "minimum"),
    )


def test_a_day_that_is_out_of_order_is_not_believed_but_counted() -> None:
    days = [*map(str, range(1, 5)), "51", "6", "1", "8", "", "10"]
    assert _days(_part(*_register(days))) == [None, *range(1, 11)]


def test_days_that_are_in_step_are_believed_before_others() -> None:
    days = ["1", "1", "D", *map(str, range(4, 12)), "MEAN."]
    assert _days(_part(*_register(days))) == [None, *range(1, 12), None]


def test_days_of_the_next_month_follow() -> None:
    days = [*map(str, range(20, 29)), *map(str, range(1, 6))]
    part = _part(*_register(days))
    dates = [row.date for row in part.rows if row.date]
    assert dates[0] == datetime.date(1898, 2, 20)
    assert dates[-1] == datetime.date(1898, 3, 5)
    assert len(dates) == 14


def test_a_month_has_no_more_days_than_it_has() -> None:
    part = _part(*_register([str(day) for day in range(1, 32)]))
    assert [day for day in _days(part) if day] == list(range(1, 29))


def test_several_hours_a_day_each_in_a_row() -> None:
    rows = [["Day", "Hour", "Barometer Ins."]]
    for day in range(1, 6):
        rows += [
            [str(day), "7", f"29.{day}01"],
            ["", "14", f"29.{day}11"],
            ["", "21", f"29.{day}0"],
        ]
    part = _part(*rows)
    assert _days(part)[1:] == [day for day in range(1, 6) for _ in range(3)]
    assert [row.minutes for row in part.rows[1:4]] == [420, 840, 1260]


def test_two_halves_of_a_month_side_by_side() -> None:
    rows = [["Day", "Rain mm", "Day", "Rain mm"]]
    rows += [[str(day), f"{day}.5", str(day + 15), f"{day}.25"] for day in range(1, 16)]
    left, right = find_parts(_table(*rows), PageDate(1898, 3))
    assert (left.first, left.last, right.first, right.last) == (0, 1, 2, 3)
    assert _days(left)[1:] == list(range(1, 16))
    assert _days(right)[1:] == list(range(16, 31))


def test_a_page_a_day_has_its_hours_in_rows() -> None:
    rows = [["Hour", "Barometer Ins.", "Dry bulb °F"]]
    rows += [[str(hour), f"29.{hour:03}", f"5{hour % 10}.0"] for hour in range(1, 25)]
    rows += [["Mean", "29.012", "54.5"]]
    part = _part(*rows, date=PageDate(1898, 2, 28))
    assert {row.date for row in part.rows[1:25]} == {datetime.date(1898, 2, 28)}
    assert [row.minutes for row in part.rows[1:3]] == [60, 120]
    assert part.rows[25].date is None


def test_months_down_and_days_across() -> None:
    head = ["Month", *map(str, range(1, 32)), "Sum"]
    rows = [[m, *("0.5" if (i + d) % 3 else "1.5" for d in range(31)), "20"] for i, m in
            enumerate(("Jan.", "Feb.", "March"))]  # fmt: skip
    part = _part(head, *rows, date=PageDate(1911), notes=("RAINFALL in mm.",))
    assert [row.date for row in part.rows[1:]] == [
        datetime.date(1911, month, 1) for month in (1, 2, 3)
    ]
    assert [axis.days for axis in part.columns] == [None, *range(31), None]
    assert part.measured[1] == Measured("rr", "mm", "sum")
    assert part.measured[-1] is None, "a sum is no day"


@pytest.mark.parametrize("date", [None, PageDate(1898)])
def test_without_a_month_there_are_no_observations(date: PageDate | None) -> None:
    table = _table(*_register([str(day) for day in range(1, 11)]))
    assert find_parts(table, date) == ()


def test_what_the_station_says_of_columns_counts() -> None:
    columns = (
        ObservedColumn(head="max", variable="TGn", hour="9:00"),
        ObservedColumn(head="min", variable=""),
        ObservedColumn(unit="Cel"),
        ObservedColumn(head="temp", unit="Cel", variable="ta"),
    )
    station = Station(id="x", latitude=0, longitude=0, time="UTC", columns=columns)
    table = _table(*_register([str(day) for day in range(1, 11)]))
    (part,) = find_parts(table, PageDate(1898, 2), (), station)
    assert part.measured == (None, Measured("TGn", "Cel", "minimum"), None)
    assert part.columns[1].minutes == 540


def test_heads_that_a_page_leaves_out_are_told_by_its_form() -> None:
    rows = [["", *["Ins."] * 3]] + [
        [str(d), *(f"29.{d}0{i}" for i in range(3))] for d in range(1, 9)
    ]
    names = ("Day", "9 a.m. Ins.", "2 p.m. Ins.", "9 p.m. Ins.")
    form = Form(name="f", columns=tuple(FormColumn(name=name, variable="p") for name in names))
    (part,) = find_parts(_table(*rows), PageDate(1898, 2), ("BAROMETER",), None, form)
    assert [axis.minutes for axis in part.columns] == [None, 540, 840, 1260]


@pytest.mark.parametrize(("rows", "counted"), [(30, 30), (31, 30), (32, 30), (29, 0), (33, 0)])
def test_days_that_the_fold_took_are_counted_where_a_month_has_so_many(
    rows: int, counted: int
) -> None:
    table = [["", *["Ins."] * 2]]
    table += [["", f"29.{d % 10}01", f"29.{d % 10}02"] for d in range(1, rows + 1)]
    parts = find_parts(_table(*table), PageDate(1898, 9), ("BAROMETER",))
    days = [row.date.day for part in parts for row in part.rows if row.date]
    assert days == list(range(1, counted + 1))


def test_columns_that_nobody_knows_are_named() -> None:
    rows = [["Day", "Rain mm", "Qq"]] + [[str(d), f"{d}.5", f"{d * d}.5"] for d in range(1, 9)]
    assert _part(*rows).unknown == ("Qq",)


CELL = st.sampled_from(["", "1", "2", "3", "31", "7", "12.5", "-", '"', "Jan.", "Mean", "9 a.m."])


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=8)
    ),
    st.sampled_from([PageDate(1898), PageDate(1898, 2), PageDate(1898, 12, 31), None]),
)
def test_any_table_has_an_axis_for_each_row_and_column(
    grid: list[list[str]], date: PageDate | None
) -> None:
    table = _table(*grid)
    after = -1
    for part in find_parts(table, date, ("Barometer in inches",)):
        assert part.first > after
        after = part.last
        assert len(part.rows) == table.rows
        assert len(part.columns) == len(part.measured) == part.last - part.first + 1
        assert any(part.measured)
        for row in part.rows[: table.header_rows]:
            assert row.date is None
            assert row.days is None
    assert after < table.columns
