"""What must hold between the cells of a table: linear, whole-numbered, with room for rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pipeline.checks.sheet import Position

RuleKind = Literal[
    "sum", "mean", "midpoint", "difference", "running", "step", "copy", "carry"
]  # fmt: skip
"""`midpoint` is (a + b) / 2, `difference` a - b; `running`: total so far = the last + this row's;
`step`: each row is the one before plus a constant (days); `carry`: brought forward from a page."""

Rounding = Literal["exact", "nearest", "down"]


@dataclass(frozen=True, slots=True)
class Instance:
    """One equation: low <= sum of coefficient x value over `terms` <= high.

    Values are the sheet's integers. The mean `m` of a, b, c, written to the nearest 10 units, is
    ((m, 3), (a, -1), (b, -1), (c, -1)) with low -15 and high 15. `target` is the term that the
    others were meant to give.
    """

    target: Position
    terms: tuple[tuple[Position, int], ...]
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Rule:
    """The same relation wherever it was found on a table.

    `axis`: its operands lie along a `row` or down a `column`. `tested` instances had every operand
    read, in `held` of them the likeliest readings agree; `p_value` is the chance of that among
    values that have nothing to do with each other, times the number of rules that were tried.
    `formula` says it for people, by column numbers counted from 0: `c6 = (c4 + c5) / 2`.
    """

    kind: RuleKind
    axis: Literal["row", "column"]
    formula: str
    rounding: Rounding
    instances: tuple[Instance, ...]
    tested: int
    held: int
    p_value: float

    def to_json(self) -> dict[str, Any]:
        """Return the rule as a table's published `relations` name it."""
        return {
            "kind": self.kind,
            "axis": self.axis,
            "formula": self.formula,
            "rounding": self.rounding,
            "tested": self.tested,
            "held": self.held,
            "p_value": self.p_value,
        }
