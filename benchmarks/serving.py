"""How long pages and searches take over HTTP while 20 clients ask: `ledgermill serve`, measured.

    python benchmarks/serving.py FOLDER [--lines 1e6] [--clients 20] [--seconds 20] [--keep]
    python benchmarks/serving.py FOLDER --quick        # 50,000 lines, some seconds for each row

Fills the embedded Postgres of FOLDER as `benchmarks/scale.py` does, unless it is filled already,
and starts `ledgermill serve` on it, with as many processes as it takes by itself. A client keeps
one connection and asks for one thing after the other (a closed loop): after its answer it thinks
for a second, give or take a half, as somebody at a browser does, or not at all, so that as many
requests as clients are always on their way. What is asked for is drawn anew each time: any page, or
a word on some 200 lines. The facets of a search are a request of their own, which a browser sends
once the hits stand. Pictures are not asked for; there are none.

The clients run on the same machine: their share of the processors is part of what is measured.
Whatever else runs there makes the wall times longer; `busy` is what server, Postgres and broker
together were on the processors for, a request. The table goes to `benchmarks/results/serving.md`.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np
import psutil
from report import RESULTS, ROOT, machine, markdown

sys.path.insert(0, str(ROOT))

import sqlalchemy
from scale import SEED, Words, fill, size_of
from sqlalchemy import text

BAR = 150.0
"""Milliseconds, of the 95th percentile of pages and searches."""

FACETS = "its facets"
"""What the hits of a search have in common; the hits do not wait for it, nor does the bar count."""

Draw = Callable[[random.Random], str]


@dataclass
class Load:
    """What was asked for, by how many, and how long it took: milliseconds a request."""

    what: str
    clients: int
    pause: float
    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0
    busy: float = 0.0

    def percentile(self, part: float) -> float:
        return float(np.percentile(self.times, part)) if self.times else float("inf")

    def row(self) -> list[object]:
        if not self.times:
            return [self.what, self.clients, f"{self.pause:g}", 0, *[""] * 4, len(self.failures)]
        return [
            self.what,
            self.clients,
            f"{self.pause:g}",
            f"{len(self.times) / self.seconds:.0f}",
            *(f"{self.percentile(part):.0f}" for part in (50, 95, 99)),
            f"{1e3 * self.busy / len(self.times):.1f}",
            len(self.failures),
        ]


HEADS = [
    "asked",
    "clients",
    "think s",
    "requests/s",
    "p50 ms",
    "p95 ms",
    "p99 ms",
    "busy ms",
    "failed",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lines", type=float, default=1e6)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--quick", action="store_true", help="50,000 lines, 5 s a row")
    parser.add_argument("--keep", action="store_true", help="do not delete the folder")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.lines, chosen.seconds = 5e4, min(chosen.seconds, 5.0)
    os.environ["LEDGERMILL_HOME"] = str(chosen.folder.absolute())
    # One address asks for what twenty would.
    os.environ["LEDGERMILL_REQUESTS_PER_MINUTE"] = "10000000"
    from storage.database import connect
    from workers import services

    try:
        engine = connect(services.ensure().database_url)
        lines, token = prepare(engine, chosen.lines)
        with Serving() as server:
            processes = server.settle()
            loads = measure(engine, server.address, token, chosen.clients, chosen.seconds)
        engine.dispose()
    finally:
        services.down()
        if not chosen.keep:
            shutil.rmtree(chosen.folder, ignore_errors=True)
    table = markdown(HEADS, [load.row() for load in loads])
    crowd = f"load average {os.getloadavg()[1]:.1f} over 5 minutes"
    said = (
        f"# Pages and searches over HTTP\n\n{machine()}; {crowd}; {lines:,} lines; "
        f"{processes} processes serve.\n\nBar: p95 of pages and searches at most {BAR:.0f} ms with "
        f"20 clients. {verdict(loads)}\n\n{table}\n`think s`: for how long a client waits after "
        f"an answer, 0.5 to 1.5 times that; `busy ms`: on the processors, a request.\n\n"
        f"Made by `python benchmarks/serving.py FOLDER --lines {chosen.lines:.0f}`.\n"
    )
    (RESULTS / "serving.md").write_text(said, "utf-8")
    sys.stdout.write(said)


def prepare(engine: sqlalchemy.Engine, lines: float) -> tuple[int, str]:
    """Fill the database unless it is; return how many lines it holds, and a reader's token."""
    from storage import accounts

    size = size_of(lines, 1.0)
    with engine.connect() as connection:
        filled = connection.scalar(text("select count(*) from mill.collection"))
    if not filled:
        fill(engine, engine.url.render_as_string(hide_password=False), size)
    with engine.begin() as connection:
        name = f"bench{time.time_ns()}"
        token = accounts.issue(connection, accounts.add(connection, name, "reader"), name, "reader")
    return size.lines, token


