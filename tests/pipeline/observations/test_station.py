from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.errors import BadInput
from pipeline.observations.station import TEMPLATE, Said, Station, parse_station

PLACE = "id = 'X'\nlatitude = 1\nlongitude = 29.25\ntime = "


@pytest.mark.parametrize(
    ("time", "offset", "zone"),
    [
        ("solar", timedelta(hours=1, minutes=57), None),
        ("+01:00", timedelta(hours=1), None),
        ("-3:30", -timedelta(hours=3, minutes=30), None),
        ("+2", timedelta(hours=2), None),
        ("GMT", timedelta(0), None),
        ("Europe/London", None, "Europe/London"),
    ],
)
def test_clocks(time: str, offset: timedelta | None, zone: str | None) -> None:
    station = parse_station(f"{PLACE}'{time}'", "x.toml")
    assert (station.offset, station.zone) == (offset, zone)


def test_what_is_said_first_of_a_column_counts() -> None:
    station = parse_station(
        f"""{PLACE}'UTC'
        [[columns]]
        number = 2
        last = 4
        hour = "07:00"
        every = "06:30"
        [[columns]]
        head = "^baro"
        variable = "p"
        hour = "12:00"
        [[columns]]
        number = 3
        unit = "hPa"
        variable = ""
        """,
        "x.toml",
    )
    assert station.said_of(1, "Rain") == Said()
    assert station.said_of(1, "Barometer") == Said("p", None, None, 720)
    assert station.said_of(3, "Barometer") == Said("p", "hPa", None, 810)
    assert station.said_of(3, "Rain") == Said("", "hPa", None, 810)
    assert station.said_of(4, "Rain").minutes == 1200


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        ("last = 3", "need the number"),
        ("number = 3\nlast = 2", "before the first"),
        ("number = 1\nlast = 25\nhour = '01:00'\nevery = '01:00'", "after midnight"),
    ],
)
def test_columns_that_cannot_be(column: str, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        parse_station(f"{PLACE}'UTC'\n[[columns]]\n{column}", "x.toml")


def test_the_template_with_all_its_comments_taken_in_is_a_station() -> None:
    text = (
        "\n".join(
            line[2:] if line.startswith("# ") and ("=" in line or "[" in line) else line
            for line in TEMPLATE.splitlines()[1:]
        )
        .replace("The clock", "#")
        .replace('or "solar"', "#")
    )
    station = parse_station(
        "\n".join(
            line for line in text.splitlines() if "=" in line or line.strip().startswith("[")
        ),
        "template",
    )
    assert isinstance(station, Station)
    assert len(station.columns) == 2
    assert station.dates.pages
    assert station.meta
