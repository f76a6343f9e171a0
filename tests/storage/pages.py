"""Transcriptions to save, made by hand."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.page import Cell, Line, Polygon, Table, Transcription

MakePage = Callable[..., int]
"""Called with a page's name, and a collection and its language, returns the new page's id."""


def box(x: float, y: float, width: float = 100, height: float = 20) -> Polygon:
    """Return an upright polygon."""
    return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))


def transcription(lines: tuple[str, ...] = (), *grids: list[list[str]]) -> Transcription:
    """Return a transcription of lines and tables; the first row of a table is its header."""
    tables = tuple(
        Table(
            polygon=box(0, 0, 1000, 500),
            rows=len(grid),
            columns=len(grid[0]),
            header_rows=1,
            cells=tuple(
                Cell(
                    row=row,
                    column=column,
                    text=value,
                    raw=value,
                    confidence=0.9,
                    polygon=box(column * 100, row * 20),
                    value=number(value),
                )
                for row, values in enumerate(grid)
                for column, value in enumerate(values)
            ),
        )
        for grid in grids
    )
    return Transcription(
        width=1000,
        height=800,
        angle=0.5,
        lines=tuple(Line(line, 0.8, box(10, 20 * i)) for i, line in enumerate(lines)),
        tables=tables,
    )


def number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None
