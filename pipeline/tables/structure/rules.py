"""Rules: the drawn lines of a table, broken and curved as they are.

Coordinates are pixels of the upright page (`pipeline.preprocess.Prepared`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask
from pipeline.tables.structure.strokes import Strokes, find_strokes

Boxes = NDArray[np.int32]
"""N x 4: x0, y0, x1, y1 of each, the far edges exclusive."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The ink that is drawn line: masks of H x W, and the box of every unbroken piece of it."""

    vertical: Mask
    horizontal: Mask
    vertical_pieces: Boxes
    horizontal_pieces: Boxes


def text_height(strokes: Strokes, boxes: NDArray[np.float32]) -> float:
    """Return the usual height of a character, in pixels: the median over its strokes.

    Specks and page-high rules do not count; where there are detected lines (N x 4 x 2 corners) a
    character is from two to four fifths as high as they are, whatever specks or joined-up writing
    make of it. 24.0 where there is too little ink to tell.
    """
    stats = strokes.stats
    heights = stats[1:, cv2.CC_STAT_HEIGHT]
    widths = stats[1:, cv2.CC_STAT_WIDTH]
    plausible = (heights >= 8) & (heights <= strokes.mask.shape[0] / 8) & (widths <= 4 * heights)
    plausible &= heights <= 6 * widths
    found = float(np.median(heights[plausible])) if plausible.sum() >= 10 else 24.0
    if len(boxes) < 5:
        return found
    sides = np.linalg.norm(boxes - np.roll(boxes, 1, axis=1), axis=2)
    line = float(np.median(sides.min(axis=1)))
    return float(np.clip(found, 0.4 * line, 0.8 * line))


def find_rules(ink: Mask, height: float) -> Rules:
    """Find the drawn lines of a page whose characters are `height` pixels high.

    A piece counts from a little over two characters' height on: longer than any stroke of a
    letter, shorter than what remains between the gaps of an old, broken rule.
    """
    length = round(2.2 * height)
    vertical, upright = _straight(ink, (length, 1))
    horizontal, level = _straight(ink, (1, length))
    return Rules(vertical, horizontal, upright, level)


def _straight(ink: Mask, least: tuple[int, int]) -> tuple[Mask, Boxes]:
    """Return the slim strokes of at least so many rows and columns, one of them 1, and their boxes.

    Widened across by a pixel each side, a line that drifts a little still counts as straight.
    """
    pixels = ink.view(np.uint8)
    across = np.ones((3, 1) if least[0] == 1 else (1, 3), np.uint8)
    straight = cv2.morphologyEx(
        cv2.dilate(pixels, across), cv2.MORPH_OPEN, np.ones(least, np.uint8)
    )
    straight = np.asarray(cv2.bitwise_and(straight, pixels), np.uint8)
    # Outlines are a fraction of the work of labels where so little is left.
    outlines, nesting = cv2.findContours(straight, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for outline, (_, _, _, outer) in zip(outlines, nesting[0] if outlines else (), strict=True):
        if outer >= 0:  # the rim of a hole
            continue
        x, y, width, height = cv2.boundingRect(outline)
        along, thick = (width, height) if least[0] == 1 else (height, width)
        if along >= 2 * thick:
            boxes.append((x, y, x + width, y + height))
        else:
            cv2.floodFill(straight, None, outline[0, 0].tolist(), 0, flags=8)
    return straight.view(bool), np.array(boxes, np.int32).reshape(-1, 4)


def without_rules(ink: Mask, rules: Rules, height: float) -> Strokes:
    """Return the ink that is text: without the rules, their ragged edges and their short remains.

    What remains of a broken rule is slim and stands in line with longer pieces of it; an i, a 1 or
    a dash is slim, too, but stands elsewhere. The page must be straightened.
    """
    drawn = (rules.vertical | rules.horizontal).view(np.uint8)
    text = find_strokes(ink.view(np.uint8) > cv2.dilate(drawn, np.ones((3, 3), np.uint8)))
    w, h = text.stats[:, cv2.CC_STAT_WIDTH], text.stats[:, cv2.CC_STAT_HEIGHT]
    upright = (w <= 0.3 * height) & (h >= 2 * w)
    level = (h <= 0.3 * height) & (w >= 2 * h)
    upright &= _in_line(text.middles[:, 0], upright, rules.vertical_pieces[:, [0, 2]], height)
    level &= _in_line(text.middles[:, 1], level, rules.horizontal_pieces[:, [1, 3]], height)
    return text.without(upright | level)


def _in_line(
    middles: NDArray[np.float64], wanted: Mask, pieces: NDArray[np.int32], height: float
) -> Mask:
    """Return which of the wanted middles lie within a quarter of `height` of a piece's middle."""
    off = np.abs(middles[wanted, None] - pieces.mean(axis=1)[None, :]).min(axis=1, initial=np.inf)
    near = np.zeros(len(middles), bool)
    near[wanted] = off <= 0.25 * height
    return near
