"""Tables of texts, for the tests of what is made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from pipeline.page import Alternative, Cell, Polygon, Table

SQUARE: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))

Rivals = Mapping[tuple[int, int], Sequence[tuple[str, float]]]


def table_of(
    *rows: Sequence[str],
    header_rows: int = 1,
    rivals: Rivals | None = None,
    spans: Mapping[tuple[int, int], int] | None = None,
) -> Table:
    """Return a table of these texts; `rivals` are readings with their probabilities, by place.

    A text without rivals is read for certain; `spans` are column spans of head cells.
    """
    columns = max(map(len, rows))
    cells = []
    for r, row in enumerate(rows):
        for c in range(columns):
            text = row[c] if c < len(row) else ""
            read = (rivals or {}).get((r, c), [(text, 0.99)] if text else [])
            alternatives = tuple(Alternative(t, math.log(p)) for t, p in read)
            confidence = read[0][1] if read else 1.0
            span = (spans or {}).get((r, c), 1)
            cells.append(
                Cell(
                    r, c, text, text, confidence, SQUARE,
                    column_span=span, alternatives=alternatives,
                )
            )  # fmt: skip
    return Table(SQUARE, len(rows), columns, tuple(cells), header_rows)
