"""What an earlier run read becomes current again, page by page, and that is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, text

from storage.readings import check_collection
from storage.runs import find_run

_BATCH = 200
"""Pages that change in one transaction, each with all that is on it."""

_BEGIN = """
    insert into mill.rollback (run_id, collection_id, author)
    values (:run, (select id from mill.collection where name = :collection), :author)
    returning id, created_at
"""

_NEXT = """
    select page.id, current_run_id = :run or current_asked_at > :asked as stays
    from mill.transcription join mill.page on page.id = page_id
    where run_id = :run and page.id > :after
        and (cast(:collection as text) is null or collection_id = (
            select id from mill.collection where name = :collection))
    order by page.id limit :most
    for no key update of page
"""

_CHANGE = """
    update mill.page set current_run_id = :run, current_asked_at = :asked
    where id = any(cast(:pages as bigint[]))
"""

_COUNT = "update mill.rollback set pages = pages + :pages where id = :id"

_END = "update mill.rollback set finished_at = clock_timestamp() where id = :id"

_FORGET = "delete from mill.rollback where id = :id and pages = 0"


@dataclass(frozen=True, slots=True)
class RolledBack:
    """How many pages a run has read, and of how many that is current now and was not before."""

    pages: int
    changed: int


def roll_back(
    database: Engine,
    run: str,
    collection: str | None,
    author: str,
    show: Callable[[int], None] = lambda _pages: None,
) -> RolledBack:
    """Make what a run has read current again, in a collection or everywhere.

    Each page changes as a whole, in one transaction; broken off, it is begun again and does the
    rest. Pages that somebody asked for anew meanwhile stay as they are. Corrections lie on every
    reading, and so on this one. Raises `BadInput` where there is no such run or collection. `show`
    is told how many pages are done.
    """
    with database.begin() as connection:
        run_id = find_run(connection, run)
        if collection is not None:
            check_collection(connection, collection)
        begun = connection.execute(
            text(_BEGIN), {"run": run_id, "collection": collection, "author": author}
        ).one()
    key = {"run": run_id, "asked": begun.created_at, "collection": collection, "most": _BATCH}
    after, done, changed = 0, 0, 0
    while True:
        with database.begin() as connection:
            rows = connection.execute(text(_NEXT), {**key, "after": after}).all()
            moved = [row.id for row in rows if not row.stays]
            if moved:
                connection.execute(text(_CHANGE), {**key, "pages": moved})
                connection.execute(text(_COUNT), {"id": begun.id, "pages": len(moved)})
        if not rows:
            break
        after, done, changed = rows[-1].id, done + len(rows), changed + len(moved)
        show(done)
    with database.begin() as connection:
        connection.execute(text(_END if changed else _FORGET), {"id": begun.id})
    return RolledBack(done, changed)
