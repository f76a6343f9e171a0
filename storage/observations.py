"""Observations: what the cells of a page are of, and when, as Postgres keeps and tells it.

A cell's row says the day, its column the variable; both are kept once for each table
(`mill.observed`), and the view `observations` puts them to the cells. So a page's observations
follow its current run and its station's clock by themselves, and cost hardly any room: a page of
800 values has 60 days and variables.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, text

from pipeline.forms.form import Form
from pipeline.observations.axes import Part, find_parts
from pipeline.observations.dates import find_date
from pipeline.observations.station import Station
from pipeline.page import Transcription
from storage.readings import readings

_BATCH = 5_000

_LOCK = """
    select from mill.transcription
    join mill.page on page.id = transcription.page_id
    join mill.collection on collection.id = page.collection_id
    where transcription.id = :id
    for no key update of transcription for key share of collection
"""
"""Before anything is read: whoever says something of the collection's station waits for us, and
then finds this page, or we wait and then see what was said."""

_OF_READING = """
    select page.name, run.settings, station.said,
        (select source from mill.document join mill.document_page
            on document.id = document_page.document_id
            where document_page.page_id = page.id order by document.id limit 1) as document
    from mill.transcription
    join mill.page on page.id = transcription.page_id
    join mill.run on run.id = transcription.run_id
    left join mill.station on station.collection_id = page.collection_id
    where transcription.id = :id
"""

_INSERT = """
    insert into mill.observed (transcription_id, "table", first_column, last_column, row_dates,
        row_days, row_minutes, column_dates, column_days, column_minutes, variables, units,
        statistics, unknown)
    values (:id, :table, :first, :last, cast(:row_dates as date[]),
        cast(:row_days as smallint[]), cast(:row_minutes as smallint[]),
        cast(:column_dates as date[]), cast(:column_days as smallint[]),
        cast(:column_minutes as smallint[]), cast(:variables as text[]), cast(:units as text[]),
        cast(:statistics as text[]), cast(:unknown as text[]))
"""

_OBSERVATIONS = """
    select collection.name as collection, station, latitude, longitude, altitude, variable,
        statistic, period, utc, date, local_time, value, unit, as_written, raw, flags, status,
        confidence, page, table_number, row_number, column_number, polygon, run.name as run
    from mill.observation
    join mill.collection on collection.id = observation.collection_id
    join mill.run on run.id = observation.run_id
    where (observation.page_id, observation.run_id) in ({pages})
    order by collection.name collate "C", variable collate "C", statistic, date, utc, local_time,
        page collate "C", observation.page_id, table_number, row_number, column_number
"""

_SILENT = """
    select page.name, coalesce(
        (select array_agg(distinct head) from mill.observed, unnest(unknown) as head
            where observed.transcription_id = transcription.id), '{{}}') as unknown,
        exists (select from mill.observed
            where observed.transcription_id = transcription.id) as observed
    from mill.transcription
    join mill.page on page.id = transcription.page_id
    where (transcription.page_id, transcription.run_id) in ({pages})
        and exists (select from mill."table" where transcription_id = transcription.id)
        and not exists (select from mill.observed where unknown = '{{}}'
            and observed.transcription_id = transcription.id)
    order by page.name collate "C", page.id
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """One value at a station: what it is of, when, how it was written, and where it stands.

    `utc` and `local_time` (since local midnight of `date`, to 24 h) are null where no hour is
    known; `period` is the Station Exchange Format's. `value` is in `unit` (UCUM) and null where
    what was written is no number. Rows and columns count from 0.
    """

    collection: str
    station: str | None
    latitude: float | None
    longitude: float | None
    altitude: float | None
    variable: str
    statistic: str
    period: str
    utc: datetime.datetime | None
    date: datetime.date
    local_time: datetime.timedelta | None
    value: float | None
    unit: str | None
    as_written: str
    raw: str
    flags: list[str]
    status: str
    confidence: float
    page: str
    table_number: int
    row_number: int
    column_number: int
    polygon: list[list[float]]
    run: str


@dataclass(frozen=True, slots=True)
class Silent:
    """A page with tables that do not tell all they hold.

    Nothing of it is `observed` where no date or no variable is known; otherwise `unknown` are the
    heads of columns whose variable is not.
    """

    page: str
    unknown: list[str]
    observed: bool


def write(connection: Connection, transcription_id: int, transcription: Transcription) -> None:
    """Store what the tables of a stored transcription observed, in place of what was before.

    The page's name, the lines of text on it, its collection's station and the form of its run
    tell. The caller commits.
    """
    key = {"id": transcription_id}
    connection.execute(text(_LOCK), key)
    connection.execute(text("delete from mill.observed where transcription_id = :id"), key)
    if not transcription.tables:
        return
    page = connection.execute(text(_OF_READING), key).one()
    station = None if page.said is None else Station.model_validate(page.said)
    notes = [line.text for line in transcription.lines]
    date = find_date(page.name, notes, station.dates if station else None, page.document)
    form = form_of(page.settings)
    rows = [
        _row(transcription_id, number, part)
        for number, table in enumerate(transcription.tables)
        for part in find_parts(table, date, notes, station, form)
    ]
    if rows:
        connection.execute(text(_INSERT), rows)


def observations_of(
    connection: Connection, collection: str | None = None, job: int | None = None
) -> Iterator[Observation]:
    """Yield what the pages of a job or a collection, or all, observed: by variable, then by time.

    The connection must stay in one transaction meanwhile. Raises `BadInput` where there is no such
    job or collection.
    """
    pages, parameters = readings(connection, collection, job)
    options = {"stream_results": True, "yield_per": _BATCH}
    query = text(_OBSERVATIONS.format(pages=pages))
    with connection.execute(query, parameters, execution_options=options) as rows:
        for row in rows:
            yield Observation(*row)


def silent_pages(
    connection: Connection, collection: str | None = None, job: int | None = None
) -> list[Silent]:
    """Return the pages of a job or a collection, or all, that hold more than was observed."""
    pages, parameters = readings(connection, collection, job)
    rows = connection.execute(text(_SILENT.format(pages=pages)), parameters)
    return [Silent(row.name, row.unknown, row.observed) for row in rows]


def _row(transcription_id: int, table: int, part: Part) -> dict[str, Any]:
    return {
        "id": transcription_id,
        "table": table,
        "first": part.first,
        "last": part.last,
        "row_dates": [row.date for row in part.rows],
        "row_days": [row.days for row in part.rows],
        "row_minutes": [row.minutes for row in part.rows],
        "column_dates": [column.date for column in part.columns],
        "column_days": [column.days for column in part.columns],
        "column_minutes": [column.minutes for column in part.columns],
        "variables": [each and each.variable for each in part.measured],
        "units": [each and each.unit for each in part.measured],
        "statistics": [each and each.statistic for each in part.measured],
        "unknown": list(part.unknown),
    }


def form_of(settings: Mapping[str, Any]) -> Form | None:
    """Return the form that a run read its tables by, `None` where it had none we understand."""
    said = settings.get("tables", {}).get("form")
    try:
        return None if said is None else Form.model_validate(said)
    except ValidationError:  # of another version of the code
        return None
