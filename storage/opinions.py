"""What several people say of the same places, each without knowing what the others said.

An opinion changes nothing that is published. `workers.consensus` weighs the opinions of a place,
and what they come to becomes a correction like any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage.corrections.kept import place_of
from storage.corrections.records import LinePlace, Place
from storage.rows import LONGEST_TEXT, UNSTORABLE

_SAY = """
    insert into mill.opinion (page_id, run_id, line, "table", "row", "column", author, text)
    select :page, :run, :line, :table, :row, :column, :author, :text
    where exists (
        select from mill.transcription as reading
        where reading.page_id = :page and reading.run_id = :run
            and (exists (select from mill.line
                         where transcription_id = reading.id and number = :line)
                 or exists (select from mill.cell
                            where transcription_id = reading.id and "table" = :table
                                and "row" = :row and "column" = :column)))
    on conflict (page_id, run_id, line, "table", "row", "column", author)
        do update set text = excluded.text, created_at = clock_timestamp()
"""

_ALL = """
    select opinion.*, page.name from mill.opinion
    join mill.page on page.id = page_id
    join mill.collection on collection.id = collection_id
    where collection.name = :collection
    order by page_id, run_id, line, "table", "row", "column", opinion.created_at
"""


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """A place of what a run read on a page, that people are asked about."""

    page_id: int
    run_id: int
    place: Place


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said stands at a place; `page` is the page's name."""

    item: Item
    page: str
    author: str
    text: str
    created_at: datetime


def say(connection: Connection, item: Item, said: str, author: str) -> None:
    """Keep what somebody says of a place, instead of what they said of it before.

    Raises `BadInput` where there is no such page, reading or place, or the text cannot be kept. The
    caller commits.
    """
    page = f"page {item.page_id}"
    if UNSTORABLE.search(said + author) or any(c in said for c in "\r\n"):
        raise BadInput(page, "an opinion holds what no line can", "leave it out")
    if not author.strip() or len(said) > LONGEST_TEXT:
        raise BadInput(page, "an opinion has no author, or is too long", "mend it")
    place = item.place
    at: dict[str, int | None] = {"line": None, "table": None, "row": None, "column": None}
    if isinstance(place, LinePlace):
        at["line"] = place.number
    else:
        at |= {"table": place.table, "row": place.row, "column": place.column}
    kept = connection.execute(
        text(_SAY),
        {"page": item.page_id, "run": item.run_id, "author": author, "text": said, **at},
    )
    if kept.rowcount == 0:
        reason = f"run {item.run_id} read no {place}"
        raise BadInput(page, reason, "ask about what was read")


def opinions_of(connection: Connection, collection: str) -> Iterator[Said]:
    """Yield all that was said of a collection's pages, the opinions of a place together."""
    for row in connection.execute(text(_ALL), {"collection": collection}):
        item = Item(row.page_id, row.run_id, place_of(row))
        yield Said(item, row.name, row.author, row.text, row.created_at)


def page_ids(connection: Connection, collection: str) -> frozenset[int]:
    """Return the pages of a collection. Raises `BadInput` where there is no such collection."""
    found = connection.execute(
        text(
            "select page.id from mill.collection left join mill.page"
            " on collection_id = collection.id where collection.name = :name"
        ),
        {"name": collection},
    ).all()
    if not found:
        raise BadInput(collection, "no such collection", "see `ledgermill status`")
    return frozenset(row.id for row in found if row.id is not None)
