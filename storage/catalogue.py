"""What there is: collections, documents, pages and their readings, listed from where one left off.

A list is asked for from behind the last item that was seen, by what it is ordered by, so that its
later parts cost no more than its first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import Polygon, as_polygon


@dataclass(frozen=True, slots=True)
class Collection:
    """A set of documents, and how many of its pages have been read."""

    name: str
    language: str
    documents: int
    pages: int
    pages_read: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Document:
    """One source file as found, of so many pages."""

    id: int
    collection: str
    source: str
    media_type: str
    pages: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its scan, upright in pixels, and the run that its current transcription is by.

    `document` is the first that it was found in; `confidence`, `run` and `run_id` are null until
    the page has been read.
    """

    id: int
    name: str
    collection: str
    document_id: int | None
    document: str | None
    image: str
    media_type: str
    width: int
    height: int
    run_id: int | None
    run: str | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a run read on a page: its place in the history of that page."""

    run_id: int
    run: str
    confidence: float | None
    created_at: datetime
    current: bool


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line of a current transcription; `corrected` where a person says what it is.

    `raw` to `region` are as in the published page object, null where that has nothing.
    """

    page_id: int
    page: str
    number: int
    text: str
    confidence: float
    status: str
    polygon: Polygon
    corrected: bool
    correction: int | None
    raw: str | None
    joined: str | None
    language: str | None
    script: str | None
    tagged: list[dict[str, Any]] | None
    region: int | None


@dataclass(frozen=True, slots=True)
class FoundCell:
    """A cell of a current transcription; `corrected` where a person says what it is."""

    page_id: int
    page: str
    table: int
    row: int
    column: int
    row_span: int
    column_span: int
    text: str
    raw: str
    value: float | None
    unit: str | None
    confidence: float
    status: str
    polygon: Polygon
    checks: list[str]
    corrected: bool
    correction: int | None


_COLLECTIONS = """
    select name, language::text as language, created_at,
        (select count(*) from mill.document where collection_id = collection.id) as documents,
        (select count(*) from mill.page where collection_id = collection.id) as pages,
        (
            select count(*) from mill.page
            where collection_id = collection.id and current_run_id is not null
        ) as pages_read
    from mill.collection
    where cast(:after as text) is null or name collate "C" > :after
    order by name collate "C"
    limit :limit
"""

_DOCUMENTS = """
    select document.id, collection.name as collection, source, media_type, document.created_at,
        (select count(*) from mill.document_page where document_id = document.id) as pages
    from mill.document join mill.collection on collection.id = collection_id
    where document.id > :after
        and (cast(:collection as text) is null or collection.name = :collection)
        and (cast(:id as bigint) is null or document.id = :id)
    order by document.id
    limit :limit
"""

_PAGES = """
    select page.id, page.name, collection.name as collection,
        found.document_id, found.source as document,
        image.sha256 as image, image.media_type, image.width, image.height,
        run.id as run_id, run.name as run, transcription.confidence
    from mill.page
    join mill.collection on collection.id = page.collection_id
    join mill.image on image.sha256 = page.image_sha256
    left join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    left join mill.run on run.id = transcription.run_id
    left join lateral (
        select document.id as document_id, document.source
        from mill.document_page join mill.document on document.id = document_page.document_id
        where document_page.page_id = page.id order by document.id limit 1
    ) as found on true
"""

_LINES = """
    select page.id as page_id, page.name as page, line.number, line.text, line.confidence,
        line.status, line.polygon, was.correction_id as correction, line.raw, line.joined,
        line.bcp47 as language, line.script, line.tagged,
        case when transcription.regions is not null then line.region end as region
    from mill.page
    join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    join mill.line on line.transcription_id = transcription.id
    left join mill.line_as_read as was
        on was.transcription_id = line.transcription_id and was.number = line.number
    where (page.id, line.number) > (:page, :number)
        and (cast(:only as bigint) is null or page.id = :only)
        and (cast(:collection as bigint) is null or page.collection_id = :collection)
    order by page.id, line.number
    limit :limit
"""

