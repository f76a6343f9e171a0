"""Two runs of a page side by side, what they read differently marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from pipeline.page import Cell, Table, Transcription
from web.lanes import slowly
from web.pages.showing.ink import Ink, cut_out
from web.reading import pages
from web.security.principal import Reader
from web.site import TheSite
from web.templating import render

router = APIRouter()

_MOST = 200
"""Differences that are shown with their ink; the grids mark all."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A place that two runs read differently; its ink as the left one cut it out."""

    place: str
    where: str
    left: str
    right: str
    ink: Ink


@router.get("/pages/{page_id}/compare")
@slowly
def compare(
    request: Request,
    site: TheSite,
    _who: Reader,
    page_id: int,
    left: Annotated[int | None, Query(ge=1)] = None,
    right: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """Show what two runs read on a page; by default the current one and the one before it."""
    with site.reading() as connection:
        sheet = pages.sheet(connection, page_id)
        runs = [each.run_id for each in sheet.readings]
        current = sheet.current
        mine = right or (current.run_id if current else None)
        others = [run for run in runs if run != mine]
        theirs = left or (others[0] if others else None)
        if mine is None or theirs is None:
            return render(request, "page/compare.html", {"page": sheet, "pair": None})
        pair = [
            (sheet.reading(run), pages.transcription(connection, sheet, run))
            for run in (theirs, mine)
        ]
    found = differences(page_id, pair[0][1], pair[1][1])
    return render(
        request,
        "page/compare.html",
        {
            "page": sheet,
            "pair": pair,
            "differences": found[:_MOST],
            "total": len(found),
            "differing": {each.place for each in found},
        },
    )


def differences(page_id: int, left: Transcription, right: Transcription) -> list[Difference]:
    """Return where two readings of a page differ: lines and cells by their numbers."""
    size = (left.width, left.height)
    found = []
    for number in range(max(len(left.lines), len(right.lines))):
        one = left.lines[number] if number < len(left.lines) else None
        other = right.lines[number] if number < len(right.lines) else None
        polygon = (one or other).polygon  # type: ignore[union-attr]  # one of them is there
        texts = (one.text if one else "", other.text if other else "")
        if texts[0] != texts[1]:
            ink = cut_out(page_id, polygon, size, least_width=300)
            found.append(Difference(f"line-{number}", f"line {number + 1}", *texts, ink))
    for number in range(max(len(left.tables), len(right.tables))):
        cells = [_cells(read.tables, number) for read in (left, right)]
        for row, column in sorted(cells[0].keys() | cells[1].keys()):
            one_cell, other_cell = cells[0].get((row, column)), cells[1].get((row, column))
            texts = (one_cell.text if one_cell else "", other_cell.text if other_cell else "")
            polygon = (one_cell or other_cell).polygon  # type: ignore[union-attr]
            if texts[0] != texts[1]:
                where = f"table {number + 1}, row {row + 1}, column {column + 1}"
                ink = cut_out(page_id, polygon, size, least_width=200)
                found.append(Difference(f"cell-{number}-{row}-{column}", where, *texts, ink))
    return found


def _cells(tables: tuple[Table, ...], number: int) -> dict[tuple[int, int], Cell]:
    cells = tables[number].cells if number < len(tables) else ()
    return {(cell.row, cell.column): cell for cell in cells}
