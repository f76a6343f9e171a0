"""Statuses and checks in signs and words: nothing is said by colour alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.page import Cell, Table

LOW = 0.9
"""Readings less sure than this are marked, and come first in review."""

SIGNS = {
    "verified": ("✓", "confirmed by the table's own arithmetic, or by somebody"),
    "repaired": ("↻", "read otherwise, and changed because the arithmetic says so"),
    "inferred": ("∴", "nothing readable stands there; computed"),
    "plain": ("", "no relation says anything about it"),
    "doubtful": ("?", "unlike its column, or at odds with what must add up"),
    "rejected": ("×", "less sure than the profile asks"),
    "failed": ("≠", "what must add up does not"),
}

UNITS = {
    "Cel": "°C",
    "[degF]": "°F",
    "[degRe]": "°Ré",
    "[in_i'Hg]": "inHg",
    "mm[Hg]": "mmHg",
    "cm[Hg]": "cmHg",
    "[in_fr'Hg]": "pouces Hg",
    "[lne_fr'Hg]": "lignes Hg",
    "[in_i]": "in",
    "[in_fr]": "pouces",
    "[lne_fr]": "lignes",
    "[ft_i]": "ft",
    "[mi_i]/h": "mph",
    "[kn_i]": "kn",
    "{Bft}": "Bft",
    "{okta}": "oktas",
    "{tenth}": "tenths",
    "deg": "°",
}
"""UCUM's codes as people write them."""

_RELATIONS = {
    "sum": "sum",
    "mean": "mean",
    "midpoint": "midpoint",
    "difference": "difference",
    "running": "total so far",
    "step": "step",
    "copy": "copy",
    "carry": "carry",
}


@dataclass(frozen=True, slots=True)
class Count:
    """How many cells have a status."""

    status: str
    sign: str
    means: str
    count: int


def status_of(cell: Cell) -> str:
    """Return a cell's status, `failed` where a relation that it should give does not hold."""
    return "failed" if any(check.endswith(":fail") for check in cell.checks) else cell.status


def flagged(checks: Iterable[str]) -> list[str]:
    """Return the names of the quality-control tests that flag a cell."""
    return [check[3:] for check in checks if check.startswith("qc:")]


def explain(check: str) -> str:
    """Return what a check says, in words."""
    name, _, said = check.partition(":")
    if name == "interval":
        low, _, high = said.partition("..")
        return f"lies between {low} and {high}"
    if name == "qc":
        return f"flagged by quality control: {said.replace('_', ' ')}"
    what = _RELATIONS.get(name, name)
    return {"pass": f"its {what} holds", "fail": f"its {what} does not hold"}.get(said, check)


def tally(tables: Sequence[Table]) -> list[Count]:
    """Count the cells of tables that hold text by what they are, in the order of `SIGNS`."""
    counts = Counter(
        status_of(cell)
        for table in tables
        for cell in table.cells
        if cell.text and cell.row >= table.header_rows
    )
    return [
        Count(status, sign, means, counts[status])
        for status, (sign, means) in SIGNS.items()
        if counts[status]
    ]
