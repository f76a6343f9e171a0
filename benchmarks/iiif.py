"""A IIIF manifest on a server with bad days, while whatever works on it is killed: is it complete?

    python benchmarks/iiif.py [--canvases 200] [--kills 6] [--seed 1] [--quick]

A server on this machine serves a manifest of so many canvases. Of every image the first requests go
wrong, at random: 503 with Retry-After, slow, cut off short of what was announced, cut off and
announced so, another size, other proportions, no answer. Meanwhile the processes that fetch are
killed (-9), then the whole command, and it is given again. Whether every canvas is there once,
whole and in its size is counted, and how often anything was asked for. The images are read by the
quick stand-in engine of the fault tests. Services and data are private to the run. Goes to
`benchmarks/results/iiif.md`; ends with status 1 unless every canvas is there.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import sqlalchemy
from report import machine, markdown
from sqlalchemy import text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "iiif.md"
COLLECTION = "iiif"

sys.path.insert(0, str(ROOT))

from storage.database import connect  # noqa: E402
from tests.faults.machine import Machine, make_machine  # noqa: E402
from tests.workers.sources.remote.server import SIZE, Fault, Site, picture, serving  # noqa: E402

FAULTS: tuple[Fault, ...] = ("busy", "slow", "truncated", "cut", "small", "wrong", "reset")


class BadDay:
    """Decides what goes wrong: two of three first requests, one of three second ones."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.done: Counter[str] = Counter()

    def __call__(self, path: str, count: int) -> Fault:
        if count > 2 or self._random.random() > (0.67, 0.33)[count - 1]:
            return None
        fault = self._random.choice(FAULTS)
        if fault in ("small", "wrong") and "/full/" not in path:
            fault = "busy"
        self.done[str(fault)] += 1
        return fault


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--canvases", type=int, default=200)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="20 canvases, 2 kills; writes nothing")
    asked = parser.parse_args()
    if asked.quick:
        asked.canvases, asked.kills = 20, 2
    home = Path(tempfile.mkdtemp(prefix="lb-", dir="/tmp"))
    made = make_machine(home)
    try:
        with serving() as site:
            made.ask("services.ensure()")
            rows, complete = measure(made, site, asked.canvases, asked.kills, asked.seed)
    finally:
        made.ask("services.down()")
        shutil.rmtree(home, ignore_errors=True)
    table = markdown(["IIIF manifest with faults and kills", "value"], rows)
    print(table)
    if not asked.quick:
        command = f"python benchmarks/iiif.py --canvases {asked.canvases} --seed {asked.seed}"
        RESULTS.write_text(f"# A manifest with faults\n\n`{command}` on {machine()}.\n\n{table}")
    sys.exit(not complete)


def measure(
    made: Machine, site: Site, canvases: int, kills: int, seed: int
) -> tuple[list[tuple[str, object]], bool]:
    """Ingest the manifest and return the rows of the table, and whether all of it came."""
    site.fault = day = BadDay(seed)
    site.retry_after = "1"
    manifest = site.manifest(canvases)
    database = connect(made.database_url)
    started = time.monotonic()
    client = ingest(made, manifest)
    killed = 0
    for number in range(1, kills + 1):
        wait_for(database, client, canvases * number // (kills + 2))
        if number == kills // 2 + 1:  # the whole command, and it is given again
            family = [client.pid, *(p.pid for p in psutil.Process(client.pid).children(True))]
            killed += kill(family)
            client.communicate()
            client = ingest(made, manifest)
        else:
            killed += kill([process.pid for process in made.workers(client, "ingest")])
    status, result = made.finish(client, 3600)
    seconds = time.monotonic() - started
    whole, sizes, pages = what_came(database)
    database.dispose()
    wanted = {
        f"{site.url}/canvas/{n}": hashlib.sha256(picture(n)).hexdigest()
        for n in range(1, canvases + 1)
    }
    right = sum(whole.get(canvas) == sha256 for canvas, sha256 in wanted.items())
    images = sum(count for path, count in site.asked.items() if "/full/" in path)
    rows: list[tuple[str, object]] = [
        ("canvases", canvases),
        ("faults of the server", sum(day.done.values())),
        *((f"of these: {name}", count) for name, count in sorted(day.done.items())),
        ("processes killed (-9), one of them the whole command", killed),
        ("canvases whole and right, byte for byte", right),
        ("pages (double ones would be more)", pages),
        ("pages in the full size", sizes),
        ("requests for images", images),
        ("requests for `info.json`", sum(n for p, n in site.asked.items() if "info.json" in p)),
        ("sources refused", len(result["failed"])),
        ("exit status of the command given again", status),
        ("seconds", round(seconds)),
    ]
    complete = right == pages == sizes == canvases and status == 0
    return rows, complete


def ingest(made: Machine, manifest: str) -> subprocess.Popen[str]:
    return made.start(
        *("ingest", manifest, "-c", COLLECTION, "--profile", str(made.home / "drawn.toml")),
        *("--wait", "--json"),
        ledgermill_allowed_hosts="127.0.0.1",
        ledgermill_fetches_per_second=50,
    )


def wait_for(database: sqlalchemy.Engine, client: subprocess.Popen[str], pages: int) -> None:
    """Wait until so many canvases are taken in, or the command is done."""
    while client.poll() is None:
        with contextlib.suppress(Exception), database.begin() as connection:
            if (connection.scalar(text("select count(*) from mill.page")) or 0) >= pages:
                return
        time.sleep(0.1)


def kill(pids: list[int]) -> int:
    """Kill processes and return how many there were."""
    count = 0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
            count += 1
    return count


def what_came(database: sqlalchemy.Engine) -> tuple[dict[str, str], int, int]:
    """Return the digest of every canvas, how many pages have the full size, and how many exist."""
    with database.begin() as connection:
        rows = connection.execute(
            text(
                "select d.told ->> 'canvas', d.sha256 from mill.document d"
                " join mill.collection c on c.id = d.collection_id where c.name = :name"
            ),
            {"name": COLLECTION},
        ).all()
        sizes = connection.scalar(
            text(
                "select count(*) from mill.page join mill.image on sha256 = image_sha256"
                " where width = :width and height = :height"
            ),
            {"width": SIZE[0], "height": SIZE[1]},
        )
        pages = connection.scalar(text("select count(*) from mill.page"))
    return {row[0]: row[1] for row in rows}, int(sizes or 0), int(pages or 0)


if __name__ == "__main__":
    main()
