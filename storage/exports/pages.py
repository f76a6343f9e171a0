"""The pages that an export is about, with the names that they go by in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import Transcription
from storage import transcriptions
from storage.provenance import of_page
from storage.readings import check_collection, kind_of_job


def _read(name: str, of: str, run: str, which: str) -> str:
    """Return the query for the pages `of` some tables, each called `name`, as a `run` read them."""
    return f"""
        select page.id, {name}, transcription.run_id, run.name as run,
            transcription.created_at, collection.name, image.sha256, image.media_type
        from {of}
        join mill.collection on collection.id = page.collection_id
        join mill.image on image.sha256 = page.image_sha256
        join mill.transcription on transcription.page_id = page.id
            and transcription.run_id = {run}
        join mill.run on run.id = transcription.run_id
        {which}
    """  # noqa: S608 (nothing here comes from outside)


_OF_JOB = _read(
    "document_page.name",
    "mill.job join mill.job_source on job_source.job_id = job.id"
    " join mill.document_page on document_page.document_id = job_source.document_id"
    " join mill.page on page.id = document_page.page_id",
    "coalesce(job.run_id, page.current_run_id)",
    "where job.id = :job order by job_source.number, document_page.number",
)
_OF_REPROCESSED = _read(
    "page.name",
    "mill.job join mill.job_page on job_page.job_id = job.id"
    " join mill.page on page.id = job_page.page_id",
    "coalesce(job.run_id, page.current_run_id)",
    'where job.id = :job order by page.name collate "C", page.id',
)
_OF_COLLECTION = _read(
    "page.name",
    "mill.page",
    "page.current_run_id",
    "where cast(:collection as text) is null or collection.name = :collection"
    ' order by collection.name collate "C", page.name collate "C", page.id',
)
_OF_PAGE = _read(
    "page.name", "mill.page", "coalesce(:run, page.current_run_id)", "where page.id = :page"
)

Fetch = Callable[[str], bytes]
"""What gets an object by its SHA-256, such as `ObjectStore.get`."""

_BATCH = 200
_UNKNOWN = datetime(1970, 1, 1)  # noqa: DTZ001 (all times here are UTC)

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/jp2": ".jp2",
    "image/tiff": ".tif",
}
"""By the media types of page images."""


@dataclass(frozen=True, slots=True)
class PublishedPage:
    """One page of an export: what it is called there, which run read it, and what that read.

    `created` is when, in UTC; `image` addresses the scan in the object store, from which `fetch`
    gets it; `provenance` is where it came from (`storage.provenance`).
    """

    name: str
    run: str
    transcription: Transcription
    created: datetime = _UNKNOWN
    collection: str = ""
    image: str = ""
    media_type: str = "image/jpeg"
    fetch: Fetch | None = None
    provenance: dict[str, Any] | None = None

    def scan(self) -> bytes:
        """Return the file of the scan. Raises `BadInput` where the object store has lost it."""
        if self.fetch is None or not self.image:
            raise BadInput(self.name, "its scan is not at hand", "export it from where it is kept")
        return self.fetch(self.image)

    def image_name(self, stem: str) -> str:
        """Return what the file of the scan is called."""
        return f"{stem}{SUFFIXES.get(self.media_type, '.img')}"


def one_page(
    connection: Connection, page_id: int, run_id: int | None = None, fetch: Fetch | None = None
) -> PublishedPage:
    """Return a page as a run has read it; without a run as it currently stands.

    Raises `BadInput` where there is none.
    """
    found = list(_pages(connection, _OF_PAGE, {"page": page_id, "run": run_id}, fetch))
    if not found:
        raise BadInput(f"page {page_id}", "not yet read", "wait for its job, or digitize it")
    return found[0]


def pages_of_job(
    connection: Connection, job_id: int, fetch: Fetch | None = None
) -> Iterator[PublishedPage]:
    """Yield the pages of a job that have been read, in the order of its sources.

    A page has the name that the job's own sources give it; one that came twice under two names is
    there twice. The connection must stay in one transaction meanwhile. Raises `BadInput` where
    there is no such job.
    """
    query = _OF_JOB if kind_of_job(connection, job_id) == "ingest" else _OF_REPROCESSED
    return _pages(connection, query, {"job": job_id}, fetch)


def pages_of_collection(
    connection: Connection, collection: str | None, fetch: Fetch | None = None
) -> Iterator[PublishedPage]:
    """Yield the pages of a collection, or of all, as they currently stand, by name.

    The connection must stay in one transaction meanwhile. Raises `BadInput` where there is no such
    collection.
    """
    if collection is not None:
        check_collection(connection, collection)
    return _pages(connection, _OF_COLLECTION, {"collection": collection}, fetch)


def _pages(
    connection: Connection, query: str, parameters: dict[str, Any], fetch: Fetch | None
) -> Iterator[PublishedPage]:
    options = {"stream_results": True, "yield_per": _BATCH}
    with connection.execute(text(query), parameters, execution_options=options) as rows:
        for page_id, name, run_id, run, created, collection, image, media_type in rows:
            read = transcriptions.load(connection, page_id, run_id)
            yield PublishedPage(
                name,
                run,
                read,
                created.astimezone(UTC).replace(tzinfo=None),
                collection,
                image,
                media_type,
                None if fetch is None else lru_cache(maxsize=1)(fetch),
                of_page(connection, page_id),
            )
