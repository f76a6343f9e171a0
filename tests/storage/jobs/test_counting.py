from __future__ import annotations

import random

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import Unavailable
from storage import jobs
from storage.jobs import NewSource
from storage.jobs.counting import numbers
from tests.storage.test_jobs import make_job

Connection = sqlalchemy.Connection


def counted(connection: Connection, job_id: int) -> dict[str, dict[str, int]]:
    """Count the rows that the numbers are of."""
    found: dict[str, dict[str, int]] = {}
    for kind, table in (("ingest", "job_source"), ("digitize", "job_page")):
        rows = connection.execute(
            text(
                f"select state, count(*) as n from mill.{table} where job_id = :job group by state"
            ),
            {"job": job_id},
        )
        found[kind] = {row.state: row.n for row in rows}
    return found


class Chance:
    """Changes the work of two jobs at random, as workers, clients and the reconciler do."""

    def __init__(self, seed: int, job_ids: list[int]) -> None:
        self._rng = random.Random(seed)
        self._jobs = job_ids
        self._tokens: list[str] = []

    def step(self, connection: Connection) -> None:
        rng, job = self._rng, self._rng.choice(self._jobs)
        token = rng.choice(self._tokens) if self._tokens else "none"
        what = rng.randrange(14)
        if what < 3:
            self._tokens += jobs.queue_pages(connection, job, rng.randint(1, 4), rng.randint(1, 9))
        elif what < 5:
            for _ in range(rng.randint(1, 2)):  # delivered twice
                shard = jobs.claim(connection, token, "w")
                for page in shard.pages if shard else ():
                    if rng.random() < 0.5:
                        jobs.page_done(connection, shard.job_id, page)  # type: ignore[union-attr]
        elif what == 5:
            jobs.shard_failed(connection, token, rng.randint(1, 30), "chance")
        elif what == 6:
            jobs.shard_died(connection, token, 2)
        elif what == 7:
            jobs.give_back(connection, token)
        elif what == 8:
            jobs.postpone(connection, token, "away")
        elif what == 9:
            sources = [NewSource("a", "ab" * 32), NewSource("b", None, "bad")]
            jobs.add_sources(connection, job, sources)
        elif what == 10:
            self._tokens += jobs.queue_sources(connection, job, 2, 5)
        elif what == 11:
            claimed = jobs.claim_source(connection, token)
            if claimed is not None:
                jobs.source_stored(connection, claimed.job_id, claimed.number, None)
        elif what == 12:
            jobs.sources_died(connection, token, 1)
        else:
            jobs.tidy_counts(connection)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_numbers_are_those_of_the_rows_whatever_happens(
    engine: sqlalchemy.Engine, connection: Connection, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps that are committed, rolled back, and cut off by the death of the server's process."""
    monkeypatch.setattr("storage.jobs.counting._MANY", 12)
    job_ids = [make_job(connection, 20), make_job(connection, 30, run_id=1)]
    chance, rng = Chance(seed, job_ids), random.Random(-seed)
    for _ in range(60):
        end = rng.choice(["commit", "commit", "commit", "roll back", "die"])
        with engine.connect() as work:
            for _ in range(rng.randint(1, 3)):
                chance.step(work)
            if end == "commit":
                work.commit()
            elif end == "die":
                pid = work.scalar(text("select pg_backend_pid()"))
                connection.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})
                with pytest.raises(Unavailable):
                    work.execute(text("select 1"))
        for job_id in job_ids:
            assert numbers(connection, [job_id])[job_id] == counted(connection, job_id)
        connection.rollback()
    found = numbers(connection, job_ids)
    done = sum(found[job_id]["digitize"].get("done", 0) for job_id in job_ids)
    assert done > 5, "the steps must get somewhere"
    assert [jobs.recount(connection, job_id) for job_id in job_ids] == [0, 0]


def test_what_was_miscounted_is_mended_when_the_job_ends(connection: Connection) -> None:
    job_id = make_job(connection, 3)
    connection.execute(text("alter table mill.job_page disable trigger user"))
    connection.execute(text("update mill.job_page set state = 'done' where job_id = 1"))
    connection.execute(text("alter table mill.job_page enable trigger user"))
    connection.commit()
    assert jobs.progress(connection, job_id).pages == {"pending": 3}
    assert jobs.finish_jobs(connection) == [job_id]
    assert jobs.progress(connection, job_id).pages == {"done": 3}


def test_an_overview_counts_no_rows(connection: Connection) -> None:
    """Were it to, the status of a job of a million pages would take seconds."""
    make_job(connection, 3)
    asked: list[str] = []
    sqlalchemy.event.listen(
        connection, "before_cursor_execute", lambda *said: asked.append(str(said[2]))
    )
    (found,) = jobs.overview(connection)
    assert found.progress.pages == {"pending": 3}
    assert asked
    assert not any("count(" in statement for statement in asked)
