"""A checked table read together once more, some of its cells now being certain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.checks.check import check_table
from pipeline.checks.sheet import Position
from pipeline.forms.form import Form
from pipeline.page import Alternative, Cell, Reading, Table
from pipeline.tables.column import Settled, settle
from pipeline.tables.values import parse_value


def recheck(
    table: Table,
    fixed: Mapping[Position, str],
    form: Form | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Return a table as its arithmetic corrects and vouches for it, `fixed` texts being certain.

    What earlier checks made of the table is undone first, as far as its cells tell: a cell is what
    its column made of what was read, an inferred one blank. Fixed cells are `verified` with
    confidence 1 and the text given, whatever relations say of it; their `raw` and `alternatives`
    stay what was read. `form` and `notes` are as in `check_table`.
    """
    settled = _settled(table)

    def before(cell: Cell) -> Cell:
        at = cell.row, cell.column
        if at in fixed:
            return _certain(cell, fixed[at])
        return cell if cell.row < table.header_rows else _unchecked(cell, settled.get(at))

    unchecked = replace(table, relations=(), cells=tuple(map(before, table.cells)))
    checked = check_table(unchecked, form, notes, frozenset(fixed))
    cells = zip(table.cells, checked.cells, strict=True)
    return replace(
        checked,
        cells=tuple(_kept(was, now, fixed.get((was.row, was.column))) for was, now in cells),
    )


def fix(table: Table, fixed: Mapping[Position, str]) -> Table:
    """Return a table with the texts of some cells replaced, nothing else made of it."""
    return replace(
        table,
        cells=tuple(
            _kept(cell, _certain(cell, fixed[at]), fixed[at]) if at in fixed else cell
            for cell in table.cells
            for at in [(cell.row, cell.column)]
        ),
    )


def _certain(cell: Cell, text: str) -> Cell:
    return replace(
        cell,
        text=text,
        value=parse_value(text),
        confidence=1.0,
        status="plain",
        alternatives=(Alternative(text, 0.0),) if text else (),
        checks=(),
    )


def _kept(was: Cell, now: Cell, text: str | None) -> Cell:
    if text is None:
        return now
    return replace(
        now,
        text=text,
        value=now.value if text else None,
        confidence=1.0,
        status="verified",
        alternatives=was.alternatives,
        # What it must lie between is said of a cell that was computed; this one is known.
        checks=tuple(check for check in now.checks if not _is_interval(check)),
    )


def _settled(table: Table) -> dict[Position, Settled]:
    """Return what the cells of the body said before the checks, as their columns settled it."""
    columns: dict[int, dict[Position, Reading]] = {}
    for cell in table.cells:
        if cell.row >= table.header_rows and cell.alternatives:
            best = cell.alternatives[0]
            reading = Reading(best.text, math.exp(best.logprob), cell.alternatives)
            columns.setdefault(cell.column, {})[cell.row, cell.column] = reading
    return {at: settled for column in columns.values() for at, settled in settle(column).items()}


def _unchecked(cell: Cell, settled: Settled | None) -> Cell:
    """Return a cell of the body as it was before its table was checked."""
    text, confidence, status = cell.text, cell.confidence, cell.status
    if settled is not None:
        text, confidence = settled.text, settled.confidence
        status = "rejected" if cell.status == "rejected" else settled.status
    elif any(_is_interval(check) for check in cell.checks):
        text, confidence, status = cell.raw, 1.0, "plain"
    elif cell.status in ("verified", "repaired"):
        text, status = cell.raw, "plain"
    return replace(
        cell,
        text=text,
        value=parse_value(text),
        unit=None,
        confidence=confidence,
        status=status,
        checks=(),
    )


def _is_interval(check: str) -> bool:
    return check.startswith("interval:")
