"""Where the time of a page goes: `python benchmarks/stages.py [--pages 4] [--threads 2]`.

Runs the stages of `pipeline.digitize` one after the other on each page, so that each can be timed,
and writes the table to `benchmarks/results/stages.md`. `digitize` itself overlaps them: what needs
no network runs beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from overhead import find_pages
from report import machine, markdown

from pipeline.decode import ImageLimits, decode_image
from pipeline.digitize import assemble, check, crops_of
from pipeline.engines import Engine, load_engine
from pipeline.errors import LedgermillError
from pipeline.preprocess import prepare
from pipeline.profiles import Profile, load_profile
from pipeline.regions.find import find_regions
from pipeline.tables.layout import lay_out

RESULTS = Path(__file__).resolve().parent / "results" / "stages.md"
NETWORKS = ("detect", "recognize")

Result = TypeVar("Result")


@dataclass
class Clock:
    """The seconds of each stage of a page: on the wall, and of all cores together."""

    wall: dict[str, float] = field(default_factory=dict)
    cores: dict[str, float] = field(default_factory=dict)

    def time(self, stage: str, work: Callable[[], Result]) -> Result:
        wall, cores = time.perf_counter(), time.process_time()
        result = work()
        self.wall[stage] = time.perf_counter() - wall
        self.cores[stage] = time.process_time() - cores
        return result


def measure(path: Path, profile: Profile, engine: Engine) -> tuple[Clock, int]:
    """Return the seconds of each stage of a page, and how many lines and cells it has."""
    clock = Clock()
    image = clock.time("decode", lambda: decode_image(path.read_bytes(), ImageLimits()))
    page = clock.time("prepare", lambda: prepare(image, profile.preprocessing))
    boxes = clock.time("detect", lambda: engine.detect(page.gray))
    laid_out = clock.time("lay out", lambda: lay_out(page, boxes, profile))
    layout = clock.time("regions", lambda: find_regions(laid_out))
    crops = crops_of(layout)
    charset = profile.recognition.charset
    readings = clock.time("recognize", lambda: engine.recognize(crops, charset))
    page_read = clock.time("assemble", lambda: assemble(layout, readings, profile, engine))
    clock.time("check", lambda: check(page_read, layout.form, profile))
    return clock, len(crops)


def table(clocks: list[Clock]) -> str:
    stages = list(clocks[0].wall)
    wall = {name: statistics.median(clock.wall[name] for clock in clocks) for name in stages}
    cores = {name: statistics.median(clock.cores[name] for clock in clocks) for name in stages}
    rest = [name for name in stages if name not in NETWORKS]
    rows = [
        *((name, [name]) for name in stages),
        ("**without networks**", rest),
        ("**whole page**", stages),
    ]
    total = sum(wall.values())
    return markdown(
        ["stage", "seconds", "seconds of all cores", "share"],
        [
            [
                name,
                f"{sum(wall[part] for part in parts):.3f}",
                f"{sum(cores[part] for part in parts):.3f}",
                f"{100 * sum(wall[part] for part in parts) / total:.1f} %",
            ]
            for name, parts in rows
        ],
    )


def main() -> None:
    """Measure the pages and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--profile", default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    paths, what = find_pages(options.pages)
    try:
        profile = load_profile(options.profile)
        engine = load_engine(profile, options.device, options.threads)
        measure(paths[0], profile, engine)  # the first page warms up
        measured = [measure(path, profile, engine) for path in paths]
    except LedgermillError as error:
        sys.exit(f"stages: {error}")
    crops = statistics.median(count for _, count in measured)
    text = (
        f"# The stages of a page\n\nMedian of {len(paths)} {what}, {crops:.0f} lines and cells "
        f"each, one stage after the other; models loaded. A cell that is read again counts "
        f"under assemble.\n\nProfile {profile.name}, engine {profile.engine} "
        f"{engine.digest[:8]}, {options.device}, {options.threads} threads; {machine()}; load at "
        f"the end {os.getloadavg()[0]:.1f}.\nMade by `python benchmarks/stages.py`.\n\n"
        f"{table([clock for clock, _ in measured])}"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
