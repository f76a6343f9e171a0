from __future__ import annotations

import datetime
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput
from pipeline.observations.station import Dates, ObservedColumn, Station
from pipeline.page import Transcription
from storage.observations import observations_of, silent_pages
from storage.runs import ensure_run
from storage.stations import find_station, observe_again, set_station
from storage.transcriptions import save
from tests.storage.pages import MakePage, transcription

HOURS = [
    ["Day", "Barometer Ins. 9 a.m.", "Barometer Ins. 9 p.m.", "Mean"],
    ["1", "29.874", "29.901", "29.888"],
    ["2", "30.012", "-", "30.012"],
    ["Mean", "29.943", "29.901", "29.950"],
]
STATION = Station(
    id="PORT", name="Port Elsay", latitude=50, longitude=-15, altitude=12, time="solar"
)


def _told(connection: sqlalchemy.Connection, what: str) -> list[tuple[object, ...]]:
    rows = connection.execute(text(f"select {what} from observations order by date, column_number"))
    return [tuple(row) for row in rows]


def _times(connection: sqlalchemy.Connection) -> list[str | None]:
    return [None if utc is None else str(utc) for (utc,) in _told(connection, "utc")]


def test_a_cell_is_of_its_row_s_day_and_its_column_s_hour(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    set_station(connection, "ledgers", STATION)
    save(connection, make_page("1898-02"), run_id, transcription((), HOURS))
    assert _told(connection, "variable, unit, utc::text, value, as_written, statistic, period") == [
        ("p", "[in_i'Hg]", "1898-02-01 10:00:00", 29.874, "29.874", "point", "0"),
        ("p", "[in_i'Hg]", "1898-02-01 22:00:00", 29.901, "29.901", "point", "0"),
        ("p", "[in_i'Hg]", "1898-02-02 10:00:00", 30.012, "30.012", "point", "0"),
        ("p", "[in_i'Hg]", "1898-02-02 22:00:00", None, "-", "point", "0"),
    ]
    assert _told(
        connection,
        "distinct station, latitude, altitude, collection, page, 1 as date, 1 as column_number",
    ) == [("PORT", 50, 12, "ledgers", "1898-02", 1, 1)]


@pytest.mark.parametrize(
    ("clock", "longitude", "utc"),
    [
        ("Europe/London", 0, "1941-07-01 07:00:00"),  # double summer time
        ("+01:00", 0, "1941-07-01 08:00:00"),
        ("-03:30", 0, "1941-07-01 12:30:00"),
        ("UTC", 0, "1941-07-01 09:00:00"),
        ("solar", 29.25, "1941-07-01 07:03:00"),
        ("Africa/Lubumbashi", 0, "1941-07-01 07:00:00"),
    ],
)
def test_clocks(
    clock: str,
    longitude: float,
    utc: str,
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
) -> None:
    save(connection, make_page("1941-07"), run_id, transcription((), HOURS))
    assert _times(connection) == [None] * 4, "nobody has said by which clock"
    station = Station(id="X", latitude=0, longitude=longitude, time=clock)
    set_station(connection, "ledgers", station)
    assert _times(connection)[0] == utc


def test_values_without_an_hour_keep_their_day(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    grid = [["Day", "Max. Temp. °F", "Rain mm"], ["1", "71.3", "0.4"], ["2", "68.0", ""]]
    set_station(connection, "ledgers", STATION)
    save(connection, make_page("july 1899"), run_id, transcription((), grid))
    day = datetime.date(1899, 7, 1)
    assert _told(connection, "variable, utc, date, local_time, unit, statistic, period")[:2] == [
        ("Tx", None, day, None, "[degF]", "maximum", "day"),
        ("rr", None, day, None, "mm", "sum", "day"),
    ]
    hour = ObservedColumn(head="Rain", hour="08:00")
    set_station(connection, "ledgers", STATION.model_copy(update={"columns": (hour,)}))
    connection.commit()
    assert observe_again(connection.engine, "ledgers") == 1
    assert _told(connection, "variable, utc::text, period")[1] == (
        *("rr", "1899-07-01 09:00:00", "p1day"),
    )


def test_observations_follow_the_current_run_and_jobs_their_own(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("1898-02")
    save(connection, page, run_id, transcription((), HOURS))
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    save(connection, page, newer, transcription((), HOURS[:3]))
    connection.execute(text("delete from mill.cell where text = '-' and transcription_id = 2"))
    assert len(_told(connection, "value")) == 3
    job = connection.scalar(
        text(
            "insert into mill.job (kind, collection_id, run_id)"
            " select 'reprocess', id, :run from mill.collection returning id"
        ),
        {"run": run_id},
    )
    connection.execute(
        text("insert into mill.job_page (job_id, page_id) values (:job, :page)"),
        {"job": job, "page": page},
    )
    assert [o.run[:7] for o in observations_of(connection, job=job)] == ["default"] * 4
    assert [o.run[:6] for o in observations_of(connection, "ledgers")] == ["better"] * 3


def test_what_is_said_of_columns_and_pages_counts_before_what_is_seen(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    days = [[str(day), f"9.{day}", f"8.{day}", f"{50 - day}.5"] for day in range(1, 9)]
    grid = [["", "I", "II", "III"], *days]
    page = make_page("IMG_7")
    save(connection, page, run_id, transcription((), grid))
    assert _told(connection, "value") == []
    assert [(s.page, s.observed) for s in silent_pages(connection)] == [("IMG_7", False)]
    columns = (
        ObservedColumn(number=1, variable="ta", unit="Cel", hour="07:00"),
        ObservedColumn(head="^II$", variable="tb", unit="Cel"),
    )
    said = STATION.model_copy(
        update={"columns": columns, "dates": Dates(pages={"IMG_7": "1901-12"})}
    )
    set_station(connection, "ledgers", said)
    connection.commit()
    for _ in range(2):
        observe_again(connection.engine, "ledgers")
    assert _told(connection, "variable, utc::text, value")[:4] == [
        ("ta", "1901-12-01 08:00:00", 9.1),
        ("tb", None, 8.1),
        ("ta", "1901-12-02 08:00:00", 9.2),
        ("tb", None, 8.2),
    ]
    assert [s.unknown for s in silent_pages(connection, "ledgers")] == [["III"]]
    assert find_station(connection, "ledgers") == said


def test_a_page_saved_while_its_station_is_described_is_of_that_station(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """A worker that is about to save a page as if nothing were said holds the description up."""
    page = make_page("IMG_7")
    save(connection, page, run_id, transcription((), HOURS))
    said = STATION.model_copy(update={"dates": Dates(pages={"IMG_7": "1901-12"})})
    described = threading.Event()

    def describe() -> None:
        with connection.engine.begin() as other:
            set_station(other, "ledgers", said)
        observe_again(connection.engine, "ledgers")
        described.set()

    thread = threading.Thread(target=describe)
    thread.start()
    assert not described.wait(0.5)
    connection.commit()
    thread.join(20)
    assert _times(connection)[0] == "1901-12-01 10:00:00"


def test_flags_are_what_failed(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = transcription((), HOURS)
    checks = ("mean:pass", "sum:fail", "qc:limits", "interval:1..2")
    flagged = replace(
        page,
        tables=tuple(
            replace(table, cells=tuple(replace(cell, checks=checks) for cell in table.cells))
            for table in page.tables
        ),
    )
    save(connection, make_page("1898-02"), run_id, flagged)
    assert {str(flags) for (flags,) in _told(connection, "flags")} == {"['sum:fail', 'limits']"}


def test_months_across_and_days_down(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """A year of rain on a page: February has no 30th, whatever stands there."""
    days = [[str(day), "1.0", "2.0", "9"] for day in range(1, 32)]
    grid = [["", "Jan.", "Feb.", "Total"], *days]
    save(connection, make_page("rain 1911"), run_id, transcription(("RAINFALL in mm",), grid))
    told = _told(connection, "date, variable, value")
    assert len(told) == 31 + 28
    assert told[30] == (datetime.date(1911, 1, 31), "rr", 1.0)
    assert told[-1] == (datetime.date(1911, 2, 28), "rr", 2.0)


@pytest.fixture
def no_table() -> Transcription:
    return transcription(("Remarks, 1898",))


def test_a_page_of_prose_observes_nothing(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int, no_table: Transcription
) -> None:
    save(connection, make_page("1898-02"), run_id, no_table)
    assert _told(connection, "value") == []
    assert silent_pages(connection) == []


def test_zones_that_nobody_knows_are_refused(connection: sqlalchemy.Connection) -> None:
    with pytest.raises(BadInput, match="no such time zone"):
        set_station(connection, "x", Station(id="X", latitude=0, longitude=0, time="Europe/Paname"))
    assert find_station(connection, "x") is None


@pytest.mark.parametrize("scope", [{"collection": "none"}, {"job": 99}])
def test_what_is_not_there_says_so(
    scope: dict[str, object], connection: sqlalchemy.Connection
) -> None:
    with pytest.raises(BadInput, match="no such"):
        next(_first(connection, scope))


def _first(connection: sqlalchemy.Connection, scope: dict[str, object]) -> Iterator[object]:
    return observations_of(connection, **scope)  # type: ignore[arg-type]


def test_the_view_costs_no_more_than_the_pages_that_are_asked_for(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    """However many pages there are, one page's observations are found by keys."""
    for month in range(1, 13):
        save(connection, make_page(f"1898-{month:02}"), run_id, transcription((), HOURS))
    connection.execute(text("set local enable_seqscan = off"))
    connection.execute(text("analyze mill.cell, mill.observed, mill.transcription, mill.page"))
    plan = "\n".join(
        connection.scalars(text("explain select value from observations where page_id = 3"))
    )
    assert re.search(r"\bcell\w*_pkey", plan)  # of a partition
    assert "observed_pkey" in plan