class Serving:
    """A `ledgermill serve` of its own."""

    def __enter__(self) -> Serving:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli.main", "serve", "--port", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        parts = urlsplit(line.split()[-1]) if line else urlsplit("")
        if not parts.netloc:
            sys.exit("the server does not start")
        self.address = parts.netloc
        return self

    def settle(self) -> int:
        """Wait until its processes have started, and idle; return how many there are."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            before = on_processors(serving_processes())
            time.sleep(2.0)
            if sum(on_processors(serving_processes()).values()) - sum(before.values()) < 0.1:
                break
        children = psutil.Process(self._process.pid).children()
        return max(1, sum("spawn_main" in " ".join(child.cmdline()) for child in children))

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def verdict(loads: list[Load]) -> str:
    """Return whether several clients' pages and searches keep to the bar, in words."""
    said = []
    for pause, how in ((True, "As people ask"), (False, "without a pause")):
        rows = [
            load
            for load in loads
            if load.clients > 1 and (load.pause > 0) == pause and load.what != FACETS
        ]
        worst = max(rows, key=lambda load: load.percentile(95))
        kept = (
            "kept" if worst.percentile(95) <= BAR and not any(r.failures for r in rows) else "not"
        )
        said.append(f"{how}: {kept} (worst: {worst.what}, {worst.percentile(95):.0f} ms)")
    return f"{said[0]}; {said[1]}."


def measure(
    engine: sqlalchemy.Engine, address: str, token: str, clients: int, seconds: float
) -> list[Load]:
    words, rng = Words(), np.random.default_rng(SEED + 5)
    with engine.connect() as connection:
        pages = int(connection.scalar(text("select max(id) from mill.page")) or 1)
        lines = int(connection.scalar(text("select count(*) from mill.line")) or 1)
    middle = words.around(200, lines * 8.0, 500, rng)

    def page(draw: random.Random) -> str:
        return f"/api/v1/pages/{draw.randint(1, pages)}/transcription"

    def search(draw: random.Random) -> str:
        return f"/api/v1/search?q={quote(draw.choice(middle))}"

    def page_shown(draw: random.Random) -> str:
        return f"/pages/{draw.randint(1, pages)}"

    def search_shown(draw: random.Random) -> str:
        return f"/search?q={quote(draw.choice(middle))}"

    def facets(draw: random.Random) -> str:
        return f"/search/facets?q={quote(draw.choice(middle))}"

    asked: dict[str, Draw] = {
        "page (API)": page,
        "search (API)": search,
        "page (browser)": page_shown,
        "search (browser)": search_shown,
        FACETS: facets,
    }
    loads = []
    for what, draw in asked.items():
        for number, pause in ((1, 0.0), (clients, 1.0), (clients, 0.0)):
            load = Load(what, number, pause)
            run(load, address, token, draw, seconds if number > 1 else seconds / 4)
            print(*load.row(), *load.failures[:2], sep="\t", flush=True)
            loads.append(load)
    return loads


def run(load: Load, address: str, token: str, draw: Draw, seconds: float) -> None:
    """Have clients ask for so many seconds; the first tenth is not counted."""
    lock = threading.Lock()
    begin = time.perf_counter() + seconds / 10
    end = begin + seconds
    processes = serving_processes()

    def client(number: int) -> None:
        drawn = random.Random(SEED + number)
        connection = http.client.HTTPConnection(address, timeout=60)
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/html, application/json"}
        time.sleep(drawn.random() * load.pause)
        while (started := time.perf_counter()) < end:
            path = draw(drawn)
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            took = (time.perf_counter() - started) * 1e3
            if started >= begin:
                with lock:
                    if answer.status == 200:
                        load.times.append(took)
                    else:
                        load.failures.append(f"{answer.status} {path}")
            if load.pause:
                time.sleep(max(0.0, load.pause * (0.5 + drawn.random())))
        connection.close()

    threads = [threading.Thread(target=client, args=(n,)) for n in range(load.clients)]
    for thread in threads:
        thread.start()
    time.sleep(max(0.0, begin - time.perf_counter()))
    before = on_processors(processes)
    for thread in threads:
        thread.join()
    after = on_processors(processes | serving_processes())
    load.busy = sum(seconds - before.get(process, 0.0) for process, seconds in after.items())
    load.seconds = seconds


def serving_processes() -> set[psutil.Process]:
    """Return the server, and the processes of Postgres and of the broker of this folder."""
    from workers.services import status

    found: set[psutil.Process] = set(psutil.Process().children(recursive=True))
    for service in status():
        if service.name in ("database", "broker") and service.pid:
            server = psutil.Process(service.pid)
            found |= {server, *server.children(recursive=True)}
    return found


def on_processors(processes: set[psutil.Process]) -> dict[psutil.Process, float]:
    """Return for how many seconds each process that is still there was on the processors."""
    found = {}
    for process in processes:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        found[process] = times.user + times.system
    return found


if __name__ == "__main__":
    main()
