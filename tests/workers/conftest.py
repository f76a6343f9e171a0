from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy
from sqlalchemy import text

from storage import jobs

MakeJob = Callable[..., int]


@pytest.fixture
def make_job(connection: sqlalchemy.Connection) -> MakeJob:
    """Return a function that adds a job of so many pages and commits.

    Pages are numbered from 1; the SHA-256 of page N is N, written with 64 digits.
    """

    def make(pages: int, run: str = "test") -> int:
        run_id = connection.execute(
            text(
                "insert into mill.run (profile, weights_digest, code_version, settings)"
                " values (:run, 'w', '1', '{}') returning id"
            ),
            {"run": run},
        ).scalar_one()
        collection_id = jobs.ensure_collection(connection, "c")
        connection.execute(
            text(
                "insert into mill.image (sha256, media_type, bytes, width, height)"
                " select lpad(i::text, 64, '0'), 'image/png', 1, 1, 1"
                " from generate_series(1, :n) i"
            ),
            {"n": pages},
        )
        ids = connection.execute(
            text(
                "insert into mill.page (collection_id, image_sha256, name)"
                " select :c, lpad(i::text, 64, '0'), 'page-' || i from generate_series(1, :n) i"
                " order by i returning id"
            ),
            {"n": pages, "c": collection_id},
        )
        job_id = jobs.create(connection, "ingest", collection_id, run_id)
        jobs.add_pages(connection, job_id, list(ids.scalars()))
        jobs.all_listed(connection, job_id)
        connection.commit()
        return job_id

    return make
