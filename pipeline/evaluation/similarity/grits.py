"""GriTS: grid table similarity (Smock, Pesala & Abraham 2022), of content and of topology.

"GriTS: Grid table similarity metric for table structure recognition", arXiv 2203.12555. A table is
a matrix; a cell that spans several places stands in each of them. Rows and columns of both tables
are chosen, in order, so that the matrices that are left are as alike as can be; the similarities of
their entries, added up, are the `shared` part of both. GriTS is the harmonic mean of
shared / entries of the truth and shared / entries of the reading.

- GriTS-Con: two entries are as alike as their texts: twice the longest common subsequence over
  both lengths; two empty texts are the same.
- GriTS-Top: an entry is where its cell begins and ends, seen from here; two are as alike as the
  intersection of these boxes over their union.

The best choice is hard to find (NP-complete). As the paper does, rows are chosen by how well they
can be aligned cell by cell, columns likewise, and the two choices put together ("factored"), which
is a lower bound. Counts of several tables add up (a micro average).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from pipeline.evaluation.similarity.spans import Span, shape

Floats = NDArray[np.float64]
Entries = NDArray[np.int_]
"""Rows x columns (or one row or column of it); equal numbers are equal entries of one table."""
Alike = Callable[[Entries], Floats]
"""How alike K entries of the truth are to each of the N different ones of the reading (K x N)."""
Entry = TypeVar("Entry")


@dataclass(frozen=True, slots=True)
class GritsScore:
    """What tables have in common, and how many entries they have in truth and as read."""

    shared: float = 0.0
    true: int = 0
    read: int = 0

    def __add__(self, other: GritsScore) -> GritsScore:
        return GritsScore(
            self.shared + other.shared, self.true + other.true, self.read + other.read
        )

    @property
    def similarity(self) -> float | None:
        """GriTS, 0 to 1; `None` where there is no table."""
        return 2 * self.shared / (self.true + self.read) if self.true + self.read else None


def grits_con(truth: Sequence[Span], read: Sequence[Span]) -> GritsScore:
    """Compare what stands in the cells of two tables."""
    a, texts = _entries(truth, lambda span, *_: span.text)
    b, others = _entries(read, lambda span, *_: span.text)

    def alike(entries: Entries) -> Floats:
        some = [texts[entry] for entry in entries]
        return cdist(some, others, scorer=Indel.normalized_similarity, dtype=np.float64)

    return _score(a, b, alike)


def grits_top(truth: Sequence[Span], read: Sequence[Span]) -> GritsScore:
    """Compare what the cells of two tables span, whatever stands in them."""
    a, boxes = _entries(truth, _box)
    b, others = _entries(read, _box)
    overlap = _overlap(*(np.array(some, float).reshape(-1, 4) for some in (boxes, others)))
    return _score(a, b, lambda entries: overlap[entries])


def _box(span: Span, row: int, column: int) -> tuple[int, int, int, int]:
    """Return a cell's left, top, right and bottom as seen from one of its places."""
    left, top = span.column - column, span.row - row
    return left, top, left + span.column_span, top + span.row_span


def _entries(
    spans: Sequence[Span], entry: Callable[[Span, int, int], Entry]
) -> tuple[Entries, list[Entry]]:
    """Return the matrix of a table, its entries numbered, and the entries by their number."""
    numbers: dict[Entry, int] = {}
    entries = np.zeros(shape(spans), int)
    for span in spans:
        for row in range(span.row, span.row + span.row_span):
            for column in range(span.column, span.column + span.column_span):
                seen = entry(span, row, column)
                entries[row, column] = numbers.setdefault(seen, len(numbers))
    return entries, list(numbers)


def _overlap(boxes: Floats, others: Floats) -> Floats:
    """Return intersection over union of each of N boxes with each of M others."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=2)
    areas, other_areas = (np.prod(b[:, 2:] - b[:, :2], axis=1) for b in (boxes, others))
    overlap: Floats = common / (areas[:, None] + other_areas[None] - common)
    return overlap


def _score(a: Entries, b: Entries, alike: Alike) -> GritsScore:
    if not a.size or not b.size:
        return GritsScore(0.0, a.size, b.size)
    rows = aligned(_likeness(a, b, alike))
    columns = aligned(_likeness(a.T, b.T, alike))
    of_a, of_b = [i for i, _ in columns], [j for _, j in columns]
    # The K x N likenesses of a row's entries: of the k-th, that of what it was paired with.
    shared = sum(alike(a[i, of_a])[np.arange(len(of_a)), b[j, of_b]].sum() for i, j in rows)
    return GritsScore(float(shared), a.size, b.size)


def _likeness(a: Entries, b: Entries, alike: Alike) -> Floats:
    """Return how much the rows of two matrices have in common, aligned cell by cell (R x S)."""
    scores = np.zeros((len(a), len(b)))
    for i, row in enumerate(a):
        best = np.zeros((len(b), b.shape[1] + 1))
        for by_entry in alike(row):
            best[:, 1:] = np.maximum(best[:, 1:], best[:, :-1] + by_entry[b])
            best = np.maximum.accumulate(best, axis=1)
        scores[i] = best[:, -1]
    return scores


def aligned(likeness: Floats) -> list[tuple[int, int]]:
    """Return the pairs of R things and S others (R x S), in order, that have most in common.

    Of equal choices the one with more pairs.
    """
    rows, columns = likeness.shape
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows):
        for j in range(columns):
            best[i + 1, j + 1] = max(best[i, j] + likeness[i, j], best[i, j + 1], best[i + 1, j])
    pairs = []
    i, j = rows, columns
    while i and j:
        if best[i, j] == best[i - 1, j - 1] + likeness[i - 1, j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif best[i, j] == best[i - 1, j]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]
