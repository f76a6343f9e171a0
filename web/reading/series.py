"""What a collection observed, variable by variable, in the order of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

MOST = 20_000
"""Values of one series that are read."""

_SECONDS = 20

_VARIABLES = """
    select variable, statistic, unit, count(distinct page_id) as pages
    from (
        select page.id as page_id, unnest(observed.variables) as variable,
            unnest(observed.statistics) as statistic, unnest(observed.units) as unit
        from mill.observed
        join mill.transcription on transcription.id = observed.transcription_id
        join mill.page on page.id = transcription.page_id
            and page.current_run_id = transcription.run_id
        where page.collection_id = :collection
    ) as column_
    where variable is not null and statistic is not null
    group by variable, statistic, unit order by variable, statistic, unit
"""

_VALUES = """
    select observation.date, observation.local_time, observation.value, observation.as_written,
        observation.flags, observation.status, observation.page_id, observation.page,
        observation.table_number as table, observation.row_number as row,
        observation.column_number as column, observation.run_id
    from mill.observation
    join mill.page on page.id = observation.page_id and page.current_run_id = observation.run_id
    where page.collection_id = :collection and observation.variable = :variable
        and observation.statistic = :statistic
        and observation.unit is not distinct from cast(:unit as text)
        and observation.value is not null
        and (cast(:first as date) is null or observation.date >= :first)
        and (cast(:last as date) is null or observation.date <= :last)
    order by observation.date, observation.local_time, observation.page_id, row, "column"
    limit :limit
"""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a collection, as it was taken and in which unit; on how many `pages`."""

    variable: str
    statistic: str
    unit: str | None
    pages: int

    @property
    def key(self) -> str:
        return f"{self.variable}|{self.statistic}|{self.unit or ''}"


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a series and where it stands; `local_time` is null where no hour is known."""

    date: date
    local_time: timedelta | None
    value: float
    as_written: str
    flags: list[str]
    status: str
    page_id: int
    page: str
    table: int
    row: int
    column: int
    run_id: int

    @property
    def time(self) -> datetime:
        """The station's own time; noon where only the day is known."""
        day = datetime(self.date.year, self.date.month, self.date.day)  # noqa: DTZ001 (local)
        return day + (timedelta(hours=12) if self.local_time is None else self.local_time)


def variables(connection: Connection, collection_id: int) -> list[Variable]:
    """Return what a collection observed."""
    rows = connection.execute(text(_VARIABLES), {"collection": collection_id})
    return [Variable(*row) for row in rows]


def values(
    connection: Connection,
    collection_id: int,
    variable: Variable,
    first: date | None = None,
    last: date | None = None,
) -> list[Value]:
    """Return the values of a variable, by time, from day `first` to `last`, `MOST` at most."""
    connection.execute(text(f"set local statement_timeout = '{_SECONDS}s'"))
    rows = connection.execute(
        text(_VALUES),
        {
            "collection": collection_id,
            "variable": variable.variable,
            "statistic": variable.statistic,
            "unit": variable.unit,
            "first": first,
            "last": last,
            "limit": MOST,
        },
    )
    return [Value(*row) for row in rows]
