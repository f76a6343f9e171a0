"""Room is made by removing readings that newer ones have superseded, and nothing else.

Never removed are a page's current reading, corrections (a layer of its own, which lies on every
reading anew), readings by a run of which a job is still at work, and what a rollback would bring
back: the newest superseded readings of each page, as many as are to be kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, Engine, text

from pipeline.errors import Unavailable
from storage.partitions import TABLES, Partition, partitions

_BATCH = 500
"""Pages of which readings are removed in one transaction."""

_SUPERSEDED = """
    select id from (
        select old.id, old.run_id,
            row_number() over (partition by old.page_id order by old.id desc) as age
        from mill.transcription as old
        join mill.page on page.id = old.page_id and page.current_run_id <> old.run_id
        where {where}
    ) as old
    where (age > :keep or run_id = :run) and (cast(:run as bigint) is null or run_id = :run)
        and not exists (select from mill.job
            where job.run_id = old.run_id and job.state in ('ingesting', 'running'))
"""

_OF_PAGES = _SUPERSEDED.format(where="page.id = any(cast(:pages as bigint[]))")

_COUNT = f"select count(*) from ({_SUPERSEDED.format(where='true')}) as gone"  # noqa: S608 (ours)

_PAGES = "select id from mill.page where id > :after order by id limit :most for no key update"

_DELETE = f"delete from mill.transcription where id in ({_OF_PAGES})"  # noqa: S608 (ours)

_OF_RANGE = """
    select page.id from mill.transcription join mill.page on page.id = page_id
    where transcription.id >= :first and transcription.id < :end
    order by page.id for no key update of page
"""

_DELETE_RANGE = "delete from mill.transcription where id >= :first and id < :end"

_KEPT = f"""
    select exists (
        select from mill.transcription
        where id >= :first and id < :end and id not in ({_OF_PAGES})
    )
"""  # noqa: S608 (ours)


@dataclass(frozen=True, slots=True)
class Rule:
    """What may go: of each page all but the `keep` newest superseded readings, or all by a run."""

    keep: int = 1
    run: int | None = None


def count_superseded(connection: Connection, rule: Rule) -> int:
    """Return how many readings `prune` would remove."""
    return int(connection.scalar(text(_COUNT), _key(rule)) or 0)


def prune(database: Engine, rule: Rule, show: Callable[[int], None] = lambda _gone: None) -> int:
    """Remove superseded readings, and return how many; broken off, it can be done again.

    Each transaction holds the pages that it is at, so that none of them changes its current reading
    meanwhile. Partitions of which nothing is to stay are dropped as a whole, which gives their room
    back at once; the room of single readings is used again by new ones. `show` is told how many
    are gone.
    """
    gone = 0
    with database.connect() as connection:
        last = connection.scalar(text("select last_value from mill.transcription_id_seq"))
        full = [part for part in partitions(connection) if part.end <= int(last or 0)]
    for part in full:
        gone += _drop(database, rule, part)
        show(gone)
    after = 0
    while True:
        with database.begin() as connection:
            key = {"after": after, "most": _BATCH}
            pages = list(connection.scalars(text(_PAGES), key))
            if not pages:
                return gone
            done = connection.execute(text(_DELETE), {**_key(rule), "pages": pages})
            gone += int(done.rowcount)
        after = pages[-1]
        show(gone)


def _drop(database: Engine, rule: Rule, part: Partition) -> int:
    """Drop a partition with all of its readings if none of them is to stay; return how many."""
    key = {**_key(rule), "first": part.first, "end": part.end}
    try:
        with database.begin() as connection:
            pages = list(connection.scalars(text(_OF_RANGE), key))
            if not pages or connection.scalar(text(_KEPT), {**key, "pages": pages}):
                return 0
            # Whoever reads holds us up, and we everybody behind: not for long.
            connection.execute(text("set local lock_timeout = '3s'"))
            for table in TABLES:
                connection.execute(text(f"drop table mill.{table}_{part.name}"))
            gone = connection.execute(text(_DELETE_RANGE), key)
            return int(gone.rowcount)
    except Unavailable as error:
        if isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
            return 0  # somebody reads it now; its readings are removed one by one
        raise


def _key(rule: Rule) -> dict[str, int | None]:
    return {"keep": rule.keep, "run": rule.run}
