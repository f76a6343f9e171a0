"""Values of a read grid against the truth, place by place.

A truth grid has header rows and label columns (hours above, days on the left), which say where
things are, and values, which are what is counted. The score that counts is `placed`:

1. The reading is laid over the truth by **one shift of rows and one of columns for the whole
   table**, found without a look at any value: from the header labels and the row labels that were
   read; where no header is printed or read, from the number of columns (a narrower reading lost
   its columns on the left, where the fold is); where no row label is, from the first row whose
   cells have the shape of the values (`d.ddd`).
2. A value is right if, and only if, the reading has it at exactly that place. A row too many, a
   row lost or two columns run into one cost every value beyond them.

`aligned` is the lenient score beside it: rows may be matched in order to their best counterparts
under the best shift of columns. The gap between the two is structure; what `aligned` misses is
reading. Empty truth cells are no values; text read in one is counted as `spurious`.

No photograph says which columns it shows. Every value column counts, therefore, unless the truth
names it as hidden: a reader that drops a column is not excused by having dropped it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Table

Grid = Sequence[Sequence[str]]
Compare = Literal["text", "number", "digits"]
"""`text`: every character, after `canonical`; `number`: 28,0 is 28; `digits`: nothing else."""

_SPACE = re.compile(r"\s+")
_MARK = re.compile(r"(?<=\d)\s?[·∙⋅•‧,.]\s?(?=\d)")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_ENOUGH = 1 / 3
"""Labels place a grid if this part of them (two at least) agrees on one shift."""


@dataclass(frozen=True, slots=True)
class TableTruth:
    """A truth grid; `hidden` are columns of it that the page does not show.

    `table` is the same table with what its cells span, where the truth says that.
    """

    grid: tuple[tuple[str, ...], ...]
    header_rows: int = 1
    label_columns: int = 1
    compare: Compare = "text"
    hidden: frozenset[int] = frozenset()
    table: Table | None = None

    @property
    def columns(self) -> int:
        """The number of columns, labels included."""
        return max((len(row) for row in self.grid), default=0)


@dataclass(frozen=True, slots=True)
class Placement:
    """Truth row `i`, column `j` is read row `i + rows`, column `j + columns`; found `by` what."""

    rows: int
    columns: int
    by: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A value that is not where it should be; row and column are the truth's."""

    row: int
    column: int
    truth: str
    read: str


