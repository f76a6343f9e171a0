"""Corrections laid on the readings of a page: what stands, and beside it what the machine said."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from sqlalchemy import Connection, text

from pipeline.page import Cell, Line, Table, Transcription, tag_as_json
from pipeline.profiles import Prose
from storage import observations, transcriptions
from storage.corrections.kept import (
    CELL_FIELDS,
    READINGS,
    Kept,
    kept_of,
    machine_of,
    standing_on,
)
from storage.corrections.placing import Standing, place_all
from storage.corrections.records import CellPlace, LinePlace, Place

_SET_LINE = """
    update mill.line set text = :text, confidence = :confidence, status = :status,
        joined = :joined, tagged = cast(:tagged as jsonb)
    where transcription_id = :id and number = :number
"""

_SET_CELL = """
    update mill.cell set text = :text, value = :value, unit = :unit, confidence = :confidence,
        status = :status, checks = cast(:checks as text[])
    where transcription_id = :id and "table" = :table and "row" = :row and "column" = :column
"""

_SET_RELATIONS = """
    update mill."table" set relations = cast(:relations as jsonb)
    where transcription_id = :id and number = :number
"""

_KEEP_LINE = """
    insert into mill.line_as_read (transcription_id, number, text, confidence, status,
        correction_id)
    values (:id, :number, :text, :confidence, :status, :correction)
    on conflict (transcription_id, number) do update set correction_id = excluded.correction_id
"""

_KEEP_CELL = """
    insert into mill.cell_as_read (transcription_id, "table", "row", "column", text, value, unit,
        confidence, status, checks, correction_id)
    values (:id, :table, :row, :column, :text, :value, :unit, :confidence, :status,
        cast(:checks as text[]), :correction)
    on conflict (transcription_id, "table", "row", "column")
        do update set correction_id = excluded.correction_id
"""

_KEEP_RELATIONS = """
    insert into mill.table_as_read (transcription_id, number, relations)
    values (:id, :number, cast(:relations as jsonb))
    on conflict do nothing
"""

_FORGET_LINE = "delete from mill.line_as_read where transcription_id = :id and number = :number"

_FORGET_CELL = """
    delete from mill.cell_as_read
    where transcription_id = :id and "table" = :table and "row" = :row and "column" = :column
"""

_FORGET_RELATIONS = """
    delete from mill.table_as_read where transcription_id = :id and number = :number
"""


def lay(connection: Connection, page_id: int) -> None:
    """Lay the corrections of a page on all its readings. The caller holds the page's row."""
    _lay(connection, page_id, None)


def lay_on(connection: Connection, page_id: int, run_id: int) -> None:
    """Lay the corrections of a page on what a run read. The caller holds the page's row."""
    _lay(connection, page_id, run_id)


def _lay(connection: Connection, page_id: int, run_id: int | None) -> None:
    standing = standing_on(connection, page_id)
    readings = connection.execute(text(READINGS), {"page": page_id, "run": run_id}).all()
    changed = [
        reading.id
        for reading in readings
        if (standing or reading.laid) and _lay_on_one(connection, reading, standing)
    ]
    if changed:
        transcriptions.add_words(connection, *changed)


def _lay_on_one(connection: Connection, reading: Any, standing: Sequence[Standing]) -> bool:
    """Lay corrections on one reading; return whether that changed anything that is shown."""
    stands = transcriptions.load(connection, reading.page_id, reading.run_id)
    kept = kept_of(connection, reading.id)
    machine = machine_of(stands, kept)
    placed = place_all(standing, machine, reading.run_id)
    wanted = _corrected(machine, stands, placed, kept.corrections, reading.settings)
    changed = _write_lines(connection, reading.id, machine, stands, wanted, placed, kept)
    changed |= _write_cells(connection, reading.id, machine, stands, wanted, placed, kept)
    changed |= _write_relations(connection, reading.id, machine, stands, wanted, kept)
    if not changed:
        return False
    connection.execute(
        text("update mill.transcription set confidence = :confidence where id = :id"),
        {"id": reading.id, "confidence": transcriptions.mean_confidence(wanted)},
    )
    observations.write(connection, reading.id, wanted)
    return True


def _corrected(
    machine: Transcription,
    stands: Transcription,
    placed: Mapping[Place, Standing],
    laid: Mapping[Place, int],
    settings: Mapping[str, Any],
) -> Transcription:
    """Return a reading with its corrections, and what they make of the tables they stand in.

    Tables whose corrections are those that are `laid` stay as they stand: a reading together takes
    a third of a second.
    """
    lines = tuple(
        line
        if found is None
        else replace(line, text=found.text, confidence=1.0, status="plain", corrected=True)
        for i, line in enumerate(machine.lines)
        for found in [placed.get(LinePlace(i))]
    )
    lines = _annotated(lines, stands.lines, settings)
    notes = [line.text for line in lines]
    tables = []
    for number, table in enumerate(machine.tables):
        here = {place: found.id for place, found in placed.items() if _within(place, number)}
        if here == {place: found for place, found in laid.items() if _within(place, number)}:
            tables.append(stands.tables[number])
        else:
            texts = {place: placed[place].text for place in here}
            tables.append(_corrected_table(table, texts, settings, notes))
    return replace(machine, lines=lines, tables=tuple(tables))


