"""What stands above each column, the levels of its head joined from the top down."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from pipeline.checks.notation import read_hour
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


@lru_cache(maxsize=4096)
def hour_of(head: str) -> Decimal | None:
    """Return the hour that a head names among other words (`9 a.m. Dry`), `None` without one."""
    words = head.split()
    for length in range(min(3, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            hour = read_hour(" ".join(words[start : start + length]))
            if hour is not None:
                return hour
    return None