@dataclass(frozen=True, slots=True)
class TableScore:
    """Counts of one or many tables; see the module."""

    values: int = 0
    placed: int = 0
    aligned: int = 0
    empty: int = 0
    spurious: int = 0
    compared: int = 0
    error: float = 0.0
    placements: tuple[Placement | None, ...] = ()
    wrong: tuple[Wrong, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """The part of the values that is right in its place; `None` where there are none."""
        return self.placed / self.values if self.values else None

    @property
    def mae(self) -> float | None:
        """Mean absolute error over values that are a number in truth and reading."""
        return self.error / self.compared if self.compared else None

    def __add__(self, other: TableScore) -> TableScore:
        return TableScore(
            self.values + other.values,
            self.placed + other.placed,
            self.aligned + other.aligned,
            self.empty + other.empty,
            self.spurious + other.spurious,
            self.compared + other.compared,
            self.error + other.error,
            self.placements + other.placements,
            self.wrong + other.wrong,
        )

    def to_json(self) -> dict[str, Any]:
        """Return rates and counts as plain numbers."""
        return {
            "accuracy": self.accuracy,
            "values": self.values,
            "placed": self.placed,
            "aligned": self.aligned,
            "empty": self.empty,
            "spurious": self.spurious,
            "mae": self.mae,
            "mae_values": self.compared,
        }


def canonical(text: str) -> str:
    """Return `text` in NFC, its spaces single, the decimal mark a stop, the minus a hyphen."""
    text = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    text = _MARK.sub(".", text)
    return text.replace("−", "-").replace("–", "-")


def number(text: str) -> Decimal | None:
    """Return the number that the whole of `text` stands for, or `None`."""
    text = canonical(text)
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def key(text: str, compare: Compare) -> str:
    """Return what of `text` counts: two texts are the same value if their keys are equal."""
    text = canonical(text)
    if compare == "digits":
        return "".join(c for c in text if c.isdigit())
    if compare == "number":
        value = number(text)
        return text if value is None else f"{value.normalize() + 0:f}"
    return text


def difference(truth: str, read: str, compare: Compare) -> Decimal | None:
    """Return how far a reading is from a true number, `None` where either is none.

    Where digits are compared, the decimal mark is taken to be where the truth has it.
    """
    expected, found = number(truth), number(read)
    if expected is None or found is None:
        return None
    if compare == "digits":
        exponent = expected.as_tuple().exponent
        assert isinstance(exponent, int)  # no number that `number` returns is infinite
        expected, found = (Decimal(key(text, "digits")).scaleb(exponent) for text in (truth, read))
    return abs(expected - found)


def value_places(truth: TableTruth) -> Iterator[tuple[int, int, str]]:
    """Yield row, column and text of every place that may hold a value; an empty text is none."""
    for i, row in enumerate(truth.grid[truth.header_rows :], truth.header_rows):
        for j, text in enumerate(row[truth.label_columns :], truth.label_columns):
            if j not in truth.hidden:
                yield i, j, text.strip()


def score_table(truth: TableTruth, read: Grid | None) -> TableScore:
    """Compare a read grid (rows may differ in length) with its truth; `None` is an unread table."""
    read = read or []
    placement = place(truth, read)
    score = _placed(truth, read, placement)
    if placement is None:
        return score
    return score + TableScore(aligned=max(_aligned(truth, read), score.placed))


def _placed(truth: TableTruth, read: Grid, placement: Placement | None) -> TableScore:
    values = placed = empty = spurious = compared = 0
    error = Decimal(0)
    wrong = []
    for i, j, expected in value_places(truth):
        text = _at(read, i + placement.rows, j + placement.columns) if placement else ""
        if not expected:
            spurious += bool(text.strip())
            continue
        values += 1
        empty += not text.strip()
        if key(expected, truth.compare) == key(text, truth.compare):
            placed += 1
        else:
            wrong.append(Wrong(i, j, expected, text))
        off = difference(expected, text, truth.compare)
        if off is not None:
            compared += 1
            error += off
    return TableScore(
        values=values,
        placed=placed,
        empty=empty,
        spurious=spurious,
        compared=compared,
        error=float(error),
        placements=(placement,),
        wrong=tuple(wrong),
    )


def place(truth: TableTruth, read: Grid) -> Placement | None:
    """Find how `read` lies on `truth`, from labels and shapes, never from values.

    `None` where nothing says so: no table, or no row that looks like the truth's.
    """
    if not any(text.strip() for row in read for text in row):
        return None
    columns, by_columns = _column_shift(truth, read)
    rows, by_rows = _row_shift(truth, read, columns)
    return None if rows is None else Placement(rows, columns, f"{by_columns}, {by_rows}")


def _column_shift(truth: TableTruth, read: Grid) -> tuple[int, str]:
    votes: Counter[int] = Counter()
    labels = 0
    for header in truth.grid[: truth.header_rows]:
        named = [(j, canonical(text)) for j, text in enumerate(header) if text.strip()]
        for row in read:
            found = _votes(named, [canonical(text) for text in row])
            if max(found.values(), default=0) > max(votes.values(), default=0):
                votes, labels = found, len(named)
    if _agreed(votes, labels):
        return _winner(votes), "header"
    width = max(len(row) for row in read)
    return min(width - truth.columns, 0), "width"


def _row_shift(truth: TableTruth, read: Grid, columns: int) -> tuple[int | None, str]:
    body = range(truth.header_rows, len(truth.grid))
    for j in range(truth.label_columns):
        named = [(i, canonical(_at(truth.grid, i, j))) for i in body]
        named = [(i, label) for i, label in named if label]
        votes = _votes(named, [canonical(_at(read, r, j + columns)) for r in range(len(read))])
        if _agreed(votes, len(named)):
            return _winner(votes), "row labels"
    for i in body:
        shapes = [
            (j, _shape(text, truth.compare))
            for j, text in enumerate(truth.grid[i])
            if j >= truth.label_columns and text.strip()
        ]
        if not shapes:
            continue
        for r in range(len(read)):
            seen = (
                (_shape(_at(read, r, j + columns), truth.compare), shape) for j, shape in shapes
            )
            if 2 * sum(found == shape for found, shape in seen) >= len(shapes):
                return r - i, "shape of values"
        break
    return None, "nothing"


def _votes(named: list[tuple[int, str]], found: list[str]) -> Counter[int]:
    """Count for every shift how many labels stand at their place moved by it."""
    return Counter(at - i for i, label in named for at, text in enumerate(found) if text == label)


def _agreed(votes: Counter[int], labels: int) -> bool:
    return max(votes.values(), default=0) >= max(2.0 if labels > 1 else 1.0, _ENOUGH * labels)


def _winner(votes: Counter[int]) -> int:
    return min(votes, key=lambda shift: (-votes[shift], abs(shift), shift))


def _shape(text: str, compare: Compare) -> str:
    """Return `text` with every digit as `d` and every other letter as `a`.

    Where only digits are compared, marks are no part of a number's shape.
    """
    if compare == "digits" and number(text) is not None:
        text = key(text, "digits")
    return "".join("d" if c.isdigit() else "a" if c.isalpha() else c for c in canonical(text))


def _at(grid: Grid, row: int, column: int) -> str:
    """Return the text at a place, empty outside the grid (negative places are outside)."""
    if 0 <= row < len(grid) and 0 <= column < len(grid[row]):
        return grid[row][column]
    return ""


def _aligned(truth: TableTruth, read: Grid) -> int:
    """Return the most values that agree under one shift of columns and rows matched in order."""
    width = max(truth.columns, max(len(row) for row in read))
    numbers: dict[str, int] = {}
    expected = np.full((len(truth.grid), width), -1)
    for i, row in enumerate(truth.grid):
        for j, text in enumerate(row):
            value = i >= truth.header_rows and j >= truth.label_columns and j not in truth.hidden
            if value and text.strip():
                name = key(text, truth.compare)
                expected[i, j] = numbers.setdefault(name, len(numbers))
    found = np.full((len(read), width), -2)
    for r, texts in enumerate(read):
        for j, text in enumerate(texts):
            found[r, j] = numbers.get(key(text, truth.compare), -2)
    reach = min(3, width - 1)
    return max(_best_in_order(expected, _shifted(found, s)) for s in range(-reach, reach + 1))


def _shifted(grid: NDArray[np.int_], columns: int) -> NDArray[np.int_]:
    """Return `grid` with truth column `j` at read column `j + columns`, -2 beyond the edges."""
    moved = np.full_like(grid, -2)
    width = grid.shape[1]
    moved[:, max(0, -columns) : width - max(0, columns)] = grid[
        :, max(0, columns) : width - max(0, -columns)
    ]
    return moved


def _best_in_order(expected: NDArray[np.int_], found: NDArray[np.int_]) -> int:
    """Return the greatest sum of agreements over row matchings that keep the order."""
    agree = (expected[:, None, :] == found[None, :, :]).sum(axis=2)
    best = np.zeros((agree.shape[0] + 1, agree.shape[1] + 1), np.int64)
    for i in range(agree.shape[0]):
        for r in range(agree.shape[1]):
            best[i + 1, r + 1] = max(best[i, r] + agree[i, r], best[i, r + 1], best[i + 1, r])
    return int(best[-1, -1])