def _annotated(
    lines: tuple[Line, ...], stands: tuple[Line, ...], settings: Mapping[str, Any]
) -> tuple[Line, ...]:
    """Return lines with what is said of their texts, where any is not the text that stands."""
    changed = [line.text != now.text for line, now in zip(lines, stands, strict=True)]
    if not any(changed):
        return lines
    from pipeline.prose import annotated

    lines = tuple(
        replace(line, joined=None, tagged=()) if anew else line
        for line, anew in zip(lines, changed, strict=True)
    )
    return annotated(lines, Prose(**settings.get("prose", {})))


def _within(place: Place, table: int) -> TypeGuard[CellPlace]:
    return isinstance(place, CellPlace) and place.table == table


def _corrected_table(
    table: Table,
    texts: Mapping[CellPlace, str],
    settings: Mapping[str, Any],
    notes: Sequence[str],
) -> Table:
    from pipeline.checks.recheck import fix, recheck  # slow, and of no use to most commands

    if not texts:
        return table
    fixed = {(place.row, place.column): said for place, said in texts.items()}
    if settings.get("tables", {}).get("check", True):
        table = recheck(table, fixed, observations.form_of(settings), notes)
    else:
        table = fix(table, fixed)
    cells = (replace(cell, corrected=(cell.row, cell.column) in fixed) for cell in table.cells)
    return replace(table, cells=tuple(cells))


def _write_lines(
    connection: Connection,
    identity: int,
    machine: Transcription,
    stands: Transcription,
    wanted: Transcription,
    placed: Mapping[Place, Standing],
    kept: Kept,
) -> bool:
    changes, keeps, forgets = [], [], []
    rows = zip(machine.lines, stands.lines, wanted.lines, strict=True)
    for number, (read, now, then) in enumerate(rows):
        place = LinePlace(number)
        key = {"id": identity, "number": number}
        if _line_shown(now) != _line_shown(then):
            changes.append({**key, **_line_shown(then)})
        found = placed.get(place)
        if found is not None:
            if kept.corrections.get(place) != found.id:
                keeps.append({**key, **_line_fields(read), "correction": found.id})
        elif number in kept.lines:
            forgets.append(key)
    _all(connection, (_SET_LINE, changes), (_KEEP_LINE, keeps), (_FORGET_LINE, forgets))
    return bool(changes)


def _write_cells(
    connection: Connection,
    identity: int,
    machine: Transcription,
    stands: Transcription,
    wanted: Transcription,
    placed: Mapping[Place, Standing],
    kept: Kept,
) -> bool:
    changes, keeps, forgets = [], [], []
    tables = zip(machine.tables, stands.tables, wanted.tables, strict=True)
    for number, three in enumerate(tables):
        for read, now, then in zip(*(table.cells for table in three), strict=True):
            place = CellPlace(number, read.row, read.column)
            key = {"id": identity, "table": number, "row": read.row, "column": read.column}
            if _differs(now, then):
                changes.append({**key, **_cell_fields(then)})
            found = placed.get(place)
            if found is not None or _differs(read, then):
                correction = None if found is None else found.id
                if place not in kept.cells or kept.corrections.get(place) != correction:
                    keeps.append({**key, **_cell_fields(read), "correction": correction})
            elif place in kept.cells:
                forgets.append(key)
    _all(connection, (_SET_CELL, changes), (_KEEP_CELL, keeps), (_FORGET_CELL, forgets))
    return bool(changes)


def _write_relations(
    connection: Connection,
    identity: int,
    machine: Transcription,
    stands: Transcription,
    wanted: Transcription,
    kept: Kept,
) -> bool:
    changes, keeps, forgets = [], [], []
    tables = zip(machine.tables, stands.tables, wanted.tables, strict=True)
    for number, three in enumerate(tables):
        read, now, then = (_relations(table) for table in three)
        key = {"id": identity, "number": number}
        if now != then:
            changes.append({**key, "relations": then})
        if read != then and number not in kept.relations:
            keeps.append({**key, "relations": read})
        elif read == then and number in kept.relations:
            forgets.append(key)
    _all(
        connection,
        (_SET_RELATIONS, changes),
        (_KEEP_RELATIONS, keeps),
        (_FORGET_RELATIONS, forgets),
    )
    return bool(changes)


def _all(connection: Connection, *orders: tuple[str, list[dict[str, Any]]]) -> None:
    for statement, rows in orders:
        if rows:
            connection.execute(text(statement), rows)


def _line_fields(line: Line) -> dict[str, Any]:
    return {"text": line.text, "confidence": line.confidence, "status": line.status}


def _line_shown(line: Line) -> dict[str, Any]:
    tagged = json.dumps([tag_as_json(tag) for tag in line.tagged]) if line.tagged else None
    return {**_line_fields(line), "joined": line.joined, "tagged": tagged}


def _cell_fields(cell: Cell) -> dict[str, Any]:
    said = {name: getattr(cell, name) for name in CELL_FIELDS}
    return {**said, "checks": list(cell.checks)}


def _differs(one: Cell, other: Cell) -> bool:
    """Tell whether two cells say different things; a confidence is kept to six decimals."""
    exact: Iterable[str] = (name for name in CELL_FIELDS if name != "confidence")
    return abs(one.confidence - other.confidence) > 1e-6 or any(
        getattr(one, name) != getattr(other, name) for name in exact
    )


def _relations(table: Table) -> str:
    """Return the relations of a table as JSON, in one way of writing."""
    said = [dict(relation) for relation in table.relations]
    return json.dumps(said, ensure_ascii=False, allow_nan=False, sort_keys=True)
