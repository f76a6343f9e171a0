"""Lines of transcribed pages: cut out of PAGE XML and ALTO by their baselines, or in pairs."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from pipeline.preprocess import grayscale
from pipeline.tables.crops import line_crop
from pipeline.training.datasets import Labelled, reduced
from pipeline.transcribed import marked_lines, pages_in

Style = Literal["hand", "print"]

TALLEST = 72
"""Crops are kept no taller than this: nearly twice what the network sees."""

SHORTEST = 6
"""Lines less high than this in pixels are slips of the transcriber."""

STICKING_OUT = 20.0
"""Percent of a line's columns whose strokes may reach out of its crop."""

TWO_CORNERS = 2

UNREAD = re.compile(r"XXX|⟦|⟧|<|>|\[\?|�")
"""Marks of what a transcriber could not read or found struck out."""

PRINTED = re.compile(r"print|typewritten", re.IGNORECASE)

IMAGES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line on a page: its text, its corners (4 x 2, clockwise from its top left), its type."""

    text: str
    corners: NDArray[np.float32]
    kind: str = ""

    @property
    def style(self) -> Style:
        """Set in type (printed or typewritten) or written by hand, as its type's name tells."""
        return "print" if PRINTED.search(self.kind) else "hand"


@dataclass(frozen=True, slots=True)
class Line:
    """A cut-out line and how it is written."""

    labelled: Labelled
    style: Style


def read_pages(folder: Path, group: Callable[[str], str]) -> Iterator[Line]:
    """Yield the lines of `NAME.xml` (ALTO or PAGE) beside an image of the same stem.

    `group` tells from a page's name what may not be on both sides of a split. Lines without text
    and lines that were not read in full are left out. Raises `BadInput`.
    """
    for name, file in pages_in(folder):
        images = (folder / f"{name}{suffix}" for suffix in IMAGES)
        image = next((image for image in images if image.exists()), None)
        if image is None:
            raise BadInput(str(file), "has no image of the same name", "put it beside the file")
        page = grayscale(decode_image(image.read_bytes(), ImageLimits()))
        for line in placed_lines(file):
            if UNREAD.search(line.text):
                continue
            crop = reduced(line_crop(page, line.corners), TALLEST)
            if crop.shape[0] >= SHORTEST and (text := transcribed(line.text)):
                yield Line(Labelled(crop, (text,), group(name)), line.style)


def read_pairs(folder: Path, group: Callable[[str], str], style: Style) -> Iterator[Line]:
    """Yield the lines `NAME.png` whose texts are `NAME.txt`. Raises `BadInput`."""
    for file in sorted(folder.glob("*.txt")):
        image = file.with_suffix(".png")
        try:
            gray = grayscale(decode_image(image.read_bytes(), ImageLimits()))
        except OSError as error:
            raise BadInput(str(image), "cannot be read", "complete the folder") from error
        text = transcribed(file.read_text("utf-8"))
        if text and not UNREAD.search(text):
            yield Line(Labelled(reduced(gray, TALLEST), (text,), group(file.stem)), style)


def transcribed(text: str) -> str:
    """Return what the ink shows: without the sign for raised letters, white space made one.

    Some files are escaped twice over.
    """
    return " ".join(html.unescape(text).replace("^", "").split())


def placed_lines(file: Path) -> list[PlacedLine]:
    """Return the lines with text of an ALTO (pixels) or PAGE XML file. Raises `BadInput`."""
    return [
        PlacedLine(
            line.text,
            corners(np.array(line.outline, np.float32), np.array(line.baseline, np.float32)),
            line.kind,
        )
        for line in marked_lines(file)
    ]


def corners(outline: NDArray[np.float32], baseline: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the corners (4 x 2) of the box about `outline` (N x 2) that lies along `baseline`.

    Without a baseline (fewer than 2 points) it is upright. Raises `ValueError` without an outline.
    """
    if len(outline) < 2 or not np.isfinite(outline).all():
        raise ValueError("a line without a place")
    along = np.array([1, 0], np.float32)
    if len(baseline) >= 2 and (length := float(np.linalg.norm(baseline[-1] - baseline[0]))) > 0:
        along = (baseline[-1] - baseline[0]) / length
    down = np.array([-along[1], along[0]], np.float32)
    turned = outline @ np.stack([along, down], 1)
    (left, top), (right, bottom) = turned.min(axis=0), turned.max(axis=0)
    if len(outline) > TWO_CORNERS:
        top, bottom = _usual_extent(turned)
        left, right = left - 0.2 * (bottom - top), right + 0.2 * (bottom - top)
    return np.array(
        [left * along + top * down, right * along + top * down,
         right * along + bottom * down, left * along + bottom * down], np.float32,
    )  # fmt: skip


def _usual_extent(outline: NDArray[np.float32]) -> tuple[float, float]:
    """Return top and bottom of most of an outline (N x 2): the longest strokes may stick out.

    Transcribers' tools trace every descender, far into the next row.
    """
    corner = np.floor(outline.min(axis=0))
    wide, high = (int(n) + 2 for n in np.ceil(outline.max(axis=0) - corner))
    mask = np.zeros((high, wide), np.uint8)
    cv2.fillPoly(mask, [np.round(outline - corner).astype(np.int32)], (1,))
    used = mask.any(axis=0)
    tops = mask[:, used].argmax(axis=0)
    bottoms = high - mask[::-1, used].argmax(axis=0)
    top, bottom = (
        float(np.percentile(tops, STICKING_OUT)),
        float(np.percentile(bottoms, 100 - STICKING_OUT)),
    )
    margin = 0.06 * (bottom - top)
    return float(corner[1]) + top - margin, float(corner[1]) + bottom + margin


def split(
    lines: Iterator[Line], validating: Mapping[str, object] | frozenset[str]
) -> tuple[list[Line], list[Line]]:
    """Return the lines to train on, and those of the groups in `validating`."""
    found = list(lines)
    return (
        [line for line in found if line.labelled.group not in validating],
        [line for line in found if line.labelled.group in validating],
    )
