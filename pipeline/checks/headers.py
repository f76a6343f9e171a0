"""What stands above each column, the levels of its head joined from the top down."""

from __future__ import annotations

import re

from pipeline.page import Cell, Table


def column_headers(table: Table) -> tuple[str, ...]:
    """Return each column's head: the texts of all head cells above it, joined by blanks.

    A head that spans columns is above all of them; one that stands there twice is said once.
    """
    above: list[list[str]] = [[] for _ in range(table.columns)]
    heads = [cell for cell in table.cells if cell.row < table.header_rows and cell.text.strip()]
    for cell in sorted(heads, key=_place):
        text = _joined(cell.text)
        for column in range(cell.column, min(cell.column + cell.column_span, table.columns)):
            if text not in above[column]:
                above[column].append(text)
    return tuple(" ".join(texts) for texts in above)


def _place(cell: Cell) -> tuple[int, int]:
    return cell.row, cell.column


def _joined(text: str) -> str:
    """Return a head's text on one line, words put together that a line's end broke."""
    return " ".join(re.sub(r"(?<=\w)[-=¬]\s+(?=[a-zß-ÿ])", "", text).split())
