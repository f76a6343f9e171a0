"""Random faults while pages are read: is any page lost, read twice, or read otherwise?

    python benchmarks/faults.py [--faults 200] [--pages 500] [--seed 1] [--real 8]

Drawn pages are read by a quick stand-in engine (`tests/faults/drawn_engine.py`), first in peace,
then while processes are killed and stopped, messages lost and repeated, the object store and the
disk taken away and clocks set wrong (`tests/faults/storm.py`). Evil pages are among them: they
raise, crash, hang or eat memory, and must be set aside, and nothing else. A smaller share of the
faults falls upon the real engine, reading `--real` parts of the sample pages. Services, an S3
server among them, and all data are private to the run. Goes to `benchmarks/results/faults.md`;
ends with status 1 unless nothing was lost, doubled or changed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
from report import machine, markdown
from seaweed import Seaweed

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "faults.md"
JOB_PAGES = 25
EVIL = (401, 402, 403, 404, 405, 406)
DISK = "1500m"

sys.path.insert(0, str(ROOT))

from tests.faults.machine import Machine, make_machine  # noqa: E402
from tests.faults.storm import Storm, difference, harm, inconsistencies, results  # noqa: E402

SETTINGS: dict[str, object] = {
    "drawn_engine_seconds": 0.4,
    "ledgermill_shard_pages": 8,
    "ledgermill_page_seconds": 15,
    "ledgermill_heartbeat_seconds": 1,
    "ledgermill_stale_seconds": 12,
    "ledgermill_max_read_memory": 1 << 30,
    "ledgermill_threads": 1,
}
SLOWER: dict[str, object] = {"ledgermill_page_seconds": 60, "ledgermill_max_read_memory": 4 << 30}


@dataclass
class Outcome:
    """What one storm did."""

    what: str
    pages: int
    faults: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    restarts: int = 0
    attempts: int = 0
    lost: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    unfinished: int = 0

    @property
    def sound(self) -> bool:
        return not (self.lost or self.set_aside or self.changed or self.never or self.unfinished)


@contextlib.contextmanager
def disk() -> Iterator[tuple[Path, bool]]:
    """Make a folder; on a small disk of its own, to be filled, where this user may mount one."""
    home = Path(tempfile.mkdtemp(prefix="lf-", dir="/tmp"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(home)]
    try:
        small = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        small = False
    if not small:
        print("no disk can be mounted here: the fault fill_disk is left out", file=sys.stderr)
    try:
        yield home, small
    finally:
        if small:
            subprocess.run(["umount", "-l", str(home)], check=False)
        shutil.rmtree(home, ignore_errors=True)


def weather(
    storm: Storm, outcome: Outcome, folders: list[Path], faults: int, calm: str, evil: set[str]
) -> None:
    """Have folders read, a fault following upon another, and look what came of it."""
    started = time.monotonic()
    waiting = list(folders)
    done = 0
    storm.tend()
    while done < faults or waiting or storm.unfinished():
        share = (len(folders) - len(waiting)) / len(folders)
        if waiting and (done >= share * faults or not storm.unfinished()):
            storm.submit(waiting.pop(0))
        if done < faults and storm.unfinished():
            name = harm(storm)
            outcome.faults[name] += 1
            done += 1
            found = [each for each in inconsistencies(storm) if each not in outcome.never]
            outcome.never += [f"{each} (fault {done}, {name})" for each in found]
            print(f"{done:4} {time.monotonic() - started:6.0f} s {name} {' '.join(found)}")
            pause = storm.random.uniform(0.5, 4)
        else:
            pause = 0.5
            if not (waiting or storm.submitting):
                storm.abandon()
        storm.wait(lambda: False, pause)
        if time.monotonic() - started > 60 * faults + 600:
            break
    outcome.unfinished = storm.unfinished()
    outcome.never += inconsistencies(storm)
    outcome.seconds = time.monotonic() - started
    outcome.restarts = storm.restarts
    outcome.attempts = storm.count(
        "select count(*) from mill.attempt join mill.job on job.id = job_id"
        " join mill.collection c on c.id = collection_id where c.name = :name",
        name=storm.collection,
    )
    judge(storm, outcome, calm, evil)


def judge(storm: Storm, outcome: Outcome, calm: str, evil: set[str]) -> None:
    """Compare with what was read in peace."""
    expected = results(storm.database, calm)
    found = results(storm.database, storm.collection)
    aside = {
        row.name: row.reason
        for row in storm.ask(
            "select distinct page.name, q.reason from mill.quarantine q"
            " join mill.page on page.id = q.page_id"
            " join mill.collection c on c.id = page.collection_id where c.name = :name",
            name=storm.collection,
        )
    }
    outcome.pages = len(expected)
    outcome.lost = sorted(expected.keys() - found.keys())
    outcome.set_aside = [f"{name}: {aside[name]}" for name in sorted(aside.keys() - evil)]
    outcome.set_aside += [f"{name}: not set aside" for name in sorted(evil - aside.keys())]
    for name in sorted(expected.keys() & found.keys()):
        other = difference(expected[name], found[name], name)
        if other is not None:
            outcome.changed.append(other)


def in_peace(place: Machine, folders: list[Path], collection: str, profile: str) -> None:
    """Read folders while nothing happens."""
    client = place.start(
        *("ingest", *map(str, folders), "-c", collection),
        *("--profile", profile, "--wait", "--json"),
        log=None,
        **{**SETTINGS, **SLOWER, "drawn_engine_seconds": 0},
    )
    status, said = place.finish(client, 3600)
    assert status == 0, said


def real_pages(place: Machine, count: int) -> list[Path]:
    """Cut parts out of the sample pages; return folders of four."""
    sample = cv2.imread(str(ROOT / "samples" / "daily-ledger.jpg"), cv2.IMREAD_GRAYSCALE)
    assert sample is not None
    folders = []
    for number in range(count):
        folder = place.home / f"real-{number // 4}"
        if number % 4 == 0:
            folder.mkdir()
            folders.append(folder)
        top, left = 150 + 97 * number % 900, 150 + 61 * number % 300
        cv2.imwrite(
            str(folder / f"part-{number:02}.png"), sample[top : top + 400, left : left + 700]
        )
    return folders


def campaign(options: argparse.Namespace) -> list[Outcome]:
    """Run both storms on services of their own."""
    from storage.database import connect
    from workers import services
    from workers.settings import settings

    with disk() as (home, small):
        place = make_machine(home)
        store = Seaweed(home / "s3")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            place.environment[name] = os.environ[name]
        place.environment["LEDGERMILL_OBJECT_STORE"] = store.url
        os.environ["LEDGERMILL_HOME"] = str(home)
        os.environ["LEDGERMILL_OBJECT_STORE"] = store.url
        settings.cache_clear()
        outcomes = []
        try:
            endpoints = services.ensure()
            database = connect(endpoints.database_url)
            seeds = random.Random(options.seed)

            def storm(collection: str, profile: str, **more: object) -> Storm:
                return Storm(
                    machine=place,
                    database=database,
                    broker_url=endpoints.broker_url,
                    random=random.Random(seeds.random()),
                    collection=collection,
                    profile=profile,
                    settings={**SETTINGS, **more},
                    workers=(("worker",), ("worker", "--queues", "digitize")),
                    store=store,
                    full_disk=small,
                )

            real_faults = round(options.faults * 0.1) if options.real else 0
            drawn = str(home / "drawn.toml")
            good = [
                place.draw(f"drawn-{i}", min(JOB_PAGES, options.pages - i), first=i)
                for i in range(0, options.pages, JOB_PAGES)
            ]
            in_peace(place, good, "calm", drawn)
            print(f"{options.pages} pages were read in peace")
            bad = place.draw("evil", 0, EVIL, first=options.pages)
            evil = {path.stem for path in bad.iterdir()}
            outcomes.append(Outcome("drawn pages, stand-in engine", 0))
            one = storm("stormy", drawn)
            try:
                folders = [*good[: len(good) // 2], bad, *good[len(good) // 2 :]]
                weather(one, outcomes[0], folders, options.faults - real_faults, "calm", evil)
            finally:
                one.end()
            if options.real:
                parts = real_pages(place, options.real)
                in_peace(place, parts, "real-calm", "default")
                outcomes.append(Outcome("parts of sample pages, profile default", 0))
                other = storm("real-stormy", "default", **SLOWER)
                try:
                    weather(other, outcomes[1], parts, real_faults, "real-calm", set())
                finally:
                    other.end()
            database.dispose()
        finally:
            if not all(outcome.sound for outcome in outcomes):
                shutil.copy(home / "storm.log", "/tmp/ledgermill-storm.log")
            services.down()
            store.kill()
    return outcomes


def report(outcomes: list[Outcome], options: argparse.Namespace) -> str:
    """Return the table of a campaign."""
    rows = [
        [
            one.what,
            one.pages,
            one.faults.total(),
            one.restarts,
            one.attempts,
            len(one.lost),
            len([each for each in one.never if "twice" in each]),
            len(one.changed),
            len(one.set_aside),
            one.unfinished,
            f"{one.seconds:.0f}",
        ]
        for one in outcomes
    ]
    heads = ["what", "pages", "faults", "restarts", "attempts", "lost", "double", "changed"]
    heads += ["wrongly set aside", "jobs not done", "seconds"]
    kinds = sum((one.faults for one in outcomes), Counter[str]())
    wrong = [
        each for one in outcomes for each in (*one.lost, *one.set_aside, *one.changed, *one.never)
    ]
    return (
        "# Random faults while pages are read\n\n"
        "Results are compared with those of the same pages read in peace: texts, cells and "
        "polygons exactly, confidences to 3 decimals. Evil pages (which raise, crash, hang, or eat "
        f"memory: {len(EVIL)}) must be set aside, and no others. Restarts are workers and clients "
        "that were killed, started again as systemd or a person would; the rest comes back by "
        "itself.\n\n"
        f"Seed {options.seed}; {machine()}; load at the end {os.getloadavg()[0]:.1f}.\n"
        f"Made by `python benchmarks/faults.py --faults {options.faults} --pages {options.pages} "
        f"--seed {options.seed} --real {options.real}`.\n\n"
        f"{markdown(heads, rows)}\n"
        f"{markdown(['fault', 'times'], kinds.most_common())}"
        + ("\n## What was wrong\n\n" + "".join(f"- {each}\n" for each in wrong) if wrong else "")
    )


def main() -> int:
    """Run the campaign and write its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faults", type=int, default=200, metavar="N")
    parser.add_argument("--pages", type=int, default=500, metavar="M", help="drawn pages")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=int, default=8, metavar="K", help="parts of real pages")
    parser.add_argument("--quick", action="store_true", help="12 faults, 30 pages, no table")
    options = parser.parse_args()
    if options.quick:
        options.faults, options.pages, options.real = 12, 30, 0
    outcomes = campaign(options)
    text = report(outcomes, options)
    print(text)
    if not options.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text, "utf-8")
    return 0 if all(outcome.sound for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
