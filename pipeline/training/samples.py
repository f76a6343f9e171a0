"""The three sample pages: `python -m pipeline.training.samples OUT` draws them again.

Each is `NAME.jpg`, its truth as a page object `NAME.json`, and its table as `NAME.table-1.csv`,
one CSV cell a table cell, exactly as `ledgermill digitize` names and writes them.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.page import to_json
from pipeline.training.degrade import Wear, degrade
from pipeline.training.draw import DrawnPage, draw_page
from pipeline.training.layouts import daily_ledger, open_table, pressure_table

QUALITY = 82


def pressure_sample() -> DrawnPage:
    """Half a month of printed hourly pressures, photographed from a bound volume."""
    rng = np.random.default_rng(1883)
    page = draw_page(pressure_table(rng, days=15, size=24), rng)
    return degrade(page, rng, Wear(0.35, 9, 0.7, 2.0, 190, 0.2, 0.05))


def ledger_sample() -> DrawnPage:
    """A month of a partly ruled daily ledger."""
    rng = np.random.default_rng(1890)
    page = draw_page(daily_ledger(rng, days=31), rng)
    return degrade(page, rng, Wear(-0.5, -6, 0.6, 3.0, 215, 0.15, 0.06))


def prose_sample() -> DrawnPage:
    """A table without rules between two paragraphs."""
    rng = np.random.default_rng(1897)
    page = draw_page(open_table(rng), rng)
    return degrade(page, rng, Wear(0.8, 0, 0.8, 3.0, 225, 0.1, 0.0))


SAMPLES: dict[str, Callable[[], DrawnPage]] = {
    "hourly-pressure": pressure_sample,
    "daily-ledger": ledger_sample,
    "barometer-comparison": prose_sample,
}


def write_samples(out: Path) -> list[Path]:
    """Write every sample's image and truth into `out` (made if need be); return the images.

    The bytes are the same at every call with the same versions of numpy, OpenCV and Pillow.
    """
    out.mkdir(parents=True, exist_ok=True)
    images = []
    for name, draw in SAMPLES.items():
        page = draw()
        images.append(out / f"{name}.jpg")
        Image.fromarray(page.image).save(images[-1], quality=QUALITY, optimize=True)
        truth = to_json(page.truth, name, "truth")
        (out / f"{name}.json").write_text(
            json.dumps(truth, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8"
        )
        for number, table in enumerate(page.truth.tables, 1):
            rows = io.StringIO()
            csv.writer(rows, lineterminator="\n").writerows(table.grid())
            (out / f"{name}.table-{number}.csv").write_text(rows.getvalue(), "utf-8")
    return images


def main() -> None:
    """Write the samples into the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Draw the sample pages and their truth.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write into")
    for image in write_samples(parser.parse_args().out):
        sys.stdout.write(f"{image}\n")


if __name__ == "__main__":
    main()
