"""A table as the measures of similarity see it: its cells, each with what it spans."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pipeline.evaluation.tables import Grid, canonical
from pipeline.page import Table


@dataclass(frozen=True, slots=True)
class Span:
    """A cell that begins at a row and a column (counted from 0) and covers one place or more.

    Every place of a table is covered by exactly one; `text` is canonical (see `canonical`).
    """

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1


def spans_of_table(table: Table) -> list[Span]:
    """Return a page's table, row by row."""
    spans = (
        Span(cell.row, cell.column, canonical(cell.text), cell.row_span, cell.column_span)
        for cell in table.cells
    )
    return sorted(spans, key=lambda span: (span.row, span.column))


def spans_of_grid(grid: Grid) -> list[Span]:
    """Return a grid that knows no spans; rows that are too short end in empty cells."""
    width = max((len(row) for row in grid), default=0)
    return [
        Span(i, j, canonical(row[j]) if j < len(row) else "")
        for i, row in enumerate(grid)
        for j in range(width)
    ]


def without_columns(spans: Iterable[Span], columns: Collection[int]) -> list[Span]:
    """Return the table without some of its columns; what spans one becomes narrower."""
    left = []
    for span in spans:
        kept = [
            column
            for column in range(span.column, span.column + span.column_span)
            if column not in columns
        ]
        if kept:
            before = sum(column < kept[0] for column in columns)
            left.append(Span(span.row, kept[0] - before, span.text, span.row_span, len(kept)))
    return left


def shape(spans: Iterable[Span]) -> tuple[int, int]:
    """Return the number of rows and of columns."""
    corners = [(span.row + span.row_span, span.column + span.column_span) for span in spans]
    return max((row for row, _ in corners), default=0), max((col for _, col in corners), default=0)
