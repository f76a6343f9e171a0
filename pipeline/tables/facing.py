"""Put the halves of a table together that an open book shows on its two pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.page import Cell, Table, as_polygon
from pipeline.tables.edge import count_of_heads
from pipeline.tables.layout import Layout
from pipeline.tables.structure.facing import Facing

MOST_LOST = 3
"""A fold takes no more columns than these."""


def join_facing(layout: Layout, tables: Sequence[Table]) -> tuple[Table, ...]:
    """Return a page's tables with those joined that go on across its fold.

    Two tables that only stand side by side name their rows or their columns alike.
    """
    joined = dict(enumerate(tables))
    for facing in layout.facing:
        left, right = joined.get(facing.left), joined.get(facing.right)
        if left is not None and right is not None and not _twins(left, right):
            joined[facing.left] = _joined(layout, facing, left, right)
            del joined[facing.right]
    return tuple(joined.values())


def _twins(left: Table, right: Table) -> bool:
    """Return whether two tables have the same row labels, or the same heads."""
    return _alike(_labels(left), _labels(right), 0.5) or _alike(_heads(left), _heads(right), 0.6)


def _labels(table: Table) -> dict[int, str]:
    """Return the texts of a table's first column, counted from the first row below its head."""
    return {
        cell.row - table.header_rows: cell.text
        for cell in table.cells
        if cell.column == 0 and cell.row >= table.header_rows and cell.text
    }


def _heads(table: Table) -> dict[int, str]:
    """Return the lowest head of each column."""
    heads = [cell for cell in table.cells if cell.row < table.header_rows and cell.text]
    return {cell.column: cell.text for cell in sorted(heads, key=lambda cell: cell.row)}


def _alike(one: dict[int, str], other: dict[int, str], share: float) -> bool:
    same = sum(other.get(place) == text for place, text in one.items())
    return same >= 2 and same >= share * max(len(one), len(other))


def _joined(layout: Layout, facing: Facing, left: Table, right: Table) -> Table:
    """Return two halves as one table; columns that the fold took between them stay empty."""
    lost = _lost(left, right)
    start = left.columns + lost
    cells = [
        *_placed(left, {a: n for n, (a, _) in enumerate(facing.rows) if a is not None}, 0),
        *_placed(right, {b: n for n, (_, b) in enumerate(facing.rows) if b is not None}, start),
    ]
    rows, columns = len(facing.rows), start + right.columns
    taken = {
        (row, column)
        for cell in cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    }
    boxes = {
        (row, column): _box(layout, facing, row, column - left.columns, lost)
        for row in range(rows)
        for column in range(columns)
        if (row, column) not in taken
    }
    if boxes:
        polygons = layout.polygons(np.array(list(boxes.values())))
        cells += [
            Cell(row, column, "", "", 1.0, polygon)
            for (row, column), polygon in zip(boxes, polygons, strict=True)
        ]
    corners = [left.polygon[0], right.polygon[1], right.polygon[2], left.polygon[3]]
    return replace(
        left,
        polygon=as_polygon(corners),
        rows=rows,
        columns=columns,
        cells=tuple(sorted(cells, key=lambda cell: (cell.row, cell.column))),
        header_rows=max(left.header_rows, right.header_rows),
    )


def _placed(table: Table, rows: dict[int, int], start: int) -> list[Cell]:
    """Return a half's cells where they are in the whole table."""
    return [
        replace(
            cell,
            row=rows[cell.row],
            row_span=rows[cell.row + cell.row_span - 1] - rows[cell.row] + 1,
            column=cell.column + start,
        )
        for cell in table.cells
    ]


def _box(
    layout: Layout, facing: Facing, row: int, column: int, lost: int
) -> tuple[float, float, float, float]:
    """Return where a place would be that is on neither page, `column` being counted from the fold.

    Those of a row are as wide as its half of the page; those that the fold took have no width.
    """
    a, b = facing.rows[row]
    left, right = layout.grids[facing.left], layout.grids[facing.right]
    y0, y1 = left.ys[a] if a is not None else right.ys[b or 0]
    if 0 <= column < lost:
        return left.xs[-1], y0, left.xs[-1], y1
    shift = facing.offset if a is not None else -facing.offset
    half = left if column < 0 else right
    return half.xs[0], y0 + shift, half.xs[-1], y1 + shift


def _lost(left: Table, right: Table) -> int:
    """Return how many columns the fold took, as heads tell that count on beyond it."""
    counts = [
        count_of_heads(
            {(cell.row, cell.column): cell.text for cell in table.cells},
            table.header_rows,
            table.columns,
        )
        for table in (left, right)
    ]
    if counts[0] is None or counts[1] is None:
        return 0
    lost = counts[1] - counts[0] - left.columns
    return lost if 0 < lost <= MOST_LOST else 0
