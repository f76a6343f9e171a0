"""Pages read again while others are taken in: how long do those wait, and what does the rest cost?

    python benchmarks/reprocess.py [--pages 2000] [--batches 12] [--quick]

Small drawn pages are read by a quick stand-in engine (`tests/faults/drawn_engine.py`): this is
about the queue. All are taken in, then read again by another profile; meanwhile a few live pages
are taken in at a time. For each live page it is counted how many shards of the reprocessing were at
work or were begun between its coming into the database and its first attempt. Then the same is
asked for once more, two runs are compared, and the first is made current again. Services and data
are private to the run. Goes to `benchmarks/results/reprocess.md`; ends with status 1 where a live
page waited for more than two shards, or the second request did anything.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from report import machine as described
from report import markdown
from sqlalchemy import text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "reprocess.md"
LIVE_PAGES = 4
MOST_SHARDS = 2
ENGINE_SECONDS = 0.05
"""What the engine takes for a page, so that there is something to wait for."""
LONGEST = 3600.0
"""Seconds for any part of it."""

sys.path.insert(0, str(ROOT))

from storage.database import connect  # noqa: E402
from tests.faults.machine import Machine, make_machine  # noqa: E402

_WAITS = """
    select extract(epoch from began.at - page.created_at) as seconds,
        (
            select count(*) from mill.attempt as again join mill.job on job.id = again.job_id
            where job.kind = 'reprocess' and again.started_at < page.created_at
                and again.finished_at > page.created_at
        ) as at_work,
        (
            select count(*) from mill.attempt as again join mill.job on job.id = again.job_id
            where job.kind = 'reprocess' and again.started_at between page.created_at and began.at
        ) as begun
    from mill.page
    join mill.collection on collection.id = collection_id and collection.name = 'live'
    cross join lateral (
        select min(started_at) as at from mill.attempt where page_id = page.id
    ) as began
