"""One page as it is shown: what it is, who read it, and its tables as grids."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import Cell, Table, Transcription
from storage import transcriptions


@dataclass(frozen=True, slots=True)
class Reading:
    """One run's transcription of a page; `confidence` is null where it holds no text."""

    run_id: int
    run: str
    confidence: float | None
    current: bool


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a page is: its names, its image, and who has read it, newest first.

    `before` and `after` are its neighbours in the collection, by name. `corrections` changes with
    every correction that is made or withdrawn, and is empty where there is none. `held` says who
    reviews which column of which table just now: (table, column, name).
    """

    id: int
    name: str
    collection_id: int
    collection: str
    document: str | None
    image: str
    width: int
    height: int
    before: int | None
    after: int | None
    corrections: str
    held: tuple[tuple[int, int, str], ...]
    readings: tuple[Reading, ...]

    @property
    def current(self) -> Reading | None:
        return next((reading for reading in self.readings if reading.current), None)

    def reading(self, run_id: int) -> Reading:
        """Return a run's reading. Raises `BadInput` where that run has not read the page."""
        for reading in self.readings:
            if reading.run_id == run_id:
                return reading
        raise BadInput(self.name, "no such reading", "choose one of the runs that the page lists")


_SHEET = """
    select page.id, page.name, page.collection_id, collection.name as collection,
        page.image_sha256 as image, image.width, image.height, page.current_run_id,
        (select document.source from mill.document_page
            join mill.document on document.id = document_page.document_id
            where document_page.page_id = page.id order by document.id limit 1) as document,
        (select other.id from mill.page as other
            where other.collection_id = page.collection_id
                and (other.name, other.id) < (page.name, page.id)
            order by other.name desc, other.id desc limit 1) as before,
        (select other.id from mill.page as other
            where other.collection_id = page.collection_id
                and (other.name, other.id) > (page.name, page.id)
            order by other.name, other.id limit 1) as after,
        (select coalesce(max(id) || '-' || count(withdrawn_at), '')
            from mill.correction where page_id = page.id) as corrections,
        (select json_agg(json_build_array("table", "column", holder) order by "table", "column")
            from mill.lease
            where page_id = page.id and ends_at > clock_timestamp()) as held,
        (select json_agg(json_build_array(run.id, run.name, transcription.confidence)
                order by transcription.id desc)
            from mill.transcription join mill.run on run.id = transcription.run_id
            where transcription.page_id = page.id) as readings
    from mill.page
    join mill.collection on collection.id = page.collection_id
    join mill.image on image.sha256 = page.image_sha256
    where page.id = :page
"""


def sheet(connection: Connection, page_id: int) -> Sheet:
    """Return what a page is. Raises `BadInput` where there is no such page."""
    found = connection.execute(text(_SHEET), {"page": page_id}).mappings().one_or_none()
    if found is None:
        raise BadInput(f"page {page_id}", "no such page", "find it by searching")
    row = dict(found)
    current = row.pop("current_run_id")
    row["held"] = tuple(map(tuple, row["held"] or ()))
    row["readings"] = tuple(
        Reading(run_id, run, confidence, run_id == current)
        for run_id, run, confidence in row["readings"] or ()
    )
    return Sheet(**row)


def transcription(connection: Connection, page: Sheet, run_id: int) -> Transcription:
    """Return what a run read on a page, as corrected."""
    page.reading(run_id)
    return transcriptions.load(connection, page.id, run_id)


def grid(table: Table) -> list[list[Cell]]:
    """Return the cells of a table by rows, each where its span begins."""
    rows: list[list[Cell]] = [[] for _ in range(table.rows)]
    for cell in table.cells:
        rows[cell.row].append(cell)
    for row in rows:
        row.sort(key=lambda cell: cell.column)
    return rows


def heads(table: Table) -> list[str]:
    """Return what stands above each column, from top to bottom, spans included."""
    said = [""] * table.columns
    for cell in table.cells:
        if cell.row < table.header_rows and cell.text:
            for column in range(cell.column, min(cell.column + cell.column_span, table.columns)):
                said[column] = f"{said[column]} {cell.text}".strip()
    return said


def labels(table: Table) -> list[str]:
    """Return what stands at the left of each row."""
    said = [""] * table.rows
    for cell in table.cells:
        if cell.column == 0:
            for row in range(cell.row, min(cell.row + cell.row_span, table.rows)):
                said[row] = cell.text
    return said


def at(table: Table, row: int, column: int) -> Cell | None:
    """Return the cell that begins at a row and column."""
    return next((cell for cell in table.cells if (cell.row, cell.column) == (row, column)), None)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page in the list of a collection's pages; `doubtful` counts its least certain cells."""

    id: int
    name: str
    run: str | None
    confidence: float | None
    image: str
    width: int
    height: int


_COLLECTIONS = """
    select collection.id, collection.name, collection.language::text as language,
        (select count(*) from mill.page where collection_id = collection.id) as pages,
        (select count(*) from mill.page where collection_id = collection.id
            and current_run_id is not null) as read,
        (select code from mill.station where collection_id = collection.id) as station,
        exists (select from mill.station where collection_id = collection.id) as described
    from mill.collection order by collection.name collate "C"
"""

_PAGES = """
    select page.id, page.name, run.name as run, transcription.confidence,
        image.sha256 as image, image.width, image.height
    from mill.page
    join mill.image on image.sha256 = page.image_sha256
    left join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    left join mill.run on run.id = page.current_run_id
    where page.collection_id = :collection
        and (cast(:name as text) is null or (page.name, page.id) > (:name, :after))
    order by page.name, page.id limit :limit
"""


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as the front page lists it; `read` counts the pages that a run has read."""

    id: int
    name: str
    language: str
    pages: int
    read: int
    station: str | None
    described: bool


def collections(connection: Connection) -> list[Collection]:
    """Return all collections, by name."""
    return [Collection(**row) for row in connection.execute(text(_COLLECTIONS)).mappings()]


def collection_name(connection: Connection, collection_id: int) -> str:
    """Return the name of a collection. Raises `BadInput` where there is none."""
    found: str | None = connection.scalar(
        text("select name from mill.collection where id = :id"), {"id": collection_id}
    )
    if found is None:
        raise BadInput(
            f"collection {collection_id}", "no such collection", "choose one in the list"
        )
    return found


def pages_of(
    connection: Connection, collection_id: int, after: int | None = None, limit: int = 60
) -> list[Listed]:
    """Return pages of a collection by name, those behind page `after`."""
    name = None
    if after is not None:
        name = connection.scalar(text("select name from mill.page where id = :id"), {"id": after})
    rows = connection.execute(
        text(_PAGES),
        {"collection": collection_id, "name": name, "after": after, "limit": limit},
    )
    return [Listed(**row) for row in rows.mappings()]
