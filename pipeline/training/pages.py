"""Pages on which it is known where text stands: drawn, transcribed, or tables that were found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.decode import ImageLimits, decode_image
from pipeline.engines import Engine, load_engine
from pipeline.errors import BadInput
from pipeline.page import Transcription
from pipeline.preprocess import Gray, grayscale, ink_mask, prepare
from pipeline.profiles import Preprocessing, load_profile
from pipeline.recognition.alphabets import LATIN
from pipeline.tables.layout import Layout, lay_out
from pipeline.tables.structure.rules import find_rules, text_height, without_rules
from pipeline.tables.structure.strokes import find_strokes
from pipeline.training.datasets.lines import IMAGES, placed_lines
from pipeline.training.degrade import degrade, some_wear
from pipeline.training.draw import draw_page
from pipeline.training.fonts import BUNDLED, Face, faces_of
from pipeline.training.hands import Hand, covered, find_hands
from pipeline.training.layouts import daily_ledger, open_table, pressure_table
from pipeline.training.scenes import Case, scene
from pipeline.training.texts import read_texts
from pipeline.training.tighten import tightened

Rng = np.random.Generator
SPECK = 0.04
"""Ink of less than this part of a character's square is no text."""

DRAWN = 60
SCENES = 150
SEED = 7
PRINT_STYLES = ("serif", "typewriter", "sans")
HAND_STYLES = ("hand", "script")

HELD = re.compile(
    r"riant-4/|cremma-20/01R|stanford-memorials/.*_i08[1345]|tables/1899|drawn/05[6-9]"
    r"|scenes/14[4-9]"
)
"""Writers, books and drawn pages that are validated on, never trained on."""


@dataclass(frozen=True, slots=True)
class MarkedPage:
    """A page (H x W, gray, evenly lit) and the corners (N x 4 x 2, clockwise) of all its text."""

    gray: Gray
    boxes: NDArray[np.float32]
    name: str

    @property
    def kind(self) -> str:
        """What it is counted under: its name up to a slash."""
        return self.name.partition("/")[0]


def transcribed(folder: Path) -> Iterator[MarkedPage]:
    """Yield the pages of a folder of PAGE or ALTO files with their images of the same stem."""
    for file in sorted(folder.glob("*.xml")):
        image = next((file.with_suffix(s) for s in IMAGES if file.with_suffix(s).exists()), None)
        if image is None:
            raise BadInput(str(file), "has no image of the same name", "put it beside the file")
        page = grayscale(decode_image(image.read_bytes(), ImageLimits()))
        boxes = [line.corners for line in placed_lines(file)]
        if boxes:
            even = prepare(page, Preprocessing(crop=False, deskew=False))
            corners = tightened(even.ink, np.array(boxes, np.float32).reshape(-1, 4, 2))
            yield MarkedPage(even.gray, corners, f"{folder.name}/{file.stem}")


