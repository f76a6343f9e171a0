"""What a form is worth where pages are torn, faint or stained: cells in place, with and without it.

    python benchmarks/forms.py [--learn 1898] [--pages 1899] [--of 12]

A form is learnt from the pages of the set `weather-rescue` whose names begin with `--learn`; those
that begin with `--pages` are damaged, each in every way, and laid out. A cell is in place where
row, column and the place on the page are those that the undamaged page gives it without a form.
The table goes to `benchmarks/results/forms.md`. Nothing is read: only grids are compared.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.engines import Engine, load_engine
from pipeline.forms.apply import apply_form
from pipeline.forms.learn import View, learn
from pipeline.forms.marks import marks_of
from pipeline.preprocess import Prepared, prepare
from pipeline.profiles import Profile, load_profile
from pipeline.tables.layout import Straight, straighten
from pipeline.tables.structure import find_grids
from pipeline.tables.structure.grid import Grid

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Places = dict[tuple[int, int], NDArray[np.float64]]
"""Left, top, right and bottom in page pixels of each cell, by row and column."""

TABLE_TOP = (12, 14, 16)


def ragged(shape: tuple[int, int], edge: float, side: str, rng: np.random.Generator) -> Mask:
    """Return what lies beyond a torn edge at a share of the page, seen from one of its sides."""
    height, width = shape
    length, depth = (width, height) if side in ("top", "bottom") else (height, width)
    knots = np.cumsum(rng.normal(0, 0.004, max(8, length // 40)))
    line = depth * (edge + np.interp(np.arange(length), np.linspace(0, length, len(knots)), knots))
    along = np.arange(depth)[:, None] < line[None, :]
    if side in ("bottom", "right"):
        along = along[::-1]
    return along if side in ("top", "bottom") else along.T


def torn(edge: float, side: str) -> Callable[[Image, np.random.Generator], Image]:
    """Tear off a share of the page; what is beneath it is dark."""

    def damage(image: Image, rng: np.random.Generator) -> Image:
        image = image.copy()
        height, width = image.shape[:2]
        image[ragged((height, width), edge, side, rng)] = TABLE_TOP
        return image

    return damage


def corner(image: Image, rng: np.random.Generator) -> Image:
    """Tear off the corner at the bottom right."""
    image = image.copy()
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    image[y / image.shape[0] + x / image.shape[1] > 1.45 + rng.uniform(-0.05, 0.05)] = TABLE_TOP
    return image


def faint(x0: float, x1: float) -> Callable[[Image, np.random.Generator], Image]:
    """Let the ink fade to an eighth between two shares of the width."""

    def damage(image: Image, rng: np.random.Generator) -> Image:
        x = np.arange(image.shape[1]) / image.shape[1]
        within = 1 / (1 + np.exp(-(x - x0) / 0.01)) / (1 + np.exp((x - x1) / 0.01))
        keep = (1 - 0.875 * within)[None, :, None]
        paper = cv2.morphologyEx(image, cv2.MORPH_CLOSE, np.ones((31, 31), np.uint8))
        faded = paper + (image.astype(float) - paper) * keep + rng.normal(0, 1.5, image.shape)
        return np.asarray(np.clip(faded, 0, 255), np.uint8)

    return damage


def washed(image: Image, rng: np.random.Generator) -> Image:
    """Wash out a band through the middle of the page."""
    turned = np.ascontiguousarray(image.transpose(1, 0, 2))
    return np.ascontiguousarray(faint(0.4, 0.6)(turned, rng).transpose(1, 0, 2))


def stained(image: Image, rng: np.random.Generator) -> Image:
    """Spill ink over a sixth of the page."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    at = rng.uniform(0.25, 0.75, 2)
    angle = np.arctan2(y - at[0] * height, x - at[1] * width)
    reach = 0.26 * height * (1 + 0.15 * np.sin(3 * angle) + 0.08 * np.sin(7 * angle + 1))
    blot = np.hypot(y - at[0] * height, x - at[1] * width) < reach
    image = image.copy()
    image[blot] = (0.25 * image[blot]).astype(np.uint8)
    return image


DAMAGE: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "none": lambda image, _: image,
    "left edge torn off (8 %)": torn(0.08, "left"),
    "top torn off (22 %)": torn(0.22, "top"),
    "bottom torn off (25 %)": torn(0.25, "bottom"),
    "corner torn off": corner,
    "left third faint": faint(-0.1, 0.33),
    "strip in the middle faint": faint(0.4, 0.55),
    "band across washed out": washed,
    "ink spilt": stained,
}


@dataclass(frozen=True, slots=True)
class Page:
    """A page ready to be divided, and its grids without a form."""

    prepared: Prepared
    straight: Straight
    grids: list[Grid]


