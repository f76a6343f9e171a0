"""TEDS: tree edit distance based similarity (Zhong, ShafieiBavani & Jimeno Yepes 2020).

"Image-based table recognition: data, model, and evaluation", arXiv 1911.10683. A table is the tree
that HTML makes of it: `table`, below it a `tr` for each row, below that a `td` for each cell.
Taking a node out or putting one in costs 1 (what is below it moves up); so does making one node of
another where tag or spans differ. Between two cells of the same spans it costs the edit distance
of their texts over the length of the longer one. TEDS = 1 - cost / nodes of the larger tree (the
`table` itself not counted).

Header rows are rows like others here: grids do not say where a `thead` ends, and `thead` and
`tbody` would add two nodes that are right in every reading.

A tree of three levels needs no general tree edit distance. `table` is always paired with `table`,
and of two rows whose subtrees are compared always `tr` with `tr` (any other pairing gains nothing
and costs more), which leaves an alignment of texts within rows and one of whole forests. That is
exact, and takes milliseconds where the usual algorithm takes minutes for a month of hourly values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from pipeline.evaluation.similarity.spans import Span, shape

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Forest:
    """The rows of a table in postorder: the M cells of a row, then the row itself.

    `sizes`: cells of each of R rows. `texts`, `spans` (M x 2) and `cells` (their places among all
    nodes) go by cell; `rows` are the places of the rows, `starts` those of their first cells.
    """

    sizes: NDArray[np.int_]
    texts: list[str]
    spans: NDArray[np.int_]
    cells: NDArray[np.int_]
    rows: NDArray[np.int_]
    starts: NDArray[np.int_]

    @property
    def nodes(self) -> int:
        return len(self.texts) + len(self.sizes)


def teds(truth: Sequence[Span], read: Sequence[Span]) -> float:
    """Return how alike two tables are: 1 if they are the same, 0 if one of them is empty."""
    a, b = _forest(truth), _forest(read)
    nodes = max(a.nodes, b.nodes)
    return 1 - _distance(a, b) / nodes if nodes else 1.0


def _forest(spans: Sequence[Span]) -> _Forest:
    ordered = sorted(spans, key=lambda span: (span.row, span.column))
    sizes = np.zeros(shape(spans)[0], int)
    for span in ordered:
        sizes[span.row] += 1
    rows = np.cumsum(sizes + 1) - 1
    before = [span.row for span in ordered]  # each earlier row is a node, too
    return _Forest(
        sizes,
        [span.text for span in ordered],
        np.array([(span.row_span, span.column_span) for span in ordered], int).reshape(-1, 2),
        np.arange(len(ordered)) + np.array(before, int),
        rows,
        rows - sizes,
    )


def _distance(a: _Forest, b: _Forest) -> float:
    """Return the cost of making forest `b` of forest `a` (Zhang & Shasha 1989, by rows of `a`)."""
    steps = np.arange(b.nodes + 1, dtype=np.float64)
    reached = steps  # the costs of making the first 0, 1, ... nodes of b of the nodes of a so far
    done = 0
    for size in a.sizes:
        at_start = reached
        costs = _costs(a, b, slice(done, done + size))
        done += size
        cell_by_row = b.sizes + _least(costs, b)
        for cost, by_row in zip(costs, cell_by_row, strict=True):
            paired = np.full(b.nodes, np.inf)
            paired[b.cells] = reached[b.cells] + cost
            paired[b.rows] = reached[b.starts] + by_row
            reached = _closed(reached, paired, steps)
        paired = np.full(b.nodes, np.inf)
        row_by_cell = size + np.minimum(1, costs.min(axis=0, initial=1))
        paired[b.cells] = at_start[b.cells] + row_by_cell
        paired[b.rows] = at_start[b.starts] + _row_by_row(costs, b)
        reached = _closed(reached, paired, steps)
    return float(reached[-1])


def _closed(reached: Floats, paired: Floats, steps: Floats) -> Floats:
    """Return the least costs one node of `a` further: taken out, paired, or others put in."""
    costs = reached + 1
    costs[1:] = np.minimum(costs[1:], paired)
    closed: Floats = np.minimum.accumulate(costs - steps) + steps
    return closed


def _costs(a: _Forest, b: _Forest, cells: slice) -> Floats:
    """Return what it costs to make each cell of `b` of some cells of `a` (K x M)."""
    texts, places = np.unique(np.array(b.texts, object), return_inverse=True)
    of_row = a.texts[cells]
    costs = cdist(of_row, texts, scorer=Levenshtein.normalized_distance, dtype=np.float64)
    by_cell: Floats = costs.reshape(len(of_row), len(texts))[:, places]
    differ = (a.spans[cells, None] != b.spans[None]).any(axis=2)
    by_cell[differ] = 1
    return by_cell


def _least(costs: Floats, b: _Forest) -> Floats:
    """Return the least cost (K x R), 1 at most, over the cells of each row of `b`."""
    least = np.ones((len(costs), len(b.sizes)))
    filled = b.sizes > 0
    if filled.any() and len(costs):
        firsts = (b.starts - np.arange(len(b.sizes)))[filled]  # the same among cells alone
        least[:, filled] = np.minimum(1, np.minimum.reduceat(costs, firsts, axis=1))
    return least


def _row_by_row(costs: Floats, b: _Forest) -> Floats:
    """Return the cost of making each of the R rows of `b` of the row whose K x M costs these are.

    The rows are aligned all at once, the shorter ones filled up at their ends.
    """
    rows, width = len(b.sizes), int(b.sizes.max(initial=0))
    padded = np.ones((len(costs), rows, width))
    padded[:, np.arange(width) < b.sizes[:, None]] = costs
    steps = np.arange(width + 1, dtype=np.float64)
    reached = np.tile(steps, (rows, 1))
    for cost in padded:
        best = reached + 1
        best[:, 1:] = np.minimum(best[:, 1:], reached[:, :-1] + cost)
        reached = np.minimum.accumulate(best - steps, axis=1) + steps
    aligned: Floats = reached[np.arange(rows), b.sizes]
    return aligned
