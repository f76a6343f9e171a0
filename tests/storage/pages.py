"""Pages and transcriptions to save, made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import sqlalchemy
from sqlalchemy import text as sql

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


def add_page(
    connection: sqlalchemy.Connection,
    name: str,
    collection: str = "ledgers",
    language: str = "english",
) -> int:
    """Add a page, and its collection where there is none, and return the page's id."""
    sha256 = hashlib.sha256(f"{collection}/{name}".encode()).hexdigest()
    connection.execute(
        sql("insert into mill.image values (:sha256, 'image/png', 1, 1000, 800)"),
        {"sha256": sha256},
    )
    page = connection.scalar(
        sql(
            "with made as ("
            " insert into mill.collection (name, language)"
            " values (:collection, cast(:language as regconfig))"
            " on conflict (name) do update set name = excluded.name returning id)"
            " insert into mill.page (collection_id, image_sha256, name)"
            " select id, :sha256, :name from made returning id"
        ),
        {"collection": collection, "language": language, "sha256": sha256, "name": name},
    )
    connection.commit()
    assert isinstance(page, int)
    return page
