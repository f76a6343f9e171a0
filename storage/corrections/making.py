"""Correct, withdraw, and tell what was said of a page."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy import text as sql

from pipeline.errors import BadInput
from pipeline.page import as_polygon
from storage.corrections.kept import place_of
from storage.corrections.laying import lay
from storage.corrections.records import CellPlace, Conflict, Correction, LinePlace, Place
from storage.rows import LONGEST_TEXT, UNSTORABLE

_LINE = """
    select line.polygon, coalesce(was.text, line.text) as read, was.correction_id
    from mill.transcription
    join mill.line on line.transcription_id = transcription.id and line.number = :line
    left join mill.line_as_read as was
        on was.transcription_id = line.transcription_id and was.number = line.number
    where transcription.page_id = :page and transcription.run_id = :run
"""

_CELL = """
    select cell.polygon, coalesce(was.text, cell.text) as read, was.correction_id
    from mill.transcription
    join mill.cell on cell.transcription_id = transcription.id
        and cell."table" = :table and cell."row" = :row and cell."column" = :column
    left join mill.cell_as_read as was
        on was.transcription_id = cell.transcription_id and was."table" = cell."table"
        and was."row" = cell."row" and was."column" = cell."column"
    where transcription.page_id = :page and transcription.run_id = :run
"""

_INSERT = """
    insert into mill.correction (spot, page_id, run_id, line, "table", "row", "column", polygon,
        text, read, author)
    values ((select coalesce(spot, id) from mill.correction where id = :seen), :page, :run, :line,
        :table, :row, :column, cast(:polygon as real[]), :text, :read, :author)
    returning id
"""

_ALL = """
    with current as (
        select transcription.id, run_id from mill.page
        join mill.transcription on page_id = page.id and run_id = current_run_id
        where page.id = :page
    )
    select correction.*, coalesce(spot, correction.id) as of_spot,
        withdrawn_at is null and not exists (
            select from mill.correction as later
            where later.page_id = correction.page_id and later.id > correction.id
                and later.withdrawn_at is null
                and coalesce(later.spot, later.id) = coalesce(correction.spot, correction.id)
        ) as in_effect,
        line_was.number as now_line, line_was.text as line_reads,
        cell_was."table" as now_table, cell_was."row" as now_row, cell_was."column" as now_column,
        cell_was.text as cell_reads,
        current.run_id as current_run_id
    from mill.correction
    left join current on true
    left join mill.line_as_read as line_was
        on line_was.transcription_id = current.id and line_was.correction_id = correction.id
    left join mill.cell_as_read as cell_was
        on cell_was.transcription_id = current.id and cell_was.correction_id = correction.id
    where correction.page_id = :page and (cast(:id as bigint) is null or correction.id = :id)
    order by correction.id
"""


def correct(
    connection: Connection,
    page_id: int,
    run_id: int,
    place: Place,
    text: str,
    author: str,
    seen: int | None,
) -> Correction:
    """Say what stands at a place of what a run read on a page; empty, nothing does.

    `seen` is the correction of that place that the author saw in effect, `None` where there was
    none. It is laid on every reading of the page at once, and the tables it stands in are read
    together once more. Raises `Conflict` where another is in effect there by now, `BadInput` where
    there is no such page, reading or place, or the text cannot be kept. The caller commits.
    """
    _check(text, author)
    hold(connection, page_id)
    found = _find(connection, page_id, run_id, place)
    if found.correction_id != seen:
        newest = found.correction_id
        raise Conflict(None if newest is None else _one(connection, page_id, newest))
    made = connection.execute(
        sql(_INSERT),
        {
            **_columns(place),
            "page": page_id,
            "run": run_id,
            "polygon": list(found.polygon),
            "text": text,
            "read": found.read,
            "author": author,
            "seen": seen,
        },
    ).scalar_one()
    lay(connection, page_id)
    return _one(connection, page_id, made)


def withdraw(connection: Connection, correction_id: int, author: str) -> Correction:
    """Take a correction back, so that what was said before of its place stands again.

    Raises `BadInput` where there is no such correction or it is withdrawn already. The caller
    commits.
    """
    _check("", author)
    page_id = connection.scalar(
        sql("select page_id from mill.correction where id = :id"), {"id": correction_id}
    )
    if page_id is None:
        raise BadInput(f"correction {correction_id}", "there is none", "see those of its page")
    hold(connection, page_id)
    withdrawn = connection.execute(
        sql(
            "update mill.correction set withdrawn_at = clock_timestamp(), withdrawn_by = :author"
            " where id = :id and withdrawn_at is null"
        ),
        {"id": correction_id, "author": author},
    )
    if withdrawn.rowcount == 0:
        raise BadInput(f"correction {correction_id}", "it is withdrawn", "nothing is to be done")
    lay(connection, page_id)
    return _one(connection, page_id, correction_id)


def corrections_of(connection: Connection, page_id: int) -> list[Correction]:
    """Return all that was ever said of a page, oldest first; `in_effect` tells what stands."""
    rows = connection.execute(sql(_ALL), {"page": page_id, "id": None})
    return [_correction(row) for row in rows]


def hold(connection: Connection, page_id: int) -> None:
    """Have others who change what stands on a page wait until this transaction ends.

    Raises `BadInput` where there is no such page.
    """
    held = sql("select id from mill.page where id = :page for no key update")
    if connection.execute(held, {"page": page_id}).one_or_none() is None:
        raise BadInput(f"page {page_id}", "no such page", 'see `ledgermill sql "TABLE pages"`')


def _check(said: str, author: str) -> None:
    if not author.strip() or UNSTORABLE.search(author):
        raise BadInput("correction", "it has no author", "say who corrects")
    if UNSTORABLE.search(said) or any(c in said for c in "\r\n"):
        raise BadInput("correction", "its text holds what no line can", "leave that out")
    if len(said) > LONGEST_TEXT:
        raise BadInput("correction", f"its text has {len(said)} characters", "give a shorter one")


def _find(connection: Connection, page_id: int, run_id: int, place: Place) -> Row[Any]:
    query = _LINE if isinstance(place, LinePlace) else _CELL
    key = {**_columns(place), "page": page_id, "run": run_id}
    found = connection.execute(sql(query), key).one_or_none()
    if found is None:
        raise BadInput(f"page {page_id}", f"run {run_id} read no {place}", "load the page anew")
    return found


def _columns(place: Place) -> dict[str, int | None]:
    if isinstance(place, LinePlace):
        return {"line": place.number, "table": None, "row": None, "column": None}
    return {"line": None, "table": place.table, "row": place.row, "column": place.column}


def _one(connection: Connection, page_id: int, correction_id: int) -> Correction:
    row = connection.execute(sql(_ALL), {"page": page_id, "id": correction_id}).one()
    return _correction(row)


def _correction(row: Any) -> Correction:
    place: Place | None = None
    if row.now_line is not None:
        place = LinePlace(row.now_line)
    elif row.now_table is not None:
        place = CellPlace(row.now_table, row.now_row, row.now_column)
    reads = row.line_reads if row.now_line is not None else row.cell_reads
    carried = place is not None and row.run_id != row.current_run_id
    return Correction(
        id=row.id,
        spot=row.of_spot,
        page_id=row.page_id,
        run_id=row.run_id,
        made_at=place_of(row),
        polygon=as_polygon(zip(row.polygon[::2], row.polygon[1::2], strict=True)),
        text=row.text,
        read=row.read,
        author=row.author,
        created_at=row.created_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
        in_effect=row.in_effect,
        place=place,
        reads=reads,
        disagrees=carried and reads != row.text,
    )
