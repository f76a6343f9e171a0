"""What is stored of corrections and readings: what is in effect, and what the machine had said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, text

from pipeline.page import Line, Transcription, as_polygon
from storage import transcriptions
from storage.corrections.placing import Standing
from storage.corrections.records import CellPlace, LinePlace, Place

_STANDING = """
    select distinct on (coalesce(spot, id)) id, run_id, line, "table", "row", "column", polygon,
        text
    from mill.correction
    where page_id = :page and withdrawn_at is null
    order by coalesce(spot, id), id desc
"""

READINGS = """
    select transcription.id, transcription.page_id, run_id, run.settings,
        exists (select from mill.line_as_read where transcription_id = transcription.id)
        or exists (select from mill.cell_as_read where transcription_id = transcription.id) as laid
    from mill.transcription join mill.run on run.id = run_id
    where page_id = :page and (cast(:run as bigint) is null or run_id = :run)
    order by transcription.id
"""


CELL_FIELDS = ("text", "value", "unit", "confidence", "status", "checks")
"""Of a cell, what corrections may change."""


@dataclass(slots=True)
class Kept:
    """What the machine had said of the places of a reading where something else stands now."""

    lines: dict[int, Line] = field(default_factory=dict)
    cells: dict[CellPlace, dict[str, Any]] = field(default_factory=dict)
    relations: dict[int, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    corrections: dict[Place, int] = field(default_factory=dict)


def standing_on(connection: Connection, page_id: int) -> list[Standing]:
    """Return the corrections of a page that are in effect."""
    return [
        Standing(
            row.id,
            row.run_id,
            place_of(row),
            as_polygon(zip(row.polygon[::2], row.polygon[1::2], strict=True)),
            row.text,
        )
        for row in connection.execute(text(_STANDING), {"page": page_id})
    ]


def place_of(row: Any) -> Place:
    """Return the place that a row of `mill.correction` names."""
    if row.line is not None:
        return LinePlace(row.line)
    return CellPlace(row.table, row.row, row.column)


def as_read(connection: Connection, page_id: int, run_id: int) -> Transcription:
    """Return what a run read on a page, as the machine had it. Raises `BadInput` if it did not."""
    stands = transcriptions.load(connection, page_id, run_id)
    [reading] = connection.execute(text(READINGS), {"page": page_id, "run": run_id})
    return machine_of(stands, kept_of(connection, reading.id)) if reading.laid else stands


def kept_of(connection: Connection, transcription_id: int) -> Kept:
    key = {"id": transcription_id}
    kept = Kept()
    lines = text(
        "select number, text, confidence, status, correction_id from mill.line_as_read"
        " where transcription_id = :id"
    )
    for number, said, confidence, status, correction in connection.execute(lines, key):
        kept.lines[number] = Line(said, confidence, ((0.0, 0.0),) * 4, status=status)
        if correction is not None:
            kept.corrections[LinePlace(number)] = correction
    cells = text(
        'select "table", "row", "column", text, value, unit, confidence, status, checks,'
        " correction_id from mill.cell_as_read where transcription_id = :id"
    )
    for row in connection.execute(cells, key).mappings():
        place = CellPlace(row["table"], row["row"], row["column"])
        said = {name: row[name] for name in CELL_FIELDS}
        kept.cells[place] = {**said, "checks": tuple(row["checks"])}
        if row["correction_id"] is not None:
            kept.corrections[place] = row["correction_id"]
    relations = text(
        "select number, relations from mill.table_as_read where transcription_id = :id"
    )
    for number, said in connection.execute(relations, key):
        kept.relations[number] = tuple(said)
    return kept


def machine_of(stands: Transcription, kept: Kept) -> Transcription:
    lines = tuple(
        replace(
            line,
            text=kept.lines[i].text,
            confidence=kept.lines[i].confidence,
            status=kept.lines[i].status,
            corrected=False,
        )
        if i in kept.lines
        else line
        for i, line in enumerate(stands.lines)
    )
    tables = tuple(
        replace(
            table,
            relations=kept.relations.get(number, table.relations),
            cells=tuple(
                replace(cell, **said, corrected=False) if said is not None else cell
                for cell in table.cells
                for said in [kept.cells.get(CellPlace(number, cell.row, cell.column))]
            ),
        )
        for number, table in enumerate(stands.tables)
    )
    return replace(stands, lines=lines, tables=tables)
