"""Pages: their scans, who read them, and what stands on them."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection, text

from pipeline.page import to_json
from storage import catalogue, provenance, transcriptions
from storage.catalogue import FoundCell, FoundLine, Page, Reading
from web.api.common import etags
from web.api.common.etags import IfNoneMatch
from web.api.common.kinds import InCollection, PageId, PageObject, RunId, TableNumber
from web.api.common.lists import Cursor, Key, Limit, Listed, listed, read
from web.problems import Problem, responses
from web.security.principal import Reader
from web.site import TheSite

router = APIRouter(tags=["library"])

_CHANGES = {**responses(404), **etags.NOT_MODIFIED}


class PageDetails(BaseModel):
    """A page and all that runs have read on it; `image` is the address of its IIIF image."""

    page: Page
    readings: list[Reading]
    image: str = Field(description="IIIF image: append `/info.json`, or region, size and so on.")
    tables: int
    lines: int


class TableSummary(BaseModel):
    """A table without its cells, which are in `/tables/{number}/cells`."""

    number: int
    rows: int
    columns: int
    header_rows: int
    polygon: list[list[float]]
    relations: list[dict[str, object]]


@router.get("/pages")
def list_pages(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    collection: InCollection = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Listed[Page]:
    """List pages in the order in which they came."""
    key = read(cursor, int)
    with site.reading() as connection:
        found = catalogue.pages(connection, collection, int(key[0]) if key else 0, limit + 1)
    return listed(found, limit, lambda page: [page.id], request, response)


@router.get("/pages/{page_id}", responses=responses(404))
def get_page(site: TheSite, _who: Reader, page_id: PageId) -> PageDetails:
    """Say what is known of a page: its scan, and the runs that have read it."""
    with site.reading() as connection:
        page = catalogue.page(connection, page_id)
        readings = catalogue.readings_of(connection, page_id)
        lines, tables = _counts(connection, page_id)
    return PageDetails(
        page=page,
        readings=readings,
        image=f"/iiif/image/{page_id}",
        lines=lines,
        tables=tables,
    )


@router.get("/pages/{page_id}/transcription", response_model=PageObject, responses=_CHANGES)
def get_transcription(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    run: RunId = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Return the page object: all lines and tables, with corrections laid on them."""
    with site.at_once() as connection:
        etag = etags.quoted(catalogue.version(connection, page_id, run))
        known = etags.unchanged(if_none_match, etag)
        if known is not None:
            return known
        name, reading = catalogue.reading(connection, page_id, run)
        said = transcriptions.load(connection, page_id, reading.run_id)
        origin = provenance.of_page(connection, page_id)
    page = to_json(said, name, reading.run, origin)
    body = json.dumps(page, ensure_ascii=False, allow_nan=False)
    return Response(body.encode(), media_type="application/json", headers={"ETag": etag})


@router.get("/pages/{page_id}/lines", responses=_CHANGES, response_model=Listed[FoundLine])
def list_lines_of_page(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 1000,
    if_none_match: IfNoneMatch = None,
) -> Listed[FoundLine] | Response:
    """List the lines of a page outside its tables, as they stand now."""
    key = read(cursor, int, int)
    with site.reading() as connection:
        known = _unchanged(connection, response, page_id, if_none_match)
        if known is not None:
            return known
        after = (int(key[0]), int(key[1])) if key else (0, -1)
        found = catalogue.lines(connection, page_id=page_id, after=after, limit=limit + 1)
    return listed(found, limit, _line_key, request, response)


@router.get("/pages/{page_id}/tables", responses=_CHANGES, response_model=list[TableSummary])
def list_tables(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> list[TableSummary] | Response:
    """List the tables of a page, with the relations found in each."""
    with site.reading() as connection:
        known = _unchanged(connection, response, page_id, if_none_match)
        if known is not None:
            return known
        rows = connection.execute(
            text(
                "select number, rows, columns, header_rows, polygon, relations"
                ' from mill."table" join mill.transcription on transcription.id = transcription_id'
                " join mill.page on page.id = page_id and current_run_id = run_id"
                " where page_id = :page order by number"
            ),
            {"page": page_id},
        )
        return [
            TableSummary(**{**row, "polygon": [row["polygon"][i : i + 2] for i in range(0, 8, 2)]})
            for row in rows.mappings()
        ]


@router.get(
    "/pages/{page_id}/tables/{number}/cells", responses=_CHANGES, response_model=Listed[FoundCell]
)
def list_cells_of_table(
    site: TheSite,
    _who: Reader,
    page_id: PageId,
    number: TableNumber,
    request: Request,
    response: Response,
    cursor: Cursor = None,
    limit: Limit = 1000,
    if_none_match: IfNoneMatch = None,
) -> Listed[FoundCell] | Response:
    """List the cells of a table row by row, as they stand now."""
    key = read(cursor, int, int, int, int)
    with site.reading() as connection:
        known = _unchanged(connection, response, page_id, if_none_match)
        if known is not None:
            return known
        found = catalogue.cells(
            connection, page_id=page_id, table=number, after=_after(key), limit=limit + 1
        )
    if not found and key is None:
        raise Problem(404, f"page {page_id} has no table {number}")
    return listed(found, limit, _cell_key, request, response)


@router.get("/lines", responses=responses(404))
def list_lines(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    collection: InCollection = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Listed[FoundLine]:
    """List all lines, page by page, for whoever copies them."""
    key = read(cursor, int, int)
    with site.reading() as connection:
        after = (int(key[0]), int(key[1])) if key else (0, -1)
        found = catalogue.lines(connection, collection=collection, after=after, limit=limit + 1)
    return listed(found, limit, _line_key, request, response)


@router.get("/cells", responses=responses(404))
def list_cells(
    site: TheSite,
    _who: Reader,
    request: Request,
    response: Response,
    collection: InCollection = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Listed[FoundCell]:
    """List all cells, page by page, for whoever copies them."""
    key = read(cursor, int, int, int, int)
    with site.reading() as connection:
        found = catalogue.cells(
            connection, collection=collection, after=_after(key), limit=limit + 1
        )
    return listed(found, limit, _cell_key, request, response)


def _unchanged(
    connection: Connection, response: Response, page_id: int, if_none_match: str | None
) -> Response | None:
    etag = etags.quoted(catalogue.version(connection, page_id))
    response.headers["ETag"] = etag
    return etags.unchanged(if_none_match, etag)


def _counts(connection: Connection, page_id: int) -> tuple[int, int]:
    row = connection.execute(
        text(
            "select (select count(*) from mill.line where transcription_id = transcription.id),"
            ' (select count(*) from mill."table" where transcription_id = transcription.id)'
            " from mill.page left join mill.transcription on page_id = page.id"
            " and run_id = current_run_id where page.id = :page"
        ),
        {"page": page_id},
    ).one()
    return int(row[0]), int(row[1])


def _line_key(line: FoundLine) -> Key:
    return [line.page_id, line.number]


def _cell_key(cell: FoundCell) -> Key:
    return [cell.page_id, cell.table, cell.row, cell.column]


def _after(key: Key | None) -> tuple[int, int, int, int]:
    if key is None:
        return (0, -1, -1, -1)
    page, table, row, column = map(int, key)
    return (page, table, row, column)
