"""Side by side: the bare pipeline, the same pages queued and stored, and other programs.

    python benchmarks/bench.py [--rounds 3] [--pages 3] [--quick]

Every contender reads the sample pages in turns, round after round, its models loaded beforehand:

- `pipeline`: `pipeline.digitize` in one process, results dropped;
- `queue + storage`: the same as a job: copied to the object store, taken in, sent through the
  broker, read by a worker, saved to Postgres; all processes together, the servers' too;
- `rapidocr`: the package as it comes, which finds lines and reads them, and knows no tables;
- `tesseract`: the program, where it is installed, likewise.

Pages a second, processor seconds and the most memory held go to `benchmarks/results/bench.md`;
ratios are of medians of one run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overhead import Direct, Queued, service_pids
from report import RESULTS, ROOT, machine, markdown
from usage import Usage

sys.path.insert(0, str(ROOT))

Read = Callable[[Sequence[Path]], float]
"""Reads pages and returns the seconds it took."""


@dataclass
class Contender:
    """What reads pages, the processes that do so, and what was measured."""

    name: str
    read: Read
    pids: Callable[[], list[int]]
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: int = 0

    def run(self, paths: Sequence[Path], counted: bool) -> None:
        with Usage(self.pids) as usage:
            seconds = self.read(paths)
        if counted:
            self.rates.append(len(paths) / seconds)
            self.cpu.append(usage.cpu / len(paths))
            self.peak = max(self.peak, usage.peak)


# --- each in a process of its own, so that memory can be told apart -------------------------------


@contextlib.contextmanager
def served(name: str) -> Iterator[Contender]:
    """Start a contender's process: lists of pages in, seconds out, a line each."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--serve", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None
    assert stdout is not None

    def read(paths: Sequence[Path]) -> float:
        stdin.write(json.dumps([str(path) for path in paths]) + "\n")
        stdin.flush()
        said = stdout.readline()
        if not said:
            sys.exit(f"bench: {name} has ended")
        return float(said)

    try:
        yield Contender(name, read, lambda: [process.pid])
    finally:
        stdin.close()
        process.wait()
        stdout.close()


def serve(name: str) -> int:
    """Be a contender's process."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    read = {"pipeline": direct, "rapidocr": rapidocr, "tesseract": tesseract}[name]()
    for line in sys.stdin:
        out.write(f"{read([Path(path) for path in json.loads(line)])}\n")
        out.flush()
    return 0


def direct() -> Read:
    return Direct().run


def rapidocr() -> Read:
    from rapidocr import RapidOCR

    engine = RapidOCR()

    def read(paths: Sequence[Path]) -> float:
        started = time.perf_counter()
        for path in paths:
            engine(str(path))
        return time.perf_counter() - started

    return read


def tesseract() -> Read:
    def read(paths: Sequence[Path]) -> float:
        started = time.perf_counter()
        for path in paths:
            subprocess.run(
                ["tesseract", str(path), "stdout", "tsv"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
        return time.perf_counter() - started

    return read


# --- the whole way --------------------------------------------------------------------------------


@contextlib.contextmanager
def queued() -> Iterator[Contender]:
    """Start the embedded services and a worker, private to this run."""
    from workers import client, services

    home = Path(tempfile.mkdtemp(prefix="lb-", dir="/tmp"))
    os.environ["LEDGERMILL_HOME"] = str(home)
    try:
        with client.office() as place, client.PrivateWorker(place.settings) as worker:
            yield Contender(
                "queue + storage",
                Queued(place).run,
                lambda: [os.getpid(), *filter(None, [worker.pid]), *service_pids()],
            )
    finally:
        services.down()
        shutil.rmtree(home, ignore_errors=True)


def table(contenders: Sequence[Contender], pages: int, rounds: int) -> str:
    first = statistics.median(contenders[0].rates)
    rows = [
        [
            one.name,
            f"{statistics.median(one.rates):.3f}",
            f"{statistics.median(one.rates) / first:.2f}",
            f"{statistics.median(one.cpu):.2f}",
            f"{one.peak / 2**20:,.0f} MiB",
        ]
        for one in contenders
    ]
    heads = ["what", "pages/s", "times the pipeline", "processor seconds a page", "peak memory"]
    missing = "" if shutil.which("tesseract") else " tesseract is not installed here."
    return (
        f"# Side by side\n\n{pages} sample pages, {rounds} rounds in turns, medians; models "
        "loaded beforehand. rapidocr and tesseract as they come: they read lines and know no "
        "tables. Queue + storage counts every process: client, worker, Postgres, broker."
        f"{missing}\n\n{machine()}; load at the end {os.getloadavg()[0]:.1f}.\n"
        f"Made by `make bench` (`python benchmarks/bench.py`).\n\n{markdown(heads, rows)}"
    )


def main() -> int:
    """Measure all contenders and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=3, help="at most, of the sample pages")
    parser.add_argument("--quick", action="store_true", help="one page, one round, no table kept")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    if options.quick:
        options.rounds = options.pages = 1
    paths = sorted((ROOT / "samples").glob("*.jpg"))[: options.pages]
    names = ["rapidocr", *filter(shutil.which, ["tesseract"])]
    with contextlib.ExitStack() as stack:
        contenders = [stack.enter_context(served("pipeline")), stack.enter_context(queued())]
        contenders += [stack.enter_context(served(name)) for name in names]
        for number in range(options.rounds + 1):  # the first round warms up
            turn = contenders if number % 2 else contenders[::-1]
            for one in turn:
                one.run(paths[:1] if number == 0 else paths, counted=number > 0)
            print(f"round {number} of {options.rounds}", file=sys.stderr)
        text = table(contenders, len(paths), options.rounds)
    print(text)
    if not options.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "bench.md").write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
