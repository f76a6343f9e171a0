"""A checked table read together once more, some of its cells now being certain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.checks.check import check_table
from pipeline.checks.sheet import Position
from pipeline.forms.form import Form
from pipeline.page import Alternative, Cell, Status, Table
from pipeline.tables.values import parse_value


def recheck(
    table: Table,
    fixed: Mapping[Position, str],
    form: Form | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Return a table as its arithmetic corrects and vouches for it, `fixed` texts being certain.

    What earlier checks made of the table is undone first, as far as its cells tell: a repaired cell
    is what it was read as, an inferred one blank. Fixed cells are `verified` with confidence 1 and
    the text given, whatever relations say of it; their `raw` and `alternatives` stay what was read.
    `form` and `notes` are as in `check_table`.
    """
    before = replace(
        table,
        relations=(),
        cells=tuple(
            _certain(cell, fixed[cell.row, cell.column])
            if (cell.row, cell.column) in fixed
            else _unchecked(cell, table.header_rows)
            for cell in table.cells
        ),
    )
    checked = check_table(before, form, notes, frozenset(fixed))
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


def _unchecked(cell: Cell, header_rows: int) -> Cell:
    """Return a cell as it was before its table was checked."""
    if cell.row < header_rows:
        return cell
    computed = any(_is_interval(check) for check in cell.checks)
    best = cell.alternatives[0] if cell.alternatives else None
    text = cell.text
    if computed or cell.status == "repaired":
        text = cell.raw if best is None else best.text
    confidence = cell.confidence
    if best is not None:
        confidence = math.exp(best.logprob)
    elif computed and not text:
        confidence = 1.0
    return replace(
        cell,
        text=text,
        value=parse_value(text),
        unit=None,
        confidence=confidence,
        status=_status_before(cell, text, computed),
        checks=(),
    )


def _status_before(cell: Cell, text: str, computed: bool) -> Status:
    if cell.status in ("verified", "repaired") or computed:
        return "plain"
    if cell.status == "doubtful" and cell.alternatives and text == cell.alternatives[0].text:
        return "plain"  # nothing but the checks doubted it
    return cell.status


def _is_interval(check: str) -> bool:
    return check.startswith("interval:")