def open_page(image: Image, profile: Profile, engine: Engine) -> Page:
    prepared = prepare(np.ascontiguousarray(image[:, :, ::-1]), profile.preprocessing)
    straight = straighten(prepared, engine.detect(prepared.gray))
    return Page(prepared, straight, find_grids(straight.sheet))


def main_grid(grids: list[Grid]) -> Grid | None:
    return max(grids, key=lambda grid: len(grid.xs) * len(grid.rows), default=None)


def places(page: Page, grid: Grid | None) -> Places:
    """Return where the cells of a grid are on the page."""
    if grid is None:
        return {}
    found = {}
    for row, (top, bottom) in enumerate(grid.ys):
        for column in range(len(grid.xs) - 1):
            left, right = grid.xs[column], grid.xs[column + 1]
            corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
            upright = page.straight.warp.upright(corners)
            seen = upright @ page.prepared.to_page[:, :2].T + page.prepared.to_page[:, 2]
            found[row, column] = np.concatenate([seen.min(axis=0), seen.max(axis=0)])
    return found


def in_place(cell: NDArray[np.float64], other: NDArray[np.float64] | None) -> bool:
    """Return whether two cells take much the same place: two thirds of both together."""
    if other is None:
        return False
    low, high = np.maximum(cell[:2], other[:2]), np.minimum(cell[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    both = float(np.prod(cell[2:] - cell[:2]) + np.prod(other[2:] - other[:2])) - shared
    return shared >= 0.5 * both


def compare(truth: Places, found: Places) -> tuple[int, int]:
    """Return how many cells are in place, and how many are if rows and columns may be shifted."""
    placed = sum(in_place(cell, found.get(at)) for at, cell in truth.items())
    shifted = placed
    for rows in range(-10, 3):
        for columns in range(-4, 2):
            if (rows, columns) == (0, 0):
                continue
            moved = {(r - rows, c - columns): cell for (r, c), cell in found.items()}
            shifted = max(shifted, sum(in_place(c, moved.get(at)) for at, c in truth.items()))
    return placed, shifted


def images(folder: Path, begin: str) -> Iterator[tuple[str, Image]]:
    for path in sorted(folder.glob(f"{begin}*.jpg")):
        image = cv2.imread(str(path))
        if image is not None:
            yield path.stem, image.astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--learn", default="1898", help="pages to learn the form from")
    parser.add_argument("--pages", default="1899", help="pages to damage")
    parser.add_argument("--of", type=int, default=12, help="how many of each")
    options = parser.parse_args()
    folder = SHARED / "weather-rescue" / "images"
    if not folder.is_dir():
        sys.exit(f"forms: {folder} is missing; put the set there")
    profile = load_profile("default")
    engine = load_engine(profile, "cpu", os.cpu_count())
    views = []
    for _, image in list(images(folder, options.learn))[: options.of]:
        page = open_page(image, profile, engine)
        grid = main_grid(page.grids)
        if grid is not None:
            views.append(View(marks_of(page.straight.sheet), grid))
    learnt = learn(views, "weather-rescue")
    form = learnt.form
    assert form.grid is not None
    print(f"{len(form.columns)} columns, {len(form.grid.rows)} rows", file=sys.stderr)
    counts: dict[str, list[int]] = {kind: [0] * 5 for kind in DAMAGE}
    seconds: list[float] = []
    for number, (name, image) in enumerate(list(images(folder, options.pages))[: options.of]):
        whole = open_page(image, profile, engine)
        truth = places(whole, main_grid(whole.grids))
        for kind, damage in DAMAGE.items():
            worn = damage(image, np.random.default_rng(number))
            page = whole if kind == "none" else open_page(worn, profile, engine)
            started = time.process_time()
            fitted, used = apply_form(form, page.straight.sheet, page.grids)
            seconds.append(time.process_time() - started)
            results = [
                len(truth),
                *compare(truth, places(page, main_grid(page.grids))),
                compare(truth, places(page, main_grid(fitted)))[0],
                int(used is not None),
            ]
            counts[kind] = [a + b for a, b in zip(counts[kind], results, strict=True)]
            print(name, kind, results, file=sys.stderr)
    pages = min(options.of, number + 1)
    rows = [
        [kind, percent(a / n), percent(b / n), percent(c / n), f"{used} of {pages}"]
        for kind, (n, a, b, c, used) in counts.items()
    ]
    heads = [
        "damage",
        "without",
        "without, rows and columns shifted at best",
        "with the form",
        "laid onto it",
    ]
    report = (
        "# Cells in place on damaged pages, with and without a form\n\n"
        f"Form learnt from {len(views)} pages of weather-rescue ({options.learn}), used on {pages} "
        f"others ({options.pages}); using it takes {np.median(seconds):.2f} s of one core a page. "
        f"{machine()}. Made by `python benchmarks/forms.py`.\n\n{markdown(heads, rows)}"
    )
    print(report)
    (RESULTS / "forms.md").write_text(report, "utf-8")


if __name__ == "__main__":
    main()