"""


@dataclass(frozen=True)
class Wait:
    """How long a live page waited, and for how many shards of the reprocessing."""

    seconds: float
    shards: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=2000, help="pages that are read again")
    parser.add_argument("--batches", type=int, default=12, help=f"of {LIVE_PAGES} live pages")
    parser.add_argument("--quick", action="store_true", help="200 pages, 4 batches")
    chosen = parser.parse_args()
    pages, batches = (200, 4) if chosen.quick else (chosen.pages, chosen.batches)
    home = Path(tempfile.mkdtemp(prefix="lr-", dir="/tmp"))
    place = make_machine(home)
    place.environment["OMP_NUM_THREADS"] = "1"
    try:
        place.ask("services.ensure()")
        return measure(place, pages, batches)
    finally:
        place.ask("services.down()")
        shutil.rmtree(home, ignore_errors=True)


def measure(place: Machine, pages: int, batches: int) -> int:
    """Run everything on a machine and write the table; return the exit status."""
    first = str(place.home / "drawn.toml")
    other = place.home / "other.toml"
    other.write_text(Path(first).read_text() + "[recognition]\nreject_below = 0.6\n")
    archive = place.draw("archive", pages)
    taking_in = ("ingest", str(archive), "-c", "archive", "--profile", first, "--wait", "--json")
    status, taken = place.finish(place.start(*taking_in), LONGEST)
    assert status == 0, taken
    database = connect(place.database_url)
    with (place.home / "worker.log").open("w") as log:
        worker = place.start("worker", log=log, drawn_engine_seconds=ENGINE_SECONDS)
        try:
            began = time.monotonic()
            status, asked = place.run("reprocess", "-c", "archive", "--profile", str(other))
            assert status == 0, asked
            asking = time.monotonic() - began
            live_ingest(place, database, first, pages, batches)
            place.wait_until(lambda: unfinished(database) == 0, "the end", LONGEST)
            reading = time.monotonic() - began
        finally:
            worker.terminate()
            worker.wait()
    waits = waits_of(database, shard_pages(place))
    began = time.monotonic()
    status, again = place.run("reprocess", "-c", "archive", "--profile", str(other))
    second = time.monotonic() - began
    with database.begin() as connection:
        runs = connection.scalars(text("select name from mill.run order by id")).all()
    began = time.monotonic()
    comparison = place.start("compare", *runs, "-c", "archive", "--json")
    compared, differences = place.finish(comparison, LONGEST)
    comparing = time.monotonic() - began
    began = time.monotonic()
    _, back = place.finish(place.start("rollback", runs[0], "-c", "archive", "--json"), LONGEST)
    rolling = time.monotonic() - began
    database.dispose()
    idle = status == 0 and again["jobs"] == [] and again["current"] == pages
    most = max(wait.shards for wait in waits)
    rows = [
        ["pages read again", f"{pages:,}"],
        ["asked for in", f"{asking:.1f} s"],
        ["read in", f"{reading:.0f} s, {pages / reading:.1f} pages/s beside the live ones"],
        ["live pages taken in meanwhile", str(len(waits))],
        ["live pages waited, median", f"{statistics.median(w.seconds for w in waits):.2f} s"],
        ["live pages waited, longest", f"{max(w.seconds for w in waits):.2f} s"],
        ["shards waited for, at most (bar: 2)", str(most)],
        ["the same asked for again", f"{second:.1f} s, jobs made: {len(again['jobs'])}"],
        ["pages compared", f"{differences['total']['pages']:,} in {comparing:.1f} s"],
        ["pages rolled back", f"{back['changed']:,} in {rolling:.1f} s"],
    ]
    words = (
        "Live pages wait while others are read again. A shard has "
        f"{shard_pages(place)} pages, the engine takes "
        f"{ENGINE_SECONDS} s a page; one worker; seconds count from a page's coming into the "
        f"database to its first attempt. Commands' times include their start. {described()}."
    )
    RESULTS.write_text(f"# Reprocessing\n\n{words}\n\n{markdown(['', ''], rows)}\n")
    print(RESULTS.read_text())
    return 0 if idle and compared == 0 and most <= MOST_SHARDS else 1


def live_ingest(
    place: Machine, database: sqlalchemy.Engine, profile: str, pages: int, batches: int
) -> None:
    """Take in a few pages each time that another part of the reprocessing is done."""
    for number in range(batches):
        wait_for(place, database, pages * (number + 0.5) / (batches + 1))
        folder = place.draw(f"live-{number}", LIVE_PAGES, first=1_000_000 + number * LIVE_PAGES)
        status, said = place.run("ingest", str(folder), "-c", "live", "--profile", profile)
        assert status == 0, said


def wait_for(place: Machine, database: sqlalchemy.Engine, pages: float) -> None:
    place.wait_until(
        lambda: reprocessed(database) >= pages, f"{pages:.0f} pages read again", LONGEST
    )


def reprocessed(database: sqlalchemy.Engine) -> int:
    """Return how many pages have been read again."""
    with database.begin() as connection:
        return int(
            connection.execute(
                text(
                    "select count(*) from mill.job_page join mill.job on job.id = job_id"
                    " where kind = 'reprocess' and job_page.state = 'done'"
                )
            ).scalar_one()
        )


def unfinished(database: sqlalchemy.Engine) -> int:
    with database.begin() as connection:
        count = text("select count(*) from mill.job where state not in ('done', 'failed')")
        return int(connection.execute(count).scalar_one())


def waits_of(database: sqlalchemy.Engine, shard: int) -> list[Wait]:
    """Return how each live page waited; pages of the reprocessing are counted in shards."""
    with database.begin() as connection:
        rows = connection.execute(text(_WAITS)).all()
    return [Wait(float(row.seconds), (row.at_work > 0) + -(-row.begun // shard)) for row in rows]


def shard_pages(place: Machine) -> int:
    code = "__import__('workers.settings').settings.settings().shard_pages"
    return int(place.ask(code))


if __name__ == "__main__":
    sys.exit(main())
