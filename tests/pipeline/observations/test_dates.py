from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.observations.dates import PageDate, find_date, month_of
from pipeline.observations.station import Dates


@pytest.mark.parametrize(
    ("name", "date"),
    [
        ("1898-02", PageDate(1898, 2)),
        ("1898_02", PageDate(1898, 2)),
        ("203_196905", PageDate(1969, 5)),
        ("6031_196408_SF_YAN", PageDate(1964, 8)),
        ("FW-1899-12-31", PageDate(1899, 12, 31)),
        ("18991231", PageDate(1899, 12, 31)),
        ("31.12.1899 verso", PageDate(1899, 12, 31)),
        ("02-1898", PageDate(1898, 2)),
        ("Feb 1898", PageDate(1898, 2)),
        ("1898 février, p. 3", PageDate(1898, 2)),
        ("Março_1898", PageDate(1898, 3)),
        ("Barometer März 1877", PageDate(1877, 3)),
        ("3 January 1902", PageDate(1902, 1, 3)),
        ("January 3, 1902", PageDate(1902, 1, 3)),
        ("1er mai 1871", PageDate(1871, 5, 1)),
        ("4 de outubro de 1880", PageDate(1880, 10, 4)),
        ("1898", PageDate(1898)),
        ("rain 1911", PageDate(1911)),
        ("1898-02-30", PageDate(1898, 2)),
        ("IMG_0031", None),
        ("page 12", None),
        ("3000-01", None),
        ("", None),
    ],
)
def test_names(name: str, date: PageDate | None) -> None:
    assert find_date(name) == date


@pytest.mark.parametrize(
    ("texts", "date"),
    [
        (["CAPE-HALVARD.", "DECEMBER 1891"], PageDate(1891, 12)),
        (["Register of the month of June, 1875"], PageDate(1875, 6)),
        (["Mois de Mars", "Année 1903"], PageDate(1903, 3)),
        (["Observations for 1903"], PageDate(1903)),
        (["May it please the reader", "1903"], PageDate(1903)),
        (["29.874 1.898", "Height 1200.5 ft"], None),
        (["1901 and 1902", "June"], None),
    ],
)
def test_heads_of_pages(texts: list[str], date: PageDate | None) -> None:
    assert find_date("IMG_7", texts) == date


def test_a_name_s_year_is_helped_out_by_the_heads() -> None:
    assert find_date("book 1891", ["DECEMBER 1891"]) == PageDate(1891, 12)
    assert find_date("book 1891", ["DECEMBER"]) == PageDate(1891, 12)
    assert find_date("book 1891", ["DECEMBER 1892"]) == PageDate(1891, 12)
    assert find_date("page-0003", (), None, "Fort William 1891-03.pdf") == PageDate(1891, 3)


def test_what_is_said_counts_first() -> None:
    said = Dates(pattern=r"y(?P<year>\d{4})m(?P<month>\w+)", pages={"1898-02": "1900-01-31"})
    assert find_date("1898-02", (), said) == PageDate(1900, 1, 31)
    assert find_date("y1888mjuin", (), said) == PageDate(1888, 6)
    assert find_date("y1888m07", (), said) == PageDate(1888, 7)
    assert find_date("y1888mnonsense", ["June 1888"], said) is None
    assert find_date("1898-03", (), said) is None
    assert find_date("1898-03", ["April 1898"], said) == PageDate(1898, 4)


@given(st.dates(datetime.date(1600, 1, 1), datetime.date(2099, 12, 31)))
def test_every_day_is_read_as_it_was_written(day: datetime.date) -> None:
    date = PageDate(day.year, day.month, day.day)
    for written in (f"{day:%Y-%m-%d}", f"{day:%Y%m%d}", f"{day:%d.%m.%Y}", f"{day:%d %B %Y}"):
        assert find_date(f"a {written} b") == date
    assert find_date(f"{day:%B %Y}") == PageDate(day.year, day.month)
    assert date.first == day


@given(st.text(max_size=40))
def test_no_name_breaks_it(name: str) -> None:
    found = find_date(name, [name])
    assert found is None or found.first.year == found.year


def test_months() -> None:
    assert [month_of(word) for word in ("Jan.", "FÉVR.", "Mrt", "Xbre", "Tuesday", "")] == [
        *(1, 2, 3, 12),
        *(None, None),
    ]
