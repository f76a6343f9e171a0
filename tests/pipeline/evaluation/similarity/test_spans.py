"""Tables as cells with spans: no place is lost when columns are."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.similarity.spans import (
    Span,
    shape,
    spans_of_grid,
    spans_of_table,
    without_columns,
)
from pipeline.page import Cell, Table

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def test_a_grid_has_a_cell_at_every_place() -> None:
    assert spans_of_grid([["a", "9·3"], ["b"]]) == [
        Span(0, 0, "a"),
        Span(0, 1, "9.3"),
        Span(1, 0, "b"),
        Span(1, 1, ""),
    ]
    assert shape(spans_of_grid([])) == (0, 0)


def test_a_table_keeps_its_spans() -> None:
    cells = (
        Cell(1, 0, "1", "1", 1.0, BOX),
        Cell(0, 0, "Max. ", "", 1.0, BOX, column_span=2),
        Cell(1, 1, "2", "2", 1.0, BOX),
    )
    spans = spans_of_table(Table(BOX, 2, 2, cells))
    assert spans == [Span(0, 0, "Max.", 1, 2), Span(1, 0, "1"), Span(1, 1, "2")]
    assert shape(spans) == (2, 2)


def test_a_span_becomes_narrower_with_its_columns() -> None:
    spans = [Span(0, 0, "day"), Span(0, 1, "temperature", 1, 3), Span(0, 4, "rain")]
    left = [Span(0, 0, "day"), Span(0, 1, "temperature", 1, 2), Span(0, 3, "rain")]
    assert without_columns(spans, {2}) == without_columns(spans, {1}) == left
    assert without_columns(spans, {1, 2, 3}) == [Span(0, 0, "day"), Span(0, 1, "rain")]


@given(st.integers(1, 6), st.sets(st.integers(0, 5)))
def test_columns_that_are_left_close_up(columns: int, gone: set[int]) -> None:
    row = [str(column) for column in range(columns)]
    left = [text for column, text in enumerate(row) if column not in gone]
    assert without_columns(spans_of_grid([row]), gone) == spans_of_grid([left])
