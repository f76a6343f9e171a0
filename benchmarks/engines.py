"""Engines side by side on the same pages: `python benchmarks/engines.py [--engines NAMES]`.

Every engine reads the same dense table pages with known values, in turns, in this one process: how
many pages a second, processor seconds a page (of child processes too), what part of the time the
networks had nothing to do, and how many values stand rightly in place. Then each reads the same
cut-out cells as fast as it can. With `--device cuda:0` the same is measured on a GPU. Writes
`benchmarks/results/engines.md`, or `engines-cuda.md`.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from heldout import SETS, divided
from numpy.typing import NDArray
from report import RESULTS, ROOT, SHARED, machine, markdown, percent

from pipeline.decode import ImageLimits, decode_image
from pipeline.digitize import digitize
from pipeline.engines import Engine, load_engine
from pipeline.errors import LedgermillError
from pipeline.evaluation.pages import PageScore, reading_of, score_page, total
from pipeline.evaluation.truth import PageTruth, read_truth
from pipeline.page import Reading
from pipeline.profiles import Profile, load_profile

ENGINES = ("native", "mixed", "rapidocr", "tesseract")
PAGES = 4
CELLS = 512


@dataclass
class Watched:
    """An engine that counts the seconds that it is at work."""

    engine: Engine
    busy: float = 0.0

    @property
    def digest(self) -> str:
        return self.engine.digest

    def detect(self, gray: NDArray[np.uint8]) -> NDArray[np.float32]:
        start = time.perf_counter()
        try:
            return self.engine.detect(gray)
        finally:
            self.busy += time.perf_counter() - start

    def recognize(
        self, crops: Sequence[NDArray[np.uint8]], charset: str | None = None
    ) -> list[Reading]:
        start = time.perf_counter()
        try:
            return self.engine.recognize(crops, charset)
        finally:
            self.busy += time.perf_counter() - start


@dataclass
class Run:
    """What an engine took, and what it read."""

    engine: Watched
    profile: Profile
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    scores: list[PageScore] = field(default_factory=list)


def main() -> None:
    """Measure the engines that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--profile", default="default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    runs, left_out = {}, []
    for name in options.engines.split(","):
        profile = load_profile(options.profile).model_copy(update={"engine": name})
        device = "cpu" if name == "tesseract" else options.device
        try:
            runs[name] = Run(Watched(load_engine(profile, device, options.threads)), profile)
        except LedgermillError as error:
            left_out.append(f"{name} is left out: {error}.")
            print(left_out[-1], file=sys.stderr)
    if not runs:
        sys.exit("engines: none of them can be loaded")
    images, truths, what = pages(options.data, options.pages)
    for number in range(options.rounds + 1):  # the first round warms up
        for run in runs.values():
            read(run, images, truths, counted=number > 0)
    cells = crops(options.data)
    rates = {name: cells_a_second(run, cells) for name, run in runs.items()}
    text = report(runs, rates, what, options, left_out)
    kind = "-cuda" if options.device.startswith("cuda") else ""
    out = options.out or RESULTS / f"engines{kind}.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, "utf-8")
    print(text)


def pages(data: Path, count: int) -> tuple[list[Any], list[PageTruth], str]:
    """Return pages, their truth and what they are: photographed tables, else the drawn samples."""
    folder, what = data / "weather-rescue", "photographed pages of printed pressure tables"
    images, truths = folder / "images", folder / "truth"
    if not folder.is_dir():
        images = truths = ROOT / "samples"
        what = "drawn sample pages"
    known = read_truth(truths)
    names = list(known)[:: max(1, len(known) // count)][:count]
    decoded = [decode_image((images / f"{name}.jpg").read_bytes(), ImageLimits()) for name in names]
    return decoded, [known[name] for name in names], f"{len(names)} {what}"


def crops(data: Path) -> list[NDArray[np.uint8]]:
    """Return cut-out handwritten cells, where there are any."""
    if not (data / SETS["congo"]).is_dir():
        return []
    return [cell.gray for cell in divided(data, "congo")[1][:CELLS]]


def read(run: Run, images: list[Any], truths: list[PageTruth], counted: bool) -> None:
    run.engine.busy = 0.0
    wall, cpu = time.perf_counter(), processor_seconds()
    found = list(digitize(iter(images), run.profile, run.engine))
    if not counted:
        run.scores = [score_page(t, reading_of(f)) for t, f in zip(truths, found, strict=True)]
        return
    run.wall.append(time.perf_counter() - wall)
    run.cpu.append(processor_seconds() - cpu)
    run.busy.append(run.engine.busy)


def processor_seconds() -> float:
    """Return what this process and its ended children have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def cells_a_second(run: Run, cells: list[NDArray[np.uint8]]) -> float | None:
    if not cells:
        return None
    run.engine.recognize(cells[:64], "numeric")
    times = list(_times(run, cells))
    return len(cells) / min(times)


def _times(run: Run, cells: list[NDArray[np.uint8]]) -> Iterator[float]:
    for _ in range(2):
        start = time.perf_counter()
        run.engine.recognize(cells, "numeric")
        yield time.perf_counter() - start


def report(
    runs: dict[str, Run],
    rates: dict[str, float | None],
    what: str,
    options: argparse.Namespace,
    left_out: list[str],
) -> str:
    slowest = min(runs["rapidocr"].wall) if "rapidocr" in runs else None
    rows = []
    for name, run in runs.items():
        best = int(np.argmin(run.wall))
        count = len(run.scores)
        table = total(run.scores).table
        rate = rates[name]
        rows.append(
            [
                f"{name} {run.engine.digest[:8]}",
                f"{count / run.wall[best]:.3f}",
                "" if slowest is None else f"{slowest / run.wall[best]:.1f} ×",
                f"{run.cpu[best] / count:.1f}",
                percent(1 - min(1.0, run.busy[best] / run.wall[best])),
                percent(table.accuracy if table else None),
                "" if rate is None else f"{rate:.0f}",
            ]
        )
    heads = [
        "engine",
        "pages/s",
        "beside rapidocr",
        "CPU s a page",
        "stalled",
        "values in place",
        "cells/s",
    ]
    return "\n".join(
        [
            "# Engines side by side\n",
            f"{what}, read whole {options.rounds} times by each engine in turns, the best of them; "
            f"profile {options.profile}, {options.device}, {options.threads} threads; {machine()}; "
            f"load at the end {os.getloadavg()[0]:.1f}. *Stalled*: the part of the time in which "
            "the networks waited for pages to be prepared and laid out. The last column: "
            f"{CELLS} cut-out handwritten cells, read as numbers. "
            f"{' '.join(left_out)} Made by `python benchmarks/engines.py`.\n",
            markdown(heads, rows),
        ]
    )


if __name__ == "__main__":
    main()
