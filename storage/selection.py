"""Which pages are to be read again: by collection, run, a condition over the views, a flag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg.sql import Literal
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from storage.readings import check_collection
from storage.runs import find_run
from storage.sql import Answer, SqlError

_MOST = 10_000_000
"""Pages of one answer."""

_VIEWS = ("cells", "lines", "pages")

_SELECT = """
    select page.id from mill.page
    where current_run_id is not null
        and (cast(:pages as bigint[]) is null or page.id = any(:pages))
        and (cast(:collection as text) is null or collection_id = (
            select id from mill.collection where name = :collection))
        and (cast(:run as bigint) is null or current_run_id = :run)
    order by page.id
"""

_FATE = """
    with moving as (
        select page_id, min(job_id) as job_id
        from mill.job_page join mill.job on job.id = job_id
        where job.run_id = :run and job.state in ('ingesting', 'running')
            and job_page.state in ('pending', 'queued', 'running')
        group by page_id
    )
    select collection.name as collection, moving.job_id, page.current_run_id = :run as current,
        array_agg(page.id order by page.id) as pages, transcription.id is not null as read
    from mill.page
    join mill.collection on collection.id = page.collection_id
    left join mill.transcription
        on transcription.page_id = page.id and transcription.run_id = :run
    left join moving on moving.page_id = page.id and transcription.id is null
    where page.id = any(cast(:pages as bigint[]))
    group by collection.name, moving.job_id, current, read
    order by collection.name, moving.job_id
"""

Ask = Callable[[str, int], Answer]
"""Answers a statement about the published views, with so many rows at most, as a mere reader."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What somebody wants to have read again; whatever is given must be met.

    `run` is what read a page as it currently stands, `where` a condition in SQL over the columns of
    the view `cells`, `lines` or `pages`, and `flags` checks that a cell must carry (`qc:range`): a
    page is meant if any of its cells or lines, or itself, meets them.
    """

    collection: str | None = None
    run: str | None = None
    where: str | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fates:
    """What a run has to do with pages.

    `new`, by collection, are to be read; `moving` are being read by it for another job, whose
    number each count goes by; `current` stand as it has read them, and `read` it has read too, but
    something else stands.
    """

    new: dict[str, list[int]]
    moving: dict[int, int]
    current: int
    read: int

    @property
    def pages(self) -> int:
        """All pages that were selected."""
        new = sum(map(len, self.new.values()))
        return new + sum(self.moving.values()) + self.current + self.read


def select_pages(connection: Connection, selection: Selection, ask: Ask) -> list[int]:
    """Return the pages that are meant, in order.

    Conditions are asked as the role that may only read the views (`storage.sql`). Raises `BadInput`
    where there is no such collection or run, and `SqlError` where a condition is wrong, refused or
    takes too long.
    """
    if selection.collection is not None:
        check_collection(connection, selection.collection)
    run = None if selection.run is None else find_run(connection, selection.run)
    pages: list[int] | None = None
    conditions = [*_flagged(selection.flags), *([selection.where] if selection.where else [])]
    if conditions:
        pages = _meeting(selection, conditions, ask)
    key = {"pages": pages, "collection": selection.collection, "run": run}
    return list(connection.scalars(text(_SELECT), key))


def fates_of(connection: Connection, pages: Sequence[int], run_id: int) -> Fates:
    """Return what a run has to do with pages, and what it has done already."""
    new: dict[str, list[int]] = {}
    moving: Counter[int] = Counter()
    current = read = 0
    for row in connection.execute(text(_FATE), {"pages": list(pages), "run": run_id}):
        if row.job_id is not None:
            moving[row.job_id] += len(row.pages)
        elif not row.read:
            new.setdefault(row.collection, []).extend(row.pages)
        elif row.current:
            current += len(row.pages)
        else:
            read += len(row.pages)
    return Fates(new, dict(moving), current, read)


def _flagged(flags: Sequence[str]) -> list[str]:
    return [f"{_quoted(flag)} = any(checks)" for flag in flags]


def _meeting(selection: Selection, conditions: Sequence[str], ask: Ask) -> list[int]:
    """Return the pages of which anything in any view meets all conditions."""
    if selection.collection is not None:
        conditions = [*conditions, f"collection = {_quoted(selection.collection)}"]
    # On lines of their own: one may end in a comment.
    condition = " and ".join(f"(\n{each}\n)" for each in conditions)
    found: set[int] = set()
    failures: list[SqlError] = []
    for view in _VIEWS:
        try:
            # The condition is the user's, asked as who may read the views and nothing else. Their
            # own names must not stand for whole rows: `lines` is a column of pages, too.
            said = f"select distinct page_id from {view} as here where {condition}"  # noqa: S608
            answer = ask(said, _MOST)
        except SqlError as error:
            if not _lacks_column(error):
                raise
            failures.append(error)
            continue
        if answer.cut:
            raise BadInput("the selection", f"more than {_MOST} pages", "select fewer at once")
        found.update(row[0] for row in answer.rows)
    if len(failures) == len(_VIEWS):
        raise failures[0]
    return sorted(found)


def _lacks_column(error: SqlError) -> bool:
    return "column" in str(error) and "does not exist" in str(error)


def _quoted(value: str) -> str:
    if "\x00" in value:
        raise BadInput(repr(value), "no text", "leave the NUL out")
    return Literal(value).as_string()
