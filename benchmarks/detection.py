"""How well text is found: `python benchmarks/detection.py [--data FOLDER]`.

Runs the own detector and PP-OCRv6's on the same prepared pages, none of which the own one has
learnt from, and writes `benchmarks/results/detection.md`. Of tables, the boxes within them count:
the truth is the ink of every cell in the grid that the pipeline finds. Drawn pages need nothing
else; the others are sets of real pages in the folder `--data` (see `benchmarks/README.md`).
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from report import machine, markdown, percent

from pipeline.decode import ImageLimits, decode_image
from pipeline.detection.detect import load_detector
from pipeline.engines import load_engine
from pipeline.errors import LedgermillError
from pipeline.evaluation.boxes import BoxScore, score_boxes
from pipeline.models.load import digest, model_path
from pipeline.preprocess import Gray, ink_mask, prepare
from pipeline.profiles import Detection, Profile
from pipeline.tables.layout import lay_out
from pipeline.training.fonts import BUNDLED
from pipeline.training.pages import MarkedPage, drawn, tabulated, transcribed
from pipeline.training.tighten import tightened
from pipeline.version import CODE_VERSION

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"

Detect = Callable[[Gray], NDArray[np.float32]]

TABLES = "weather-rescue, 1899"
HELD_OUT = {
    "lectaurep/riant-4": re.compile(r""),
    "cremma-20": re.compile(r"01R"),
    "stanford-memorials": re.compile(r".*_i08[1345]"),
}
"""Folders of transcribed pages, and which of their pages the detector has not learnt from."""

DRAWN = 12
SEED = 99
LEAST_IOU = 0.5


def main() -> None:
    """Measure both detectors on all sets that are there."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--weights", type=Path, default=model_path("detector"))
    parser.add_argument("--pages", type=int, default=12, help="at most so many pages a set")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    try:
        own = load_detector(options.weights, "cpu", Detection())
        peer = load_engine(Profile(name="peer", engine="rapidocr"), "cpu", options.threads)
        detectors: dict[str, Detect] = {"own": own.detect, "PP-OCRv6 small": peer.detect}
        rows = []
        for name, pages in sets(options.data, options.pages, peer.detect):
            print(f"{name}: {len(pages)} pages", file=sys.stderr)
            rows += [row(name, which, detect, pages) for which, detect in detectors.items()]
            print(markdown(HEADS, rows[-2:]), file=sys.stderr)
    except LedgermillError as error:
        sys.exit(f"detection: {error}")
    report = (
        "# Detection\n\n"
        f"Boxes matched one to one at an IoU of {LEAST_IOU}, on pages of books and writers that "
        "the own detector has not seen (nothing is known of what PP-OCRv6 has seen). Of tables, "
        "the boxes within them count: PP-OCRv6 often joins the cells of a row. The boxes of both "
        "have margins, the true ones none: they are drawn in to their ink before they are matched "
        "('F1 as found': they are not). Seconds a page are "
        f"the median's, {options.threads} threads. Own weights {digest(options.weights)[:8]} "
        f"({options.weights.stat().st_size / 1e6:.1f} MB), code {CODE_VERSION}; {machine()}.\n\n"
        f"{markdown(HEADS, rows)}"
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "detection.md").write_text(report, "utf-8")
    print(report)


HEADS = ["set", "detector", "pages", "texts", "precision", "recall", "F1", "F1 as found",
         "s a page"]  # fmt: skip


def row(name: str, which: str, detect: Detect, pages: list[MarkedPage]) -> list[object]:
    """Return a detector's row of the table for a set."""
    score, drawn_in, seconds = BoxScore(), BoxScore(), []
    detect(pages[0].gray)
    for page in pages:
        start = time.perf_counter()
        found = detect(page.gray)
        seconds.append(time.perf_counter() - start)
        if name == TABLES:
            found = within(found, page)
        score += score_boxes(found, page.boxes, LEAST_IOU)
        drawn_in += score_boxes(tightened(ink_mask(page.gray), found), page.boxes, LEAST_IOU)
    rates = (drawn_in.precision, drawn_in.recall, drawn_in.f1, score.f1)
    shown = (percent(rate) for rate in rates)
    return [name, which, len(pages), score.true, *shown, f"{statistics.median(seconds):.2f}"]


def within(found: NDArray[np.float32], page: MarkedPage) -> NDArray[np.float32]:
    """Return the boxes whose middles lie where the true ones do."""
    low, high = page.boxes.min(axis=(0, 1)), page.boxes.max(axis=(0, 1))
    middle = found.mean(axis=1)
    return np.asarray(found[((middle >= low) & (middle <= high)).all(axis=1)])


def sets(data: Path, limit: int, peer: Detect) -> Iterator[tuple[str, list[MarkedPage]]]:
    """Yield the name and the pages of each set that is there, at most `limit` pages of each."""
    tables = sorted((data / "weather-rescue" / "images").glob("1899-*.jpg"))[:limit]
    if tables:
        yield TABLES, [table(file, peer) for file in tables]
    for folder, held in HELD_OUT.items():
        if (data / folder).is_dir():
            pages = transcribed(data / folder)
            mine = [page for page in pages if held.match(page.name.rpartition("/")[2])]
            yield folder, mine[:limit]
    rng = np.random.default_rng(SEED)
    yield "drawn tables", [drawn(rng, [BUNDLED], [BUNDLED]) for _ in range(min(limit, DRAWN))]


def table(file: Path, peer: Detect) -> MarkedPage:
    """Return a page whose truth is the grid that the pipeline finds: the ink of every cell."""
    profile = Profile(name="peer", engine="rapidocr")
    prepared = prepare(decode_image(file.read_bytes(), ImageLimits()), profile.preprocessing)
    layout = lay_out(prepared, peer(prepared.gray), profile)
    return tabulated(replace(layout, boxes=layout.boxes[:0]), f"tables/{file.stem}")


if __name__ == "__main__":
    main()
