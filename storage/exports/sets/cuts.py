"""The texts of a page that are worth cutting out, each with its name and place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.page import Cell, Line, Transcription


@dataclass(frozen=True, slots=True)
class Place:
    """A line or a cell; `name` tells it from the others of its page."""

    name: str
    item: Line | Cell
    table: int | None = None


def places_of(page: Transcription) -> Iterator[Place]:
    """Yield the lines and cells of a page, in their order."""
    for number, line in enumerate(page.lines):
        yield Place(f"line-{number}", line)
    for number, table in enumerate(page.tables):
        for cell in table.cells:
            yield Place(f"table-{number + 1}.r{cell.row}.c{cell.column}", cell, number)
