"""What was learnt from the corrections of a collection, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from pipeline.errors import BadInput

SILENT_SECONDS = 60.0
"""Who has not said for so long that it goes on has ended without a word."""

_LATEST = """
    select learning.id, collection.name as collection, author, started_at, finished_at, better,
        reason, cells, proved, right_before, right_after, profile,
        finished_at is null
            and heartbeat_at > clock_timestamp() - make_interval(secs => :silent) as running
    from mill.learning join mill.collection on collection.id = collection_id
    where (cast(:collection as text) is null or collection.name = :collection)
        and (cast(:id as bigint) is null or learning.id = :id)
    order by learning.id desc limit :most
"""


@dataclass(frozen=True, slots=True)
class Learning:
    """One time that a network learnt from corrections.

    `better` tells whether it reads corrected cells that it had not learnt from better than before;
    `right_before` and `right_after` are how many of the `cells` were read rightly. `profile` reads
    with it, its weights in the object store, and is null where it is no better. `reason` is why it
    failed. What neither is `running` nor has `finished_at` has ended without a word.
    """

    id: int
    collection: str
    author: str
    started_at: datetime
    finished_at: datetime | None
    better: bool | None
    reason: str | None
    cells: int | None
    proved: int | None
    right_before: int | None
    right_after: int | None
    profile: Mapping[str, Any] | None
    running: bool


def begin(connection: Connection, collection: str, author: str) -> int:
    """Note that learning begins and return its number. The caller commits.

    Raises `BadInput` where there is no such collection, or it is learnt from already.
    """
    held = text("select id from mill.collection where name = :name for no key update")
    found = connection.scalar(held, {"name": collection})
    if found is None:
        raise BadInput(collection, "no such collection", "see `ledgermill status`")
    if any(each.running for each in latest(connection, collection, 1)):
        raise BadInput(collection, "is being learnt from already", "wait until that has ended")
    made = text(
        "insert into mill.learning (collection_id, author) values (:collection, :author)"
        " returning id"
    )
    return int(connection.execute(made, {"collection": found, "author": author}).scalar_one())


def beat(connection: Connection, learning_id: int) -> None:
    """Say that it goes on. The caller commits."""
    alive = text("update mill.learning set heartbeat_at = clock_timestamp() where id = :id")
    connection.execute(alive, {"id": learning_id})


def end(
    connection: Connection,
    learning_id: int,
    counts: Mapping[str, int],
    profile: Mapping[str, Any] | None,
) -> None:
    """Note what came of it; `counts` are those of `Learning`. The caller commits."""
    connection.execute(
        text(
            "update mill.learning set finished_at = clock_timestamp(), better = :better,"
            " cells = :cells, proved = :proved, right_before = :right_before,"
            " right_after = :right_after, profile = cast(:profile as jsonb) where id = :id"
        ),
        {
            "id": learning_id,
            "better": profile is not None,
            **counts,
            "profile": None if profile is None else json.dumps(dict(profile)),
        },
    )


def fail(connection: Connection, learning_id: int, reason: str) -> None:
    """Note that it came to nothing, and why. The caller commits."""
    failed = text(
        "update mill.learning set finished_at = clock_timestamp(), reason = :reason where id = :id"
    )
    connection.execute(failed, {"id": learning_id, "reason": reason})


def latest(connection: Connection, collection: str | None = None, most: int = 20) -> list[Learning]:
    """Return the last times, of one collection or of all, the newest first."""
    key = {"collection": collection, "id": None, "most": most, "silent": SILENT_SECONDS}
    return [Learning(**row) for row in connection.execute(text(_LATEST), key).mappings()]


def find(connection: Connection, learning_id: int) -> Learning:
    """Return one of them. Raises `BadInput` where there is none of that number."""
    key = {"collection": None, "id": learning_id, "most": 1, "silent": SILENT_SECONDS}
    row = connection.execute(text(_LATEST), key).mappings().one_or_none()
    if row is None:
        raise BadInput(f"learning {learning_id}", "there is none", "see the list of them")
    return Learning(**row)


def corrected(connection: Connection) -> dict[str, int]:
    """Return the collections that have corrections in cells, and how many."""
    rows = connection.execute(
        text(
            "select collection.name, count(*) as cells from mill.correction"
            " join mill.page on page.id = page_id"
            " join mill.collection on collection.id = collection_id"
            ' where withdrawn_at is null and "table" is not null group by 1 order by 1'
        )
    )
    return {row.name: row.cells for row in rows}
