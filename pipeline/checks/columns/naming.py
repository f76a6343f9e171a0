"""Which variable each column of a table holds, in which unit: from heads, titles and forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from pipeline.checks.sheet import Column
from pipeline.checks.units import MEASURED, find_unit, of_variable
from pipeline.checks.variables import (
    extreme,
    find_statistic,
    find_variable,
    says_nothing_else,
)
from pipeline.forms.form import FormColumn

TEMPERATURE = frozenset({"ta", None})
"""Titles under which `Max.` and `Min.` without another word are those of the temperature."""


TITLE_WORDS = 10
"""A line of more words is no title."""


def name_columns(
    columns: Sequence[Column], forms: Sequence[FormColumn], notes: Sequence[str]
) -> list[Column]:
    """Return the columns with their variables and units; a form knows better than a head.

    `notes` stand outside the table. A title among them speaks of the columns whose heads say no
    more than an hour, a unit, or that they are means. A unit that most columns of one kind name is
    that of those that name none: heads are small and badly read.
    """
    titled = title_variable(notes)
    decimals = Counter(column.decimals for column in columns if column.kind == "number")
    usual = decimals.most_common(1)[0][0] if decimals else 0
    extremes = {extreme(column.header) for column in columns if column.kind == "number"}
    paired = {"Tx", "Tn"} <= extremes and titled in TEMPERATURE
    named = []
    for column, form in zip(columns, forms, strict=True):
        if column.kind not in ("number", "direction"):
            named.append(column)
            continue
        variable = form.variable or _variable(
            column, titled if column.decimals == usual else None, paired
        )
        unit = form.unit or of_variable(find_unit(column.header), variable)
        if unit is None and variable is not None and variable == titled:
            unit = of_variable(find_unit(" ".join(notes)), variable)
        named.append(replace(column, variable=variable, unit=unit, limits=form.limits))
    return _shared(named)


def title_variable(notes: Sequence[str]) -> str | None:
    """Return what the titles among lines of text are of, `None` where they speak of several."""
    titles = [note for note in notes if len(note.split()) <= TITLE_WORDS]
    found = {variable for title in titles if (variable := find_variable(title))}
    if "mslp" in found:
        found.discard("p")  # "BAROMETER. Reduced to sea level."
    return found.pop() if len(found) == 1 else None


def _variable(column: Column, titled: str | None, paired: bool) -> str | None:
    if find_statistic(column.header) == "range":
        return None  # a range of temperatures is none
    found = find_variable(column.header)
    if column.kind == "direction":
        return "dd" if found in (None, "w", "wind_force", "dd") else None
    if found is None and paired:
        found = extreme(column.header)
    if found is None and says_nothing_else(column.header):
        found = titled
    return found


def _shared(columns: Sequence[Column]) -> list[Column]:
    """Return the columns, those without a unit given the one of most others of the same measure."""
    units: dict[frozenset[str], Counter[str]] = {}
    for column in columns:
        if column.variable in MEASURED and column.unit:
            units.setdefault(MEASURED[column.variable], Counter())[column.unit] += 1
    shared = []
    for column in columns:
        rivals = units.get(MEASURED.get(column.variable or "", frozenset()))
        if column.unit is None and rivals:
            unit, count = rivals.most_common(1)[0]
            if count > 0.5 * rivals.total():
                column = replace(column, unit=unit)
        shared.append(column)
    return shared
