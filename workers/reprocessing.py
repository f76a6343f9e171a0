"""Read pages again in another way: which, by what run, as which jobs."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, text

from pipeline.profiles import Profile
from storage import jobs, sql
from storage.selection import Fates, Selection, fates_of, select_pages
from workers.client import Office, run_for

PRIORITY_REPROCESS = 8
"""Whatever somebody takes in goes first (`workers.client`)."""

_SELECT_SECONDS = 120.0
_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that reads pages of one collection again."""

    job: int
    collection: str
    pages: int


@dataclass(frozen=True, slots=True)
class Reprocess:
    """What became of a request: the run's name, what it has to do with the pages, and the jobs."""

    run: str
    fates: Fates
    jobs: tuple[NewJob, ...]


def reprocess(place: Office, profile: Profile, selection: Selection) -> Reprocess:
    """Have the selected pages read by a profile, with the weights and the code that are here.

    Pages that this very run has read, or is asked to read by a job that goes on, are left alone.
    What it reads becomes a page's current transcription unless something else is asked for later.
    Raises `BadInput` and `SqlError` as `select_pages` does.
    """
    with place.database.connect() as connection:
        pages = select_pages(connection, selection, lambda said, most: _ask(place, said, most))
        run_id = run_for(place, connection, profile)
        # Of two who ask for the same at once the second sees what the first has asked for.
        name: str = connection.execute(
            text("select name from mill.run where id = :run for no key update"), {"run": run_id}
        ).scalar_one()
        fates = fates_of(connection, pages, run_id)
        made = tuple(
            NewJob(_make_job(connection, collection, run_id, selection, new), collection, len(new))
            for collection, new in fates.new.items()
        )
        if made:  # otherwise there need not be such a run either
            connection.commit()
    return Reprocess(name, fates, made)


def _ask(place: Office, statement: str, most: int) -> sql.Answer:
    chosen = place.settings
    url = sql.reader_url(place.endpoints.database_url, chosen.reader_url)
    seconds = max(_SELECT_SECONDS, chosen.sql_seconds)
    return sql.ask(url, statement, seconds=seconds, rows=most)


def _make_job(
    connection: Connection, collection: str, run_id: int, selection: Selection, pages: list[int]
) -> int:
    job_id = jobs.create(
        connection,
        "reprocess",
        jobs.ensure_collection(connection, collection),
        run_id,
        PRIORITY_REPROCESS,
        {"selection": asdict(selection)},
    )
    for start in range(0, len(pages), _BATCH):
        jobs.add_pages(connection, job_id, pages[start : start + _BATCH])
    jobs.all_listed(connection, job_id)
    return job_id
