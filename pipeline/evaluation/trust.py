"""Whether what a reading says of its own values can be believed.

A cell's status says how far it can be trusted. Against the truth that is

- **coverage**: the part of all values whose cell is `verified`;
- **precision**: the part of the verified cells that is right. A cell that is verified where the
  truth has nothing is not;
- **repairs**: cells that are `repaired`, right and wrong. Beside them, whatever the status:
  `mended` were read wrongly and say what is right, `damaged` were read rightly and do not any more;
- **inferred** values, right, and within the interval that was given for them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from pipeline.evaluation.tables import Compare, TableTruth, Wrong, key, number, place, value_places
from pipeline.page import Cell, Status, Table

STATUSES: tuple[Status, ...] = (
    "verified",
    "repaired",
    "inferred",
    "plain",
    "doubtful",
    "rejected",
)

_BOUND = r"([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"
_INTERVAL = re.compile(rf"interval:{_BOUND}\.\.{_BOUND}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Says:
    """What a cell says, what was read of it before any check, and how far it is to be trusted.

    `raw` is `None` where the result does not tell. `value` is what `text` stands for, which may be
    more than is written (9.373 for 29.373), and `checks` are those of `pipeline.page.Cell`.
    """

    text: str
    raw: str | None = None
    status: Status = "plain"
    value: float | None = None
    checks: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[Decimal, Decimal] | None:
        """The least and greatest value that an inferred cell may have (`interval:1.2..1.4`)."""
        for check in self.checks:
            bounds = _INTERVAL.fullmatch(check)
            if bounds:
                return Decimal(bounds[1]), Decimal(bounds[2])
        return None


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells of one status: at how many values, how many right, how many where none should be."""

    values: int = 0
    right: int = 0
    spurious: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.values + other.values, self.right + other.right, self.spurious + other.spurious
        )

    @property
    def wrong(self) -> int:
        """Cells that do not say what stands there."""
        return self.values + self.spurious - self.right

    @property
    def precision(self) -> float | None:
        """The part of the cells that is right; `None` where there are none."""
        cells = self.values + self.spurious
        return self.right / cells if cells else None

    def to_json(self) -> dict[str, Any]:
        """Return the counts and the precision."""
        return {
            "values": self.values,
            "right": self.right,
            "wrong": self.wrong,
            "spurious": self.spurious,
            "precision": self.precision,
        }


@dataclass(frozen=True, slots=True)
class TrustScore:
    """Counts over one or many tables or cut-outs; see the module.

    `values` are all values of the truth, also those without a cell. Of `bounded` inferred values an
    interval was given, `within` of these the truth is in it. `misleading` are the verified values
    that are wrong; row and column are the truth's.
    """

    values: int = 0
    tallies: Mapping[Status, Tally] = field(default_factory=dict)
    mended: int = 0
    damaged: int = 0
    bounded: int = 0
    within: int = 0
    misleading: tuple[Wrong, ...] = ()

    def __add__(self, other: TrustScore) -> TrustScore:
        found = [s for s in STATUSES if s in self.tallies or s in other.tallies]
        return TrustScore(
            self.values + other.values,
            {status: self.of(status) + other.of(status) for status in found},
            self.mended + other.mended,
            self.damaged + other.damaged,
            self.bounded + other.bounded,
            self.within + other.within,
            self.misleading + other.misleading,
        )

    def of(self, status: Status) -> Tally:
        """Return the count of a status."""
        return self.tallies.get(status, Tally())

    @property
    def coverage(self) -> float | None:
        """The part of the values that is verified; `None` where there are no values."""
        return self.of("verified").values / self.values if self.values else None

    @property
    def precision(self) -> float | None:
        """The part of the verified cells that is right; `None` where there are none."""
        return self.of("verified").precision

    def to_json(self) -> dict[str, Any]:
        """Return rates and counts as plain numbers."""
        return {
            "values": self.values,
            "verified_coverage": self.coverage,
            "verified_precision": self.precision,
            "repairs_right": self.of("repaired").right,
            "repairs_wrong": self.of("repaired").wrong,
            "mended": self.mended,
            "damaged": self.damaged,
            "inferred_bounded": self.bounded,
            "inferred_within": self.within,
            "statuses": {status: tally.to_json() for status, tally in self.tallies.items()},
        }


def score_cell(truth: str, says: Says, compare: Compare) -> TrustScore:
    """Compare one cell with what stands there; an empty `truth` is no value.

    An empty cell where nothing stands counts as nothing at all.
    """
    if not truth:
        if not says.text.strip():
            return TrustScore()
        return TrustScore(tallies={says.status: Tally(spurious=1)})
    right = key(says.text, compare) == key(truth, compare)
    was_right = says.raw is not None and key(says.raw, compare) == key(truth, compare)
    score = TrustScore(
        1,
        {says.status: Tally(1, int(right))},
        mended=int(right and not was_right and says.raw is not None),
        damaged=int(was_right and not right),
    )
    interval = says.interval if says.status == "inferred" else None
    values = _worth(truth, says)
    if interval is not None and values:
        low, high = interval
        within = any(low <= value <= high for value in values)
        score = replace(score, bounded=1, within=int(within))
    return score


def _worth(truth: str, says: Says) -> set[Decimal]:
    """Return what a true text may be worth, with what a cell's value adds to its text.

    That is a leading figure or a decimal mark which the page leaves out.
    """
    expected, written = number(truth), number(says.text)
    if expected is None:
        return set()
    if written is None or says.value is None:
        return {expected}
    value = Decimal(str(says.value))
    worth = {expected, expected + value - written}
    if written:
        worth |= {expected.scaleb(e) for e in (-3, -2, -1) if written.scaleb(e) == value}
    return worth


def score_trust(truth: TableTruth, table: Table | None) -> TrustScore:
    """Compare the statuses of a table's cells with the truth; `None` is an unread table.

    The table is laid over the truth as for the values (`pipeline.evaluation.tables`).
    """
    cells: dict[tuple[int, int], Cell] = {}
    placement = None
    if table is not None:
        cells = {(cell.row, cell.column): cell for cell in table.cells}
        placement = place(truth, table.grid())
    score = TrustScore()
    for i, j, expected in value_places(truth):
        cell = placement and cells.get((i + placement.rows, j + placement.columns))
        if not cell:
            score += TrustScore(values=int(bool(expected)))
            continue
        says = says_of(cell)
        one = score_cell(expected, says, truth.compare)
        if one.of("verified").wrong:
            one = replace(one, misleading=(Wrong(i, j, expected, cell.text),))
        score += one
    return score


def says_of(cell: Cell) -> Says:
    """Return what a published cell says."""
    return Says(cell.text, cell.raw, cell.status, cell.value, cell.checks)
