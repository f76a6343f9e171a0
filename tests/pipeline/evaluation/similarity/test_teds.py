"""TEDS against examples worked by hand and against the definition of tree edit distance."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from pipeline.evaluation.similarity.spans import Span, shape, spans_of_grid
from pipeline.evaluation.similarity.teds import teds

Node = tuple[str, int, int, str, tuple["Node", ...]]
"""Tag, rows, columns, text, children."""

texts = st.text(alphabet="ab1", max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> list[Span]:
    """Return a small table with spans that cover every place once."""
    rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    taken: set[tuple[int, int]] = set()
    spans = []
    for row in range(rows):
        for column in range(columns):
            if (row, column) in taken:
                continue
            free = 1
            while column + free < columns and (row, column + free) not in taken:
                free += 1
            width, height = draw(st.integers(1, free)), draw(st.integers(1, rows - row))
            taken |= {(row + i, column + j) for i in range(height) for j in range(width)}
            spans.append(Span(row, column, draw(texts), height, width))
    return spans


def _tree(spans: list[Span]) -> Node:
    rows = []
    for row in range(shape(spans)[0]):
        of_row = sorted((s for s in spans if s.row == row), key=lambda s: s.column)
        cells = tuple(("td", s.row_span, s.column_span, s.text, ()) for s in of_row)
        rows.append(("tr", 1, 1, "", cells))
    return ("table", 1, 1, "", tuple(rows))


def _size(forest: tuple[Node, ...]) -> int:
    return sum(1 + _size(node[4]) for node in forest)


@cache
def _edits(a: tuple[Node, ...], b: tuple[Node, ...]) -> float:
    """Return the edit distance of ordered forests, straight from its recursive definition."""
    if not a or not b:
        return _size(a) + _size(b)
    *before_a, last_a = a
    *before_b, last_b = b
    same = last_a[:3] == last_b[:3]
    rename = Levenshtein.normalized_distance(last_a[3], last_b[3]) if same else 1.0
    return min(
        _edits((*before_a, *last_a[4]), b) + 1,
        _edits(a, (*before_b, *last_b[4])) + 1,
        _edits(tuple(before_a), tuple(before_b)) + _edits(last_a[4], last_b[4]) + rename,
    )


@given(tables(), tables())
def test_as_defined(truth: list[Span], read: list[Span]) -> None:
    a, b = _tree(truth), _tree(read)
    expected = 1 - _edits((a,), (b,)) / (max(_size((a,)), _size((b,))) - 1)
    assert teds(truth, read) == pytest.approx(expected)
    assert teds(read, truth) == pytest.approx(expected)


@given(tables())
def test_a_table_is_like_itself(table: list[Span]) -> None:
    assert teds(table, table) == 1
    assert teds(table, []) == teds([], table) == 0


MONTH = [[str(day), *(f"{day}.{hour}" for hour in range(3))] for day in range(10, 20)]
NODES = 10 * 5
"""Ten rows and their four cells each."""


@pytest.mark.parametrize(
    ("read", "cost"),
    [
        ([*MONTH[:4], *MONTH[5:]], 5),  # a row and its cells are missing
        ([["10", "10.0", "10.1", "11.2"], *MONTH[1:]], 1 / 4),  # one character of four
        ([["10", "10.0", "", "10.2"], *MONTH[1:]], 1),  # a value was not read
        ([row[:3] for row in MONTH], 10),  # a column is missing
        ([[*MONTH[0], *MONTH[1]], *MONTH[2:]], 3),  # two rows run into one: both tr out, one in
    ],
)
def test_what_an_error_costs(read: list[list[str]], cost: float) -> None:
    spans = [Span(i, j, text) for i, row in enumerate(read) for j, text in enumerate(row)]
    assert teds(spans_of_grid(MONTH), spans) == pytest.approx(1 - cost / NODES)


def test_a_head_cut_in_two() -> None:
    """One td of two columns against two of one: one is put in, the other differs in its span."""
    whole = [Span(0, 0, "Thermometer", 1, 2), Span(1, 0, "Max."), Span(1, 1, "Min.")]
    cut = spans_of_grid([["Thermometer", ""], ["Max.", "Min."]])
    assert teds(whole, cut) == pytest.approx(1 - 2 / 6)
    # The text is compared only where spans are the same: that it was read makes no difference.
    assert teds(whole, spans_of_grid([["", ""], ["Max.", "Min."]])) == pytest.approx(1 - 2 / 6)
