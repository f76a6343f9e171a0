"""Which cells of a table make up which: its relations, cell by cell, found when somebody asks.

What is stored of a relation is its formula; its equations follow from the table by the same search
that found it (`pipeline.checks`), which takes a fraction of a second for a dense page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.checks.check import read_together
from pipeline.checks.kinds import read_sheet
from pipeline.checks.sheet import Position
from pipeline.page import Table

_WORDS = {
    "sum": "sum of",
    "mean": "mean of",
    "midpoint": "midway between",
    "difference": "difference of",
    "running": "total so far:",
    "step": "one on from",
    "copy": "copy of",
    "carry": "carried from",
}

_NAMED = re.compile(r"\b([cr])(\d+)\b(\[-1\])?")


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation of a relation: the cell that it gives, and those it is made of.

    `holds` is None where one of them is no number.
    """

    target: Position
    operands: tuple[Position, ...]
    holds: bool | None


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation for people: `words` by heads and labels, and its equations."""

    kind: str
    words: str
    formula: str
    equations: tuple[Equation, ...]

    @property
    def failed(self) -> int:
        return sum(equation.holds is False for equation in self.equations)


def relations(
    table: Table, heads: Sequence[str], labels: Sequence[str], notes: Sequence[str] = ()
) -> list[Relation]:
    """Return the relations of a table, its cells being what they now say."""
    sheet = read_sheet(table, None, notes)
    rules, _ = read_together(sheet)
    unit = Decimal(10) ** sheet.scale
    values = {
        (cell.row, cell.column): int((Decimal(repr(cell.value)) * unit).to_integral_value())
        for cell in table.cells
        if cell.value is not None
    }
    found = []
    for rule in rules:
        equations = []
        for instance in rule.instances:
            known = all(place in values for place, _ in instance.terms)
            total = sum(values.get(place, 0) * times for place, times in instance.terms)
            equations.append(
                Equation(
                    instance.target,
                    tuple(place for place, _ in instance.terms if place != instance.target),
                    instance.low <= total <= instance.high if known else None,
                )
            )
        words = worded(rule.formula, heads, labels)
        found.append(Relation(rule.kind, words, rule.formula, tuple(equations)))
    return found


def worded(formula: str, heads: Sequence[str], labels: Sequence[str]) -> str:
    """Return a formula with the heads of its columns and the labels of its rows in it.

    A column or row that is called nothing, or too much, keeps its number, from 1.
    """

    def name(found: re.Match[str]) -> str:
        number = int(found[2])
        names = heads if found[1] == "c" else labels
        called = names[number].strip() if number < len(names) else ""
        if not called or len(called) > 24:
            called = f"{'column' if found[1] == 'c' else 'row'} {number + 1}"
        elif found[1] == "r" and called.strip(".").isdigit():
            called = f"row {called}"
        return f"{called} of the row before" if found[3] else called

    return _NAMED.sub(name, formula)
