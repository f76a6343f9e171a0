"""How readings bear wear: real pages turned, bent, darkened and cut, then read and compared.

    python benchmarks/wear.py [--pages 1898-04,1899-09]

Each page of the set `weather-rescue` named is read as it is and after each kind of wear; the table
of values in their right place goes to `benchmarks/results/wear.md`. Pages cut at their left tell
whether hours and days stay in place when the fold has taken the first columns: then only the
columns still on the page count.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from report import machine, markdown, percent

from pipeline.digitize import digitize
from pipeline.engines import Engine, load_engine
from pipeline.evaluation.pages import reading_of, score_page
from pipeline.evaluation.truth import PageTruth, read_truth
from pipeline.page import Table, Transcription
from pipeline.profiles import Profile, load_profile

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"
Image = NDArray[np.uint8]
PAPER = (160, 150, 140)


def turned(degrees: float) -> Callable[[Image], Image]:
    def wear(image: Image) -> Image:
        height, width = image.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
        return cv2.warpAffine(image, turn, (width, height), borderValue=PAPER).astype(np.uint8)

    return wear


def bent(pixels: float) -> Callable[[Image], Image]:
    """Bend the lines by so many pixels at the middle of the page, more at its foot."""

    def wear(image: Image) -> Image:
        height, width = image.shape[:2]
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        bend = pixels * np.sin(np.pi * x / width) * (0.5 + y / height)
        bowed = (y + bend).astype(np.float32)
        return cv2.remap(image, x, bowed, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
            np.uint8
        )

    return wear


def aslant(image: Image) -> Image:
    """Photograph the page from the side, by 60 pixels at a corner."""
    height, width = image.shape[:2]
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = np.array([[60, 30], [width, 0], [width - 30, height], [0, height - 60]], np.float32)
    transform = cv2.getPerspectiveTransform(flat, seen)
    return cv2.warpPerspective(image, transform, (width, height), borderValue=PAPER).astype(
        np.uint8
    )


def scaled(factor: float) -> Callable[[Image], Image]:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return lambda image: cv2.resize(image, None, fx=factor, fy=factor, interpolation=how).astype(
        np.uint8
    )


def darkened(image: Image) -> Image:
    """Let the light fall to a third at the left."""
    return (image * np.linspace(0.35, 1, image.shape[1])[None, :, None]).astype(np.uint8)


def framed(image: Image) -> Image:
    """Photograph the page on a black table."""
    return cv2.copyMakeBorder(
        image, 120, 150, 200, 180, cv2.BORDER_CONSTANT, value=(10, 12, 15)
    ).astype(np.uint8)


def compressed(image: Image) -> Image:
    """Store the page as a JPEG of quality 25."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 25])
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.uint8)  # type: ignore[union-attr]


def blurred(image: Image) -> Image:
    return cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.uint8)


WEAR: dict[str, Callable[[Image], Image]] = {
    "as it is": lambda image: image,
    "turned by 2°": turned(2),
    "turned by −3°": turned(-3),
    "bent by 20 px": bent(20),
    "bent by −40 px": bent(-40),
    "from aslant": aslant,
    "0.65 × the size": scaled(0.65),
    "1.6 × the size": scaled(1.6),
    "darkened": darkened,
    "on black": framed,
    "JPEG of quality 25": compressed,
    "blurred by 1.5 px": blurred,
}

CUTS: dict[str, tuple[float, int]] = {
    "cut through the labels": (0.5, 0),
    "cut behind the labels": (1.02, 0),
    "cut into hour 1": (1.25, 0),
    "cut behind hour 1": (2.02, 1),
}
"""Where to cut, in columns from the table's left, and how many value columns that takes."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", default="1898-04,1899-09", help="names, with commas")
    options = parser.parse_args()
    folder = DATA / "weather-rescue"
    if not folder.is_dir():
        sys.exit(f"wear: {folder} is missing; put the set there")
    truth = read_truth(folder / "truth")
    names = options.pages.split(",")
    profile = load_profile("default")
    engine = load_engine(profile, "auto", os.cpu_count())
    rows: dict[str, dict[str, str]] = {}
    for name in names:
        image = cv2.imread(str(folder / "images" / f"{name}.jpg"))
        if image is None or name not in truth:
            sys.exit(f"wear: {name}: no such page; see {folder / 'images'}")
        for kind, right in measure(image.astype(np.uint8), truth[name], profile, engine):
            rows.setdefault(kind, {})[name] = percent(right)
            print(f"{name}, {kind}: {percent(right)}", file=sys.stderr)
    table = markdown(
        ["wear", *names],
        [[kind, *(cells.get(name, "") for name in names)] for kind, cells in rows.items()],
    )
    report = (
        "# Values in their right place after wear\n\nPages of weather-rescue; of cut pages, the "
        "columns that are left.\n\n"
        f"Profile default, engine {profile.engine}; {machine()}. Made by "
        f"`python benchmarks/wear.py`.\n\n{table}"
    )
    print(report)
    (RESULTS / "wear.md").write_text(report, "utf-8")


def measure(
    image: Image, truth: PageTruth, profile: Profile, engine: Engine
) -> list[tuple[str, float]]:
    """Return the share of right values after each kind of wear (BGR image)."""
    worn = [(kind, wear(image), 0) for kind, wear in WEAR.items()]
    whole = read(image, profile, engine)
    table = max(whole.tables, key=lambda table: len(table.cells))
    heads = table.grid()[0][1:4] == ["1", "2", "3"]
    for kind, (columns, taken) in CUTS.items():
        if taken and not heads:
            continue  # nothing on the page tells that an hour is gone
        worn.append((kind, np.ascontiguousarray(image[:, edge(table, columns) :]), taken))
    shares = []
    for kind, page, taken in worn:
        score = score_page(truth, reading_of(read(page, profile, engine))).table
        assert score is not None
        days = table.rows - table.header_rows
        shares.append((kind, score.placed / (score.values - taken * days)))
    return shares


def read(image: Image, profile: Profile, engine: Engine) -> Transcription:
    return next(digitize([np.ascontiguousarray(image[:, :, ::-1])], profile, engine))


def edge(table: Table, columns: float) -> int:
    """Return the x of a place between two columns of a table, by a row in its middle."""
    row = [cell for cell in table.cells if cell.row == table.rows // 2]
    left = {cell.column: cell.polygon[0][0] for cell in row}
    column = int(columns)
    return int(left[column] + (columns - column) * (left[column + 1] - left[column]))


if __name__ == "__main__":
    main()
