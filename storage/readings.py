"""Which readings of pages somebody means who names a job or a collection: SQL for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from pipeline.errors import BadInput

_OF_JOB = """
    select page.id, coalesce(job.run_id, page.current_run_id)
    from mill.job
    join mill.job_source on job_source.job_id = job.id
    join mill.document_page on document_page.document_id = job_source.document_id
    join mill.page on page.id = document_page.page_id
    where job.id = :job
"""

_OF_REPROCESSED = """
    select page.id, coalesce(job.run_id, page.current_run_id)
    from mill.job
    join mill.job_page on job_page.job_id = job.id
    join mill.page on page.id = job_page.page_id
    where job.id = :job
"""

_OF_COLLECTION = """
    select page.id, page.current_run_id
    from mill.page
    join mill.collection on collection.id = page.collection_id
    where cast(:collection as text) is null or collection.name = :collection
"""


def readings(
    connection: Connection, collection: str | None, job: int | None
) -> tuple[str, dict[str, Any]]:
    """Return the query for page and run of a job's readings, or a collection's, or all current.

    With it come its parameters. Raises `BadInput` where there is no such job or collection.
    """
    if job is not None:
        ingested = kind_of_job(connection, job) == "ingest"
        return _OF_JOB if ingested else _OF_REPROCESSED, {"job": job}
    if collection is not None:
        check_collection(connection, collection)
    return _OF_COLLECTION, {"collection": collection}


def kind_of_job(connection: Connection, job: int) -> str:
    """Return what kind of job it is. Raises `BadInput` where there is none of that number."""
    kind: str | None = connection.scalar(
        text("select kind from mill.job where id = :job"), {"job": job}
    )
    if kind is None:
        raise BadInput(f"job {job}", "no such job", "see `ledgermill status`")
    return kind


def check_collection(connection: Connection, collection: str) -> None:
    """Raise `BadInput` where there is no collection of that name."""
    known = text("select from mill.collection where name = :name")
    if not connection.execute(known, {"name": collection}).all():
        raise BadInput(collection, "no such collection", 'see `ledgermill sql "TABLE pages"`')
