"""What should be looked at next: the least certain places of a collection, and how far it is.

First comes what is at odds with what must add up or with its column (`schema.DOUBTFUL`), then what
was read without being sure (`schema.UNSURE`); each by confidence. What somebody corrected or
accepted is `verified`, and so no longer here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from storage import leases
from storage.corrections import CellPlace, LinePlace, Place
from storage.leases import LINES, Lease
from storage.schema import DOUBTFUL, UNSURE

_AT_ONCE = 40
_COUNTED = 10_000
"""More than so many items are counted as so many."""

_CELLS = """
    select page.id, transcription.run_id, cell."table", cell."row", cell."column", cell.confidence,
        cell.transcription_id
    from (select * from mill.cell where {condition}) as cell
    join mill.transcription on transcription.id = cell.transcription_id
    join mill.page on page.id = transcription.page_id
        and page.current_run_id = transcription.run_id
    where page.collection_id = :collection
        and (cell.confidence, cell.transcription_id, cell."table", cell."row", cell."column")
            > (cast(:confidence as real), :reading, :table, :row, :column)
    order by cell.confidence, cell.transcription_id, cell."table", cell."row", cell."column"
    limit :limit
"""

_LINES = """
    select page.id, transcription.run_id, line.number, line.confidence, line.transcription_id
    from mill.line
    join mill.transcription on transcription.id = line.transcription_id
    join mill.page on page.id = transcription.page_id
        and page.current_run_id = transcription.run_id
    where page.collection_id = :collection and line.confidence < 0.9
        and (line.confidence, line.transcription_id, -1, line.number, 0)
            > (cast(:confidence as real), :reading, :table, :row, :column)
    order by line.confidence, line.transcription_id, line.number
    limit :limit
"""

_LEFT = """
    select count(*) from (
        (select from mill.cell join current on current.id = cell.transcription_id
            where {doubtful} limit :most)
        union all
        (select from mill.cell join current on current.id = cell.transcription_id
            where {unsure} limit :most)
        union all
        (select from mill.line join current on current.id = line.transcription_id
            where line.confidence < 0.9 limit :most)
    ) as item
"""

_CURRENT = """
    with current as (
        select transcription.id from mill.page
        join mill.transcription on transcription.page_id = page.id
            and transcription.run_id = page.current_run_id
        where page.collection_id = :collection
    )
"""

_DONE = """
    select count(*) as done,
        count(*) filter (where author = :viewer and correction.created_at > current_date) as today,
        count(*) filter (where author = :viewer
            and correction.created_at > clock_timestamp() - interval '15 minutes') as lately
    from mill.correction join mill.page on page.id = correction.page_id
    where page.collection_id = :collection and withdrawn_at is null
"""


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """Where the queue was left: the last item that was shown. Written `0:0.8732:17:0:4:2`."""

    tier: int = 0
    confidence: float = -1.0
    reading: int = 0
    table: int = -1
    row: int = -1
    column: int = -1

    def __str__(self) -> str:
        return (
            f"{self.tier}:{self.confidence!r}:{self.reading}:{self.table}:{self.row}:{self.column}"
        )

    @staticmethod
    def parse(said: str) -> Cursor:
        """Return a cursor as it was written. Raises `ValueError` where it is none."""
        tier, confidence, *numbers = said.split(":")
        reading, table, row, column = (int(number) for number in numbers)
        return Cursor(int(tier), float(confidence), reading, table, row, column)


@dataclass(frozen=True, slots=True)
class Item:
    """A place that should be looked at; `cursor` leads on behind it."""

    page_id: int
    run_id: int
    place: Place
    cursor: Cursor

    @property
    def lease(self) -> Lease:
        """What is held while somebody looks at it."""
        if isinstance(self.place, LinePlace):
            return Lease(self.page_id, LINES, self.place.number)
        return Lease(self.page_id, self.place.table, self.place.column)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a collection is: items `left` (10,000 stands for more), places corrected or accepted.

    `today` are those by one's own hand; `hourly` is one's own rate, from the last quarter.
    """

    left: int
    done: int
    today: int
    hourly: int


def next_item(
    connection: Connection, collection_id: int, holder: str, after: Cursor | None = None
) -> Item | None:
    """Lease to `holder` the least certain place that nobody else looks at, and return it.

    What they held before is given back. `after` leaves out what was shown before; `None` is
    returned where nothing is left behind it. The caller commits.
    """
    for item in _items(connection, collection_id, after or Cursor()):
        if leases.take(connection, item.lease, holder):
            leases.give_back(connection, holder, keep=item.lease)
            return item
    leases.give_back(connection, holder)
    return None


def progress(connection: Connection, collection_id: int, viewer: str | None) -> Progress:
    """Return how far the review of a collection is."""
    key = {"collection": collection_id, "viewer": viewer, "most": _COUNTED}
    left = connection.execute(
        text(_CURRENT + _LEFT.format(doubtful=DOUBTFUL, unsure=UNSURE)), key
    ).scalar_one()
    row = connection.execute(text(_DONE), key).one()
    return Progress(min(left, _COUNTED), row.done, row.today, 4 * row.lately)


def _items(connection: Connection, collection_id: int, after: Cursor) -> Iterator[Item]:
    for tier, condition in enumerate((DOUBTFUL, UNSURE)):
        if tier < after.tier:
            continue
        start = after if tier == after.tier else Cursor(tier)
        while found := _part(connection, collection_id, tier, condition, start):
            yield from found
            start = found[-1].cursor


def _part(
    connection: Connection, collection_id: int, tier: int, condition: str, start: Cursor
) -> list[Item]:
    key = {
        "collection": collection_id,
        "limit": _AT_ONCE,
        "confidence": start.confidence,
        "reading": start.reading,
        "table": start.table,
        "row": start.row,
        "column": start.column,
    }
    items = [
        Item(
            page_id,
            run_id,
            CellPlace(table, row, column),
            Cursor(tier, confidence, reading, table, row, column),
        )
        for page_id, run_id, table, row, column, confidence, reading in connection.execute(
            text(_CELLS.format(condition=condition)), key
        )
    ]
    if tier:
        items += [
            Item(page_id, run_id, LinePlace(number), Cursor(tier, sure, reading, -1, number, 0))
            for page_id, run_id, number, sure, reading in connection.execute(text(_LINES), key)
        ]
    return sorted(items, key=lambda item: item.cursor)[:_AT_ONCE]
