"""What the templates of a page are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from pipeline.page import Cell, Line, Polygon, Table, Transcription
from storage.corrections import CellPlace, Correction, LinePlace, Place, corrections_of
from web.pages.showing.signs import LOW, SIGNS, status_of, tally
from web.reading import pages
from web.reading.pages import Sheet


@dataclass(frozen=True, slots=True)
class GridCell:
    """A cell as its table shows it: what a template would have to ask of a thousand is ready.

    `kinds` are its classes; `seen` is the correction in effect there, if any. It is `odd` where it
    is flagged, corrected, or spans others.
    """

    cell: Cell
    name: str
    text: str
    kinds: str
    status: str
    sign: str
    polygon: str
    odd: bool
    flags: int
    seen: int | None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as rows of cells; `held` says who reviews which column just now."""

    number: int
    table: Table
    rows: list[list[GridCell]]
    heads: list[str]
    held: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line as the list of lines shows it."""

    number: int
    line: Line
    polygon: str
    low: bool
    seen: int | None


def context(connection: Connection, page: Sheet, run_id: int, viewer: str | None) -> dict[str, Any]:
    """Return all that the transcription of a page is shown with, for `viewer`."""
    transcription = pages.transcription(connection, page, run_id)
    corrected = page.corrections and page.reading(run_id).current
    standing = in_effect(connection, page.id) if corrected else {}
    held: dict[int, dict[int, str]] = {}
    for table, column, holder in page.held:
        if holder != viewer:
            held.setdefault(table, {})[column] = holder
    return {
        "page": page,
        "run_id": run_id,
        "transcription": transcription,
        "grids": [
            _grid(number, table, standing, held.get(number, {}))
            for number, table in enumerate(transcription.tables)
        ],
        "lines": _lines(transcription, standing),
        "tallied": tally(transcription.tables),
        "corrected": sum(1 for _ in standing),
    }


def in_effect(connection: Connection, page_id: int) -> dict[Place, Correction]:
    """Return the corrections that stand on a page's current reading, by their place in it."""
    return {
        each.place: each
        for each in corrections_of(connection, page_id)
        if each.in_effect and each.place is not None
    }


def _grid(
    number: int, table: Table, standing: Mapping[Place, Correction], held: Mapping[int, str]
) -> Grid:
    def cell(each: Cell) -> GridCell:
        status = status_of(each)
        correction = standing.get(CellPlace(number, each.row, each.column)) if standing else None
        flags = sum(check.startswith("qc:") for check in each.checks) if each.checks else 0
        kinds = status
        if each.value is not None:
            kinds += " number"
        if each.text and each.confidence < LOW:
            kinds += " low"
        if correction is not None and correction.disagrees:
            kinds += " differs"
        return GridCell(
            cell=each,
            name=f"cell-{number}-{each.row}-{each.column}",
            text=each.text,
            kinds=kinds,
            status=status,
            sign=SIGNS[status][0] if each.text else "",
            polygon=_corners(each.polygon),
            odd=bool(flags or correction or each.row_span > 1 or each.column_span > 1),
            flags=flags,
            seen=None if correction is None else correction.id,
        )

    rows = [[cell(each) for each in row] for row in pages.grid(table)]
    return Grid(number, table, rows, pages.heads(table), held)


def _lines(transcription: Transcription, standing: Mapping[Place, Correction]) -> list[TextLine]:
    return [
        TextLine(
            number,
            line,
            _corners(line.polygon),
            line.confidence < LOW,
            None if (correction := standing.get(LinePlace(number))) is None else correction.id,
        )
        for number, line in enumerate(transcription.lines)
    ]


def _corners(polygon: Polygon) -> str:
    """Return a polygon as `data-p` has it: eight whole numbers."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = polygon
    return f"{x1:.0f},{y1:.0f},{x2:.0f},{y2:.0f},{x3:.0f},{y3:.0f},{x4:.0f},{y4:.0f}"


def place_of(said: str) -> Place:
    """Return the place that a page's form names: `line-3`, or `cell-0-4-2`.

    Raises `ValueError` where it names none.
    """
    kind, *numbers = said.split("-")
    values = [int(number) for number in numbers if number.isascii() and number.isdecimal()]
    if kind == "line" and len(values) == len(numbers) == 1:
        return LinePlace(*values)
    if kind == "cell" and len(values) == len(numbers) == 3:
        return CellPlace(*values)
    raise ValueError(said)


def named(place: Place) -> str:
    """Return a place as a page's forms name it, which is its element's id, too."""
    if isinstance(place, LinePlace):
        return f"line-{place.number}"
    return f"cell-{place.table}-{place.row}-{place.column}"
