"""Sheets of numbers that were read without doubt, for tests."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pipeline.checks.sheet import Candidate, Column, Entry, Kind, Position, Sheet

SURE = math.log(0.99)


def sheet_of(
    rows: Sequence[Sequence[int | str | None]],
    kinds: Sequence[Kind] | None = None,
    decimals: Sequence[int] | None = None,
) -> Sheet:
    """Return a sheet of whole numbers, labels and blanks (`None`); the first row is a header.

    Values are in units of the finest column; `decimals` says how many each column is written to.
    """
    width = max(map(len, rows))
    entries: dict[Position, Entry] = {}
    for row, cells in enumerate(rows, start=1):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                entries[row, column] = Entry((Candidate(cell, None, SURE),))
            elif cell is not None:
                written = decimals[column] if decimals else 0
                entries[row, column] = Entry((Candidate(str(cell), cell, SURE),), written)
    columns = tuple(Column(kinds[column] if kinds else "number") for column in range(width))
    return Sheet(len(rows) + 1, columns, 1, entries, max(decimals) if decimals else 0)
