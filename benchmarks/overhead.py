"""What the queue, the object store and the database cost: the same pages with and without them.

    python benchmarks/overhead.py [--pages 4] [--rounds 3]

One side calls `pipeline.digitize.digitize` on the pages' bytes in this process. The other submits
them as a job: copied into a real S3 server (SeaweedFS), listed, taken in, sent through the broker,
read by a worker, saved to Postgres, page by page, until the job is done. Both have their models
loaded beforehand. The two take turns, in alternating order, and each pair gives one ratio of wall
times; the table goes to `benchmarks/results/overhead.md`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from report import machine, markdown
from seaweed import Seaweed
from usage import spent

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "overhead.md"
BAR = 1.05

sys.path.insert(0, str(ROOT))


def find_pages(count: int, made: Path | None = None) -> tuple[list[Path], str]:
    """Return page images and what they are: real ones where there are any, else the samples.

    Where there are too few, and a folder to put them in, copies that differ in a byte are `made`.
    """
    real = sorted((ROOT.parent / "shared" / "data" / "weather-rescue" / "images").glob("*.jpg"))
    found = real or sorted((ROOT / "samples").glob("*.jpg"))
    what = (
        "photographed pages of printed pressure tables (weather-rescue)"
        if real
        else "drawn sample pages"
    )
    pages = found[:count]
    for number in range(len(pages), count if made else 0):
        source = found[number % len(found)]
        assert made is not None
        copy = made / f"{source.stem}-{number}{source.suffix}"
        copy.write_bytes(source.read_bytes() + number.to_bytes(2, "big"))  # behind a JPEG's end
        pages.append(copy)
    return pages, what


def service_pids() -> list[int]:
    """Return the embedded services' processes."""
    from workers import services

    return [service.pid for service in services.status() if service.pid is not None]


class Direct:
    """One process: bytes from disk, decoded and digitized, results dropped."""

    def __init__(self) -> None:
        from pipeline.engines import load_engine
        from pipeline.profiles import load_profile
        from workers.settings import settings
        from workers.sources.model import Limits

        self.profile = load_profile("default")
        self.engine = load_engine(self.profile, settings().device, settings().threads)
        self.limits = Limits.of(settings()).image

    def run(self, paths: Sequence[Path]) -> float:
        from pipeline.decode import decode_image
        from pipeline.digitize import digitize

        started = time.perf_counter()
        images = (decode_image(path.read_bytes(), self.limits) for path in paths)
        assert sum(1 for _ in digitize(images, self.profile, self.engine)) == len(paths)
        return time.perf_counter() - started


class Queued:
    """The whole way: S3, ingest, broker, a worker that runs already, Postgres."""

    def __init__(self, place: object) -> None:
        from workers import client

        assert isinstance(place, client.Office)
        self.place = place
        self.jobs = 0

    def run(self, paths: Sequence[Path]) -> float:
        """Read pages in a new collection, so that nothing is known of them; return seconds."""
        from pipeline.profiles import load_profile
        from storage import jobs
        from workers import client
        from workers.app import celery_app
        from workers.reconciler import reconcile

        self.jobs += 1
        started = time.perf_counter()
        job_id = client.make_job(
            self.place, load_profile("default"), f"round-{self.jobs}", "simple", 5
        )
        client.list_sources(self.place, job_id, [str(path) for path in paths])
        app = celery_app(self.place.endpoints.broker_url)
        reconcile(self.place.database, app, self.place.settings)
        while True:
            with self.place.database.begin() as connection:
                progress = jobs.progress(connection, job_id)
            if progress.finished:
                break
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        assert progress.pages == {"done": len(paths)}, progress
        return seconds


@dataclass(frozen=True)
class Pair:
    """Seconds on the wall, and of the processors, without and with everything around."""

    direct: float
    queued: float
    direct_cpu: float
    queued_cpu: float


def table(pairs: list[Pair], pages: int, what: str) -> str:
    rows = [
        [
            number,
            f"{pair.direct:.2f}",
            f"{pair.queued:.2f}",
            f"{pair.queued / pair.direct:.3f}",
            f"{pair.direct_cpu:.2f}",
            f"{pair.queued_cpu:.2f}",
            f"{pair.queued_cpu / pair.direct_cpu:.3f}",
        ]
        for number, pair in enumerate(pairs, 1)
    ]
    wall = statistics.median(pair.queued / pair.direct for pair in pairs)
    cpu = statistics.median(pair.queued_cpu / pair.direct_cpu for pair in pairs)
    rows.append(["median", "", "", f"{wall:.3f}", "", "", f"{cpu:.3f}"])
    heads = ["pair", "`digitize` alone", "S3 + queue + Postgres", "ratio"]
    heads += ["processors: alone", "queued, all processes", "ratio"]
    return (
        "# Queue, object store and database against the bare pipeline\n\n"
        f"{pages} {what}, read {len(pairs)} times each way in turns; wall seconds, and processor "
        f"seconds of all processes, models loaded.\n{machine()}; load at the end "
        f"{os.getloadavg()[0]:.1f}.\nMade by `python benchmarks/overhead.py`.\n\n"
        f"{markdown(heads, rows)}\n"
        f"Bar: {BAR:.2f} of the wall seconds. The queued side also takes the files in: copies them "
        "to S3, parses each in a guarded process, and saves every line and cell. It reads with as "
        "many processes as a worker has on this machine; what is alone is one process with all "
        "threads, so that the processors' seconds say what all of this costs.\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="2 pages, one round, no table kept")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.pages, chosen.rounds = 2, 1
    home = Path(tempfile.mkdtemp(prefix="lo-", dir="/tmp"))
    os.environ["LEDGERMILL_HOME"] = str(home)
    paths, what = find_pages(chosen.pages, home)
    store = Seaweed(home / "s3")
    os.environ["OBJECT_STORE"] = store.url
    try:
        pairs = measure(paths, chosen.rounds, store)
    finally:
        store.kill()
        shutil.rmtree(home, ignore_errors=True)
    text = table(pairs, len(paths), what)
    print(text)
    if not chosen.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text)
    return 0 if statistics.median(pair.queued / pair.direct for pair in pairs) <= BAR else 1


def measure(paths: Sequence[Path], rounds: int, store: Seaweed) -> list[Pair]:
    from workers import client, services

    pairs = []
    try:
        with client.office() as place, client.PrivateWorker(place.settings) as worker:
            direct, queued = Direct(), Queued(place)
            around = [os.getpid(), worker.pid or 0, *service_pids()]
            around += [process.pid for process in store.processes()]

            def alone() -> tuple[float, float]:
                before = spent([os.getpid()], children=False)
                seconds = direct.run(paths)
                return seconds, spent([os.getpid()], children=False) - before

            def whole() -> tuple[float, float]:
                before = spent(around)
                seconds = queued.run(paths)
                return seconds, spent(around) - before

            direct.run(paths[:1])
            queued.run(paths[:1])
            for number in range(rounds):
                if number % 2 == 0:
                    one, other = alone(), whole()
                else:
                    other, one = whole(), alone()
                pairs.append(Pair(one[0], other[0], one[1], other[1]))
                print(f"{number + 1}/{rounds}: {one[0]:.2f} s alone, {other[0]:.2f} s queued")
    finally:
        services.down()
    return pairs


if __name__ == "__main__":
    sys.exit(main())
