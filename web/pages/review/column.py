"""A column as a sheet: the ink of every row beside what was read, corrected as a spreadsheet is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from pipeline.errors import BadInput
from pipeline.page import Cell
from storage import leases
from storage.corrections import CellPlace, Conflict, correct
from storage.leases import Lease
from web.pages.page.correct import author, undo_newest
from web.pages.page.view import in_effect, named, place_of
from web.pages.showing.ink import Ink, cut_out
from web.pages.showing.signs import LOW, SIGNS, status_of, tally
from web.problems import Problem
from web.reading import pages
from web.security.principal import Corrector
from web.site import TheSite
from web.templating import render

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the column, as a row of the sheet."""

    place: str
    label: str
    head: bool
    cell: Cell
    status: str
    sign: str
    low: bool
    seen: int | None
    ink: Ink


@router.get("/pages/{page_id}/tables/{table}/columns/{column}")
def show(
    request: Request, site: TheSite, who: Corrector, page_id: int, table: int, column: int
) -> Response:
    """Show a column as a sheet; who holds it is told where somebody else does."""
    author(who)
    with site.reading() as connection:
        shown = _context(connection, page_id, table, column)
        held = leases.holders(connection, page_id, who.name).get(table, {}).get(column)
    return render(request, "review/column.html", shown | {"held": held})


@router.post("/pages/{page_id}/tables/{table}/columns/{column}")
def answer(
    request: Request,
    site: TheSite,
    who: Corrector,
    page_id: int,
    table: int,
    column: int,
    run: Annotated[int, Form()],
    place: Annotated[str, Form(max_length=60)],
    text: Annotated[str, Form(max_length=10_000)] = "",
    seen: Annotated[int | None, Form()] = None,
) -> Response:
    """Keep what stands in one row; show what the table makes of it."""
    name = author(who)
    try:
        where = place_of(place)
    except ValueError:
        raise Problem(422, f"{place}: no place of a page; load the page anew") from None
    if not isinstance(where, CellPlace) or (where.table, where.column) != (table, column):
        raise Problem(422, f"{place}: not of this column; load the page anew")
    with site.database.begin() as connection:
        if not leases.take(connection, Lease(page_id, table, column), name):
            return render(request, "review/lost.html", status=409)
    try:
        with site.changing(who, "correction.make", page=page_id, place=place) as connection:
            made = correct(connection, page_id, run, where, text.strip(), name, seen)
    except Conflict as conflict:
        return render(
            request,
            "page/conflict.html",
            {
                "action": f"/pages/{page_id}/tables/{table}/columns/{column}",
                "run": run,
                "place": place,
                "mine": text.strip(),
                "newest": conflict.newest,
            },
            status=409,
        )
    with site.reading() as connection:
        shown = _context(connection, page_id, table, column)
    said = f"“{made.text}” saved"
    return render(request, "review/column_changed.html", shown | {"said": said})


@router.post("/pages/{page_id}/tables/{table}/columns/{column}/undo")
def undo(
    request: Request, site: TheSite, who: Corrector, page_id: int, table: int, column: int
) -> Response:
    """Take back one's newest correction on the page, whatever column it is in."""
    with site.changing(who, "correction.withdraw", page=page_id) as connection:
        gone = undo_newest(connection, page_id, author(who))
    with site.reading() as connection:
        shown = _context(connection, page_id, table, column)
    said = f"“{gone.text}” undone"
    return render(request, "review/column_changed.html", shown | {"said": said})


def _context(connection: Connection, page_id: int, number: int, column: int) -> dict[str, Any]:
    sheet = pages.sheet(connection, page_id)
    if sheet.current is None:
        raise BadInput(sheet.name, "not yet read", "wait for its job")
    read = pages.transcription(connection, sheet, sheet.current.run_id)
    if number >= len(read.tables) or column >= read.tables[number].columns:
        raise BadInput(f"column {column}", "no such column", "go back to the page")
    table = read.tables[number]
    standing = in_effect(connection, page_id)
    labels = pages.labels(table)
    size = (read.width, read.height)
    rows = []
    for cell in sorted(table.cells, key=lambda cell: cell.row):
        if cell.column != column:
            continue
        correction = standing.get(CellPlace(number, cell.row, column))
        status = status_of(cell)
        height = max(20.0, cell.polygon[3][1] - cell.polygon[0][1])
        rows.append(
            Row(
                place=named(CellPlace(number, cell.row, column)),
                label=labels[cell.row] if column else "",
                head=cell.row < table.header_rows,
                cell=cell,
                status=status,
                sign=SIGNS[status][0],
                low=bool(cell.text) and cell.confidence < LOW,
                seen=None if correction is None else correction.id,
                ink=cut_out(page_id, cell.polygon, size, margin=0.25, least_width=5 * height),
            )
        )
    return {
        "page": sheet,
        "run_id": sheet.current.run_id,
        "number": number,
        "column": column,
        "columns": table.columns,
        "head": pages.heads(table)[column],
        "rows": rows,
        "tallied": tally(read.tables),
        "held": None,
    }
