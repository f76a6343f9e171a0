"""Does a worker grow? The memory of its processes while it reads thousands of pages.

    python benchmarks/memory.py [--pages 5000] [--quick]

Small distinct pages (a heading and a ruled table of figures, drawn in code) go the whole way: taken
in, sent through the broker, read by the default profile with its real networks, saved. Twice a
second it is noted what the process that reads and the one that takes in hold, while they read the
200 pages that follow a mark; the median and the most of each go to `benchmarks/results/memory.md`.
(A moment tells nothing: what is held goes up and down by a third with what was just freed. And for
the first pages not enough are waiting yet.) Ends with status 1 where, for the last 200 pages, the
median of either is more than 1.1 times that of the 200 after the first 200.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import psutil
from report import RESULTS, ROOT, machine, markdown

sys.path.insert(0, str(ROOT))

FIRST = 200
EVERY = 500
BAR = 1.1
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
WORDS = ("Barometer", "Thermometer", "Wind", "Rain", "Remarks", "Station", "Observer", "Sunday")


def draw(path: Path, number: int) -> None:
    """Draw a page unlike any other: its size, words, figures and grid follow from its number."""
    random = np.random.default_rng(number)
    height, width = (int(side) for side in random.integers((200, 300), (300, 440)))
    page = np.full((height, width), int(random.integers(235, 255)), np.uint8)
    font = FONTS[number % len(FONTS)]
    cv2.putText(page, f"{random.choice(WORDS)} {number}", (14, 32), font, 0.6, 30, 1)
    top, rows, columns = 50, int(random.integers(2, 5)), int(random.integers(2, 4))
    high, wide = (height - top - 12) // rows, (width - 28) // columns
    for row in range(rows + 1):
        cv2.line(page, (14, top + row * high), (14 + columns * wide, top + row * high), 60, 1)
    for column in range(columns + 1):
        x = 14 + column * wide
        cv2.line(page, (x, top), (x, top + rows * high), 60, 1)
    for row in range(rows):
        for column in range(columns):
            where = (14 + column * wide + 10, top + row * high + high // 2 + 6)
            cv2.putText(page, f"{random.uniform(28, 31):.2f}", where, font, 0.5, 30, 1)
    assert cv2.imwrite(str(path), page)


@dataclass
class Hand:
    """One process of the worker: what it held, in bytes, for the pages after each mark."""

    queue: str
    held: dict[int, list[int]] = field(default_factory=dict)
    pids: list[int] = field(default_factory=list)

    def note(self, worker: psutil.Process, mark: int) -> None:
        with contextlib.suppress(psutil.Error):
            for process in worker.children():
                if self.queue in process.cmdline():
                    # A guarded child that opens sources is a part of the process that has it.
                    family = [process, *process.children(recursive=True)]
                    now = sum(each.memory_info().rss for each in family)
                    self.held.setdefault(mark, []).append(now)
                    if process.pid not in self.pids:
                        self.pids.append(process.pid)

    def usual(self, mark: int) -> float:
        """Return the median of what it held after a mark, in MiB; 0 where it was not seen."""
        return statistics.median(self.held.get(mark) or [0]) / 2**20

    def most(self, mark: int) -> float:
        """Return the most that it held after a mark, in MiB; 0 where it was not seen."""
        return max(self.held.get(mark) or [0]) / 2**20

    @property
    def growth(self) -> float:
        """How many times what it usually held after the first mark it did after the last."""
        marks = sorted(self.held)
        return self.usual(marks[-1]) / self.usual(marks[0])


def measure(home: Path, pages: int, first: int) -> tuple[list[Hand], float]:
    """Have a private worker read so many pages; return its processes and the seconds it took."""
    from pipeline.profiles import load_profile
    from storage import jobs
    from workers import client, services
    from workers.app import celery_app
    from workers.reconciler import reconcile

    folder = home / "pages"
    folder.mkdir()
    for number in range(pages):
        draw(folder / f"{number:06}.png", number)
    hands = [Hand("digitize"), Hand("ingest")]
    marks = [first, *range(EVERY, pages - first, EVERY), pages - first]
    try:
        with client.office() as place, client.PrivateWorker(place.settings) as worker:
            started = time.monotonic()
            job_id = client.make_job(place, load_profile("default"), "memory", "simple", 5)
            client.list_sources(place, job_id, [str(folder)])
            app = celery_app(place.endpoints.broker_url)
            reconcile(place.database, app, place.settings)
            supervisor = psutil.Process(worker.pid)
            done = 0
            while done < pages:
                time.sleep(0.5)
                with place.database.begin() as connection:
                    found = jobs.progress(connection, job_id)
                done = found.pages.get("done", 0)
                if marks and done >= marks[0]:
                    for hand in hands:
                        hand.note(supervisor, marks[0])
                while marks and done >= marks[0] + first:
                    rate = done / (time.monotonic() - started)
                    print(
                        f"{done} pages, {rate:.1f} a second: {hands[0].usual(marks[0]):.0f} MiB",
                        file=sys.stderr,
                    )
                    del marks[0]
                if found.finished and done < pages:
                    sys.exit(f"memory: the job ended with {found.pages}")
            return hands, time.monotonic() - started
    finally:
        services.down()


def report(hands: list[Hand], pages: int, seconds: float) -> str:
    marks = sorted(hands[0].held)
    rows = [
        [f"{mark:,}", *(f"{held(mark):,.0f}" for hand in hands for held in (hand.usual, hand.most))]
        for mark in marks
    ]
    growth = [text for hand in hands for text in (f"**{hand.growth:.3f}**", "")]
    rows.append(["**last / first**", *growth])
    restarts = sum(len(hand.pids) - 1 for hand in hands)
    return (
        "# The memory of a worker\n\n"
        f"{pages:,} small distinct pages, the whole way, by profile default; resident MiB of a "
        f"worker's two processes for the {marks[0]} pages after each mark. "
        f"{pages / seconds:.1f} pages a second; {restarts} of the processes were replaced "
        f"meanwhile. Bar: {BAR}.\n\n"
        f"{machine()}; load at the end {os.getloadavg()[0]:.1f}.\n"
        f"Made by `python benchmarks/memory.py --pages {pages}`.\n\n"
        f"{markdown(['pages done', 'reads', 'most', 'takes in', 'most'], rows)}"
    )


def main() -> int:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--quick", action="store_true", help="60 pages, no table kept")
    options = parser.parse_args()
    first = FIRST
    if options.quick:
        options.pages, first = 60, 20
    home = Path(tempfile.mkdtemp(prefix="lmem-", dir="/tmp"))
    os.environ["LEDGERMILL_HOME"] = str(home)
    os.environ["LEDGERMILL_READERS"] = "1"  # so that one process reads all of them
    try:
        hands, seconds = measure(home, options.pages, first)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    text = report(hands, options.pages, seconds)
    print(text)
    if not options.quick:
        (RESULTS / "memory.md").write_text(text, "utf-8")
    return 0 if all(hand.growth <= BAR for hand in hands) else 1


if __name__ == "__main__":
    sys.exit(main())
