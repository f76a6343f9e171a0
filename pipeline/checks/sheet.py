"""A table as its checks see it: numbers at places, each with its rival readings.

Values are exact: integers in units of 10 ** -scale, one `scale` for the whole sheet, so that a mean
with one decimal more than what it is the mean of is compared without rounding of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Position = tuple[int, int]
"""Row and column, counted from 0 as in `pipeline.page.Cell`."""

Kind = Literal["empty", "day", "hour", "number", "direction", "text"]
"""What a column holds; a total or a mean is a `number`: what makes it one are its relations."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that a cell may say.

    `text` is what would be published, `value` what it is worth in units of 10 ** -scale (`None`:
    no number), `logprob` the natural logarithm of its probability before any check.
    """

    text: str
    value: int | None
    logprob: float


@dataclass(frozen=True, slots=True)
class Entry:
    """The candidates of one cell that holds ink, the likeliest first; `decimals` it is written to.

    Their probabilities sum to at most 1: the rest is that it says something else. A `certain` one
    says what its only candidate does.
    """

    candidates: tuple[Candidate, ...]
    decimals: int = 0
    certain: bool = False

    @property
    def value(self) -> int | None:
        """The value of the likeliest candidate."""
        return self.candidates[0].value if self.candidates else None


@dataclass(frozen=True, slots=True)
class Lead:
    """The first figures that a column leaves out, of numbers with up to `figures` before the point.

    What is meant is the number nearest to `centre` that ends so, a multiple of `period` away; with
    a `period` of 0, the number plus `centre` (`700 +`).
    """

    centre: Decimal
    period: Decimal
    figures: int


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds: its `kind`, what is above it, and how its numbers are written.

    `pattern` has a `d` for each digit (`dd.d`), `None` where the numbers agree on none. `decimals`
    are those after the point. `variable` and `unit` are named where the header or a form says so:
    units as UCUM writes them (`Cel`, `[degF]`, `mm`, `[in_i'Hg]`, `hPa`, `%`, `m/s`).
    `implied` are decimals of whole numbers whose point was left out, `lead` the first figures left
    out: both are in the values, not in the texts. `limits` are a form's, in `unit`.
    """

    kind: Kind = "text"
    header: str = ""
    pattern: str | None = None
    decimals: int = 0
    variable: str | None = None
    unit: str | None = None
    implied: int = 0
    lead: Lead | None = None
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of `rows` x `len(columns)`; `entries` are its cells with ink below the header."""

    rows: int
    columns: tuple[Column, ...]
    header_rows: int
    entries: Mapping[Position, Entry]
    scale: int = 0
