"""Pages on which it is known where text stands: drawn, transcribed, or tables that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from pipeline.page import Transcription
from pipeline.preprocess import Gray, grayscale, ink_mask, prepare
from pipeline.profiles import Preprocessing
from pipeline.tables.layout import Layout
from pipeline.tables.structure.rules import find_rules, text_height, without_rules
from pipeline.training.datasets.lines import IMAGES, placed_lines
from pipeline.training.degrade import degrade, some_wear
from pipeline.training.draw import draw_page
from pipeline.training.fonts import Face
from pipeline.training.layouts import daily_ledger, open_table, pressure_table

Rng = np.random.Generator
SPECK = 0.04
"""Ink of less than this part of a character's square is no text."""


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
            even = prepare(page, Preprocessing(crop=False, deskew=False)).gray
            name = f"{folder.name}/{file.stem}"
            yield MarkedPage(even, np.array(boxes, np.float32).reshape(-1, 4, 2), name)


def tabulated(layout: Layout, name: str) -> MarkedPage:
    """Return a page whose tables were found, straightened: every line of a cell is a text."""
    gray = layout.warp.apply(layout.prepared.gray)
    ink = ink_mask(gray)
    height = text_height(layout.prepared.ink, layout.boxes)
    text = without_rules(ink, find_rules(ink, height), height)
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


def boxes_of(truth: Transcription) -> NDArray[np.float32]:
    """Return the corners of all lines and written cells of a page."""
    found = [line.polygon for line in truth.lines]
    found += [cell.polygon for table in truth.tables for cell in table.cells if cell.text]
    return np.array(found, np.float32).reshape(-1, 4, 2)