def tabulated(layout: Layout, name: str) -> MarkedPage:
    """Return a page whose tables were found, straightened: every line of a cell is a text."""
    gray = layout.warp.apply(layout.prepared.gray)
    ink = ink_mask(gray)
    height = text_height(find_strokes(layout.prepared.ink), layout.boxes)
    text = without_rules(ink, find_rules(ink, height), height).mask
    boxes = []
    for grid in layout.grids:
        for top, bottom in (line for row in grid.rows for line in row):
            for left, right in zip(grid.xs[:-1], grid.xs[1:], strict=True):
                part = text[round(top) : round(bottom), round(left) : round(right)]
                if part.sum() < SPECK * height**2:
                    continue
                ys, xs = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
                y0, y1 = round(top) + ys[0] - 1, round(top) + ys[-1] + 2
                x0, x1 = round(left) + xs[0] - 1, round(left) + xs[-1] + 2
                boxes.append([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    free = layout.warp.straight(layout.boxes.reshape(-1, 2).astype(np.float64)).reshape(-1, 4, 2)
    return MarkedPage(gray, np.concatenate([np.array(boxes, np.float32).reshape(-1, 4, 2),
                                            free.astype(np.float32)]), name)  # fmt: skip


def drawn(rng: Rng, printed: Sequence[Face], hands: Sequence[Face]) -> MarkedPage:
    """Draw a page of one of the layouts, worn."""
    kind = int(rng.integers(3))
    size = int(rng.integers(20, 34))
    if kind == 0:
        layout = pressure_table(rng, int(rng.integers(8, 32)), bool(rng.random() < 0.5), size)
    elif kind == 1:
        layout = daily_ledger(rng, int(rng.integers(10, 32)), size)
    else:
        layout = open_table(rng, int(rng.integers(4, 20)), size)
    print_face = printed[int(rng.integers(len(printed)))]
    hand_face = hands[int(rng.integers(len(hands)))]
    page = degrade(draw_page(layout, rng, print_face, hand_face), rng, some_wear(rng))
    even = prepare(page.image, Preprocessing(crop=False, deskew=False)).gray
    return MarkedPage(even, boxes_of(page.truth), "drawn")


def case() -> Case:
    """Return what scenes are set from: the installed hands, else the bundled face."""
    bundled = Hand("sans", (BUNDLED,), dict.fromkeys(sorted(covered(BUNDLED, LATIN)), 0))
    styles = (*PRINT_STYLES, "fraktur", *HAND_STYLES)
    return Case(find_hands(styles, LATIN) or [bundled], read_texts())


def imagined(case: Case, rng: Rng) -> MarkedPage:
    """Draw a page of one of the kinds of scenes, worn."""
    image, boxes = scene(case, rng)
    even = prepare(image, Preprocessing(crop=False, deskew=False)).gray
    return MarkedPage(even, boxes, "scenes")


def boxes_of(truth: Transcription) -> NDArray[np.float32]:
    """Return the corners of all lines and written cells of a page."""
    found = [line.polygon for line in truth.lines]
    found += [cell.polygon for table in truth.tables for cell in table.cells if cell.text]
    return np.array(found, np.float32).reshape(-1, 4, 2)


def find_pages(data: Path | None, work: Path) -> tuple[list[MarkedPage], list[MarkedPage]]:
    """Return the pages to train on and those to validate on; `HELD` says which.

    `data` is searched for transcribed pages (PAGE or ALTO beside an image) and for table pages
    with truth grids (`images/NAME.jpg`, `truth/NAME.csv`), whose tables are found once and kept in
    `work/tables`; `DRAWN` tables and `SCENES` other pages are drawn. Raises `BadInput`.
    """
    found: list[MarkedPage] = []
    if data is not None:
        if not data.is_dir():
            raise BadInput(str(data), "no such folder", "give the folder of the training data")
        for folder in sorted({data, *(path for path in data.rglob("*") if path.is_dir())}):
            if any(folder.glob("*.xml")):
                found.extend(transcribed(folder))
            if (folder / "images").is_dir() and (folder / "truth").is_dir():
                found.extend(_tables(folder, work / "tables"))
    rng = np.random.default_rng(DRAWN)
    printed, hands = faces_of(PRINT_STYLES), faces_of(HAND_STYLES)
    found += [
        replace(drawn(rng, printed, hands), name=f"drawn/{number:03d}") for number in range(DRAWN)
    ]
    told = case()
    found += [
        replace(imagined(told, np.random.default_rng((SEED, number))), name=f"scenes/{number:03d}")
        for number in range(SCENES)
    ]
    held = [page for page in found if HELD.match(page.name)]
    return [page for page in found if not HELD.match(page.name)], held


def _tables(folder: Path, kept: Path) -> Iterator[MarkedPage]:
    profile = load_profile("default").model_copy(update={"engine": "rapidocr"})
    engine: Engine | None = None
    for file in sorted((folder / "truth").glob("*.csv")):
        name, there = f"tables/{file.stem}", kept / f"{file.stem}.npz"
        if not there.exists():
            engine = engine or load_engine(profile, "auto")
            image = (folder / "images" / f"{file.stem}.jpg").read_bytes()
            prepared = prepare(decode_image(image, ImageLimits()), profile.preprocessing)
            page = tabulated(lay_out(prepared, engine.detect(prepared.gray), profile), name)
            kept.mkdir(parents=True, exist_ok=True)
            np.savez_compressed(there, gray=page.gray, boxes=page.boxes)
        with np.load(there, allow_pickle=False) as arrays:
            yield MarkedPage(arrays["gray"], arrays["boxes"], name)