_CELLS = """
    select page.id as page_id, page.name as page, cell."table", cell."row", cell."column",
        cell.row_span, cell.column_span, cell.text, cell.raw, cell.value, cell.unit,
        cell.confidence, cell.status, cell.polygon, cell.checks, was.correction_id as correction
    from mill.page
    join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    join mill.cell on cell.transcription_id = transcription.id
    left join mill.cell_as_read as was
        on was.transcription_id = cell.transcription_id and was."table" = cell."table"
        and was."row" = cell."row" and was."column" = cell."column"
    where page.id >= :page
        and (page.id, cell."table", cell."row", cell."column") > (:page, :table, :row, :column)
        and (cast(:only as bigint) is null or page.id = :only)
        and (cast(:only_table as int) is null or cell."table" = :only_table)
        and (cast(:collection as bigint) is null or page.collection_id = :collection)
    order by page.id, cell."table", cell."row", cell."column"
    limit :limit
"""


def collections(connection: Connection, after: str | None, limit: int) -> list[Collection]:
    """Return collections by name, those behind the name `after`."""
    rows = connection.execute(text(_COLLECTIONS), {"after": after, "limit": limit})
    return [Collection(**row) for row in rows.mappings()]


def documents(
    connection: Connection, collection: str | None, after: int, limit: int
) -> list[Document]:
    """Return documents as they were found, those behind the one of id `after`."""
    rows = connection.execute(
        text(_DOCUMENTS), {"collection": collection, "after": after, "limit": limit, "id": None}
    )
    return [Document(**row) for row in rows.mappings()]


