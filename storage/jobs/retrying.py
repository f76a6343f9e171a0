"""Work that was set aside, tried once more because somebody asks for it."""

from __future__ import annotations

from sqlalchemy import Connection, text


def retry(connection: Connection, job_id: int, page_id: int | None = None) -> int:
    """Let a job's quarantined pages, or one of them, and its refused sources wait again.

    A source is tried again where its bytes are stored; with a page only that page is. Attempts
    are counted on: what kills its worker again is set aside at once. A job that was over runs
    again. Returns how many pages and sources wait. The caller commits.
    """
    key = {"job": job_id, "page": page_id}
    connection.execute(text("select id from mill.job where id = :job for update"), key)
    pages = connection.execute(
        text(
            "update mill.job_page set state = 'pending', shard = null, shard_limit = 1,"
            " not_before = null, finished_at = null"
            " where job_id = :job and state = 'quarantined'"
            " and (cast(:page as bigint) is null or page_id = :page)"
        ),
        key,
    ).rowcount
    connection.execute(
        text(
            "delete from mill.quarantine where job_id = :job"
            " and (cast(:page as bigint) is null or page_id = :page)"
        ),
        key,
    )
    sources = 0
    if page_id is None:
        sources = connection.execute(
            text(
                "update mill.job_source set state = 'pending', shard = null, reason = null,"
                " not_before = null where job_id = :job and state = 'refused'"
                " and sha256 is not null"
            ),
            key,
        ).rowcount
    if pages + sources:
        connection.execute(
            text(
                "update mill.job set state = 'running', finished_at = null where id = :job"
                " and state in ('done', 'failed')"
            ),
            key,
        )
    return pages + sources
