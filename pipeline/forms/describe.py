"""Say of a form's columns what the pages that were read with it say of theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from pipeline.checks.kinds import read_sheet
from pipeline.checks.sheet import Column
from pipeline.forms.form import Form, FormColumn
from pipeline.page import Table

Value = TypeVar("Value")


def describe(form: Form, tables: Sequence[Table]) -> Form:
    """Return the form with name, role, variable, unit and pattern of each column, by majority.

    `tables` were read from pages of the form; those with other columns than it has are passed over.
    What a form says already stays, and where most tables say nothing, nothing is said.
    """
    sheets = [read_sheet(table) for table in tables if table.columns == len(form.columns)]
    if not sheets:
        return form
    columns = tuple(
        _described(known, [sheet.columns[number] for sheet in sheets])
        for number, known in enumerate(form.columns)
    )
    return form.model_copy(update={"columns": columns})


def _described(known: FormColumn, seen: Sequence[Column]) -> FormColumn:
    kind = _usual(column.kind for column in seen)
    return FormColumn(
        name=known.name or _commonest(column.header for column in seen),
        role=known.role or kind,
        variable=known.variable or _usual(column.variable for column in seen),
        unit=known.unit or _usual(column.unit for column in seen),
        pattern=known.pattern
        or (_usual(column.pattern for column in seen) if kind == "number" else None),
        limits=known.limits,
    )


def _usual(values: Iterable[Value]) -> Value | None:
    """Return what more than half of the values are."""
    counts = Counter(values)
    value, count = counts.most_common(1)[0]
    return value if 2 * count > counts.total() else None


def _commonest(headers: Iterable[str]) -> str:
    """Return the head that most pages with one agree on: others have it torn off, or none."""
    counts = Counter(header for header in headers if header)
    return counts.most_common(1)[0][0] if counts else ""