def document(connection: Connection, document_id: int) -> Document:
    """Return one document. Raises `BadInput` where there is none."""
    row = (
        connection.execute(
            text(_DOCUMENTS), {"collection": None, "after": 0, "limit": 1, "id": document_id}
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise BadInput(f"document {document_id}", "no such document", "see those there are")
    return Document(**row)


def pages(connection: Connection, collection: str | None, after: int, limit: int) -> list[Page]:
    """Return pages in the order in which they came, those behind the one of id `after`."""
    rows = connection.execute(
        text(
            f"{_PAGES} where page.id > :after"
            " and (cast(:collection as text) is null or collection.name = :collection)"
            " order by page.id limit :limit"
        ),
        {"collection": collection, "after": after, "limit": limit},
    )
    return [Page(**row) for row in rows.mappings()]


def pages_of_document(
    connection: Connection, document_id: int, after: int = -1, limit: int | None = None
) -> list[tuple[int, Page]]:
    """Return the pages of a document, each behind its place from 0; those behind place `after`."""
    rows = connection.execute(
        text(
            "select place.number, listed.* from mill.document_page as place,"  # noqa: S608 (ours)
            f" lateral ({_PAGES} where page.id = place.page_id) as listed"
            " where place.document_id = :document and place.number > :after"
            " order by place.number limit :limit"
        ),
        {"document": document_id, "after": after, "limit": limit},
    )
    return [
        (row["number"], Page(**{name: row[name] for name in row if name != "number"}))
        for row in rows.mappings()
    ]


def page(connection: Connection, page_id: int) -> Page:
    """Return one page. Raises `BadInput` where there is none."""
    row = (
        connection.execute(text(f"{_PAGES} where page.id = :page"), {"page": page_id})
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise no_page(page_id)
    return Page(**row)


def no_page(page_id: int) -> BadInput:
    """Return the error for a page that is not there."""
    return BadInput(f"page {page_id}", "no such page", 'see `ledgermill sql "TABLE pages"`')


def readings_of(connection: Connection, page_id: int) -> list[Reading]:
    """Return what runs have read on a page, oldest first."""
    rows = connection.execute(
        text(
            "select run.id as run_id, run.name as run, confidence, transcription.created_at,"
            " run.id is not distinct from page.current_run_id as current"
            " from mill.transcription join mill.run on run.id = run_id"
            " join mill.page on page.id = page_id"
            " where page_id = :page order by transcription.created_at, run.id"
        ),
        {"page": page_id},
    )
    return [Reading(**row) for row in rows.mappings()]


def reading(connection: Connection, page_id: int, run_id: int | None = None) -> tuple[str, Reading]:
    """Return a page's name and what a run, or the current one, has read on it.

    Raises `BadInput` where there is no such page or reading.
    """
    row = connection.execute(
        text(
            "select page.name, run.id as run_id, run.name as run, confidence,"
            " transcription.created_at, run.id is not distinct from current_run_id as current"
            " from mill.page join mill.transcription on page_id = page.id"
            " join mill.run on run.id = run_id"
            " where page.id = :page and run_id = coalesce(:run, current_run_id)"
        ),
        {"page": page_id, "run": run_id},
    ).one_or_none()
    if row is None:
        raise BadInput(f"page {page_id}", "not yet read", "wait for its job, or digitize it")
    name, *rest = row
    return name, Reading(*rest)


def version(connection: Connection, page_id: int, run_id: int | None = None) -> str:
    """Return what changes whenever what stands on a page does, the current run or a given one.

    Raises `BadInput` where there is no such page, or the run has not read it.
    """
    row = connection.execute(
        text(
            "select transcription.id, page.id as page, max(correction.id) as newest,"
            " count(correction.withdrawn_at) as withdrawn"
            " from mill.page"
            " left join mill.transcription on transcription.page_id = page.id"
            " and transcription.run_id = coalesce(:run, page.current_run_id)"
            " left join mill.correction on correction.page_id = page.id"
            " where page.id = :page group by page.id, transcription.id"
        ),
        {"page": page_id, "run": run_id},
    ).one_or_none()
    if row is None:
        raise no_page(page_id)
    if row.id is None:
        raise BadInput(f"page {page_id}", "not yet read", "wait for its job, or digitize it")
    return f"{page_id}-{row.id}-{row.newest or 0}-{row.withdrawn}"


def lines(
    connection: Connection,
    *,
    page_id: int | None = None,
    collection: str | None = None,
    after: tuple[int, int] = (0, -1),
    limit: int,
) -> list[FoundLine]:
    """Return lines of current transcriptions, by page and number, those behind `after`."""
    rows = connection.execute(
        text(_LINES),
        {
            "only": page_id,
            "collection": _collection(connection, collection),
            "page": after[0],
            "number": after[1],
            "limit": limit,
        },
    )
    return [
        FoundLine(
            **{**row, "polygon": _polygon(row["polygon"])}, corrected=row["correction"] is not None
        )
        for row in rows.mappings()
    ]


def cells(
    connection: Connection,
    *,
    page_id: int | None = None,
    table: int | None = None,
    collection: str | None = None,
    after: tuple[int, int, int, int] = (0, -1, -1, -1),
    limit: int,
) -> list[FoundCell]:
    """Return cells of current transcriptions, by page and place, those behind `after`."""
    rows = connection.execute(
        text(_CELLS),
        {
            "only": page_id,
            "only_table": table,
            "collection": _collection(connection, collection),
            "page": after[0],
            "table": after[1],
            "row": after[2],
            "column": after[3],
            "limit": limit,
        },
    )
    return [
        FoundCell(
            **{**row, "polygon": _polygon(row["polygon"])}, corrected=row["correction"] is not None
        )
        for row in rows.mappings()
    ]


def _collection(connection: Connection, name: str | None) -> int | None:
    if name is None:
        return None
    found: int | None = connection.scalar(
        text("select id from mill.collection where name = :name"), {"name": name}
    )
    if found is None:
        raise BadInput(name, "no such collection", 'see `ledgermill sql "TABLE pages"`')
    return found


def _polygon(numbers: list[Any]) -> Polygon:
    return as_polygon(zip(numbers[::2], numbers[1::2], strict=True))
