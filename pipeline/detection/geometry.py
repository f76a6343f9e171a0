"""Between the corners of text lines and the maps that the network gives.

Boxes are N x 4 x 2 corners, x and y in input pixels, clockwise from the text's top left.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.detection.network import STRIDE

Floats = NDArray[np.float32]

CORE = 0.5
"""The part of a text's height, around its middle, whose cells are to say that there is text."""

TRIM = 0.2
"""How much of its height a text's ends are left out of that, so that neighbours stay apart."""


def sides(boxes: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the middles (N x 2), widths, heights and angles (N) of boxes.

    An angle is by how much the text climbs to the right, in radians, in -pi..pi.
    """
    middle = boxes.mean(axis=1)
    along = (boxes[:, 1] - boxes[:, 0] + boxes[:, 2] - boxes[:, 3]) / 2
    down = (boxes[:, 3] - boxes[:, 0] + boxes[:, 2] - boxes[:, 1]) / 2
    width, height = np.linalg.norm(along, axis=1), np.linalg.norm(down, axis=1)
    angle = np.arctan2(-along[:, 1], along[:, 0])
    return middle, width.astype(np.float32), height.astype(np.float32), angle.astype(np.float32)


def corners(middle: Floats, width: Floats, height: Floats, angle: Floats) -> Floats:
    """Return N x 4 x 2 corners; the inverse of `sides` for rectangles."""
    along = np.stack([np.cos(angle), -np.sin(angle)], axis=1) * width[:, None] / 2
    down = np.stack([np.sin(angle), np.cos(angle)], axis=1) * height[:, None] / 2
    return np.stack(
        [
            middle - along - down,
            middle + along - down,
            middle + along + down,
            middle - along + down,
        ],
        axis=1,
    ).astype(np.float32)


def widened(boxes: Floats, along: float, across: float) -> Floats:
    """Return boxes with a margin at their ends, and above and below, in parts of their height."""
    middle, width, height, angle = sides(boxes)
    return corners(middle, width + 2 * along * height, height + 2 * across * height, angle)


def draw_maps(
    boxes: Floats, height: int, width: int, reach: float
) -> tuple[Floats, Floats, Floats]:
    """Return the maps that the network is to give for a page of `height` x `width` pixels.

    Text (h x w, 0 or 1), sides and angle (5 x h x w) and where the sides count (h x w, 0 or 1);
    h and w are a quarter. Cells of a text around its core count neither way: their text is -1.
    """
    rows, columns = height // STRIDE, width // STRIDE
    text = np.zeros((rows, columns), np.float32)
    owner = np.full((rows, columns), -1, np.int32)
    if len(boxes) == 0:
        return text, np.zeros((5, rows, columns), np.float32), text.copy()
    middle, wide, high, angle = sides(boxes)
    upright = corners(middle, wide, high, angle)
    ends = np.maximum(wide - 2 * TRIM * np.minimum(high, wide), 0.3 * wide)
    cores = corners(middle, ends, CORE * high, angle)
    for box in upright:
        cv2.fillConvexPoly(text, _on_maps(box), -1.0)
    for index in np.argsort(-wide * high):  # small texts over large ones
        cv2.fillConvexPoly(text, _on_maps(cores[index]), 1.0)
        cv2.fillConvexPoly(owner, _on_maps(cores[index]), int(index))
    ys, xs = np.nonzero(owner >= 0)
    which = owner[ys, xs]
    x, y = (xs + 0.5) * STRIDE - middle[which, 0], (ys + 0.5) * STRIDE - middle[which, 1]
    cosine, sine = np.cos(angle[which]), np.sin(angle[which])
    along, down = x * cosine - y * sine, x * sine + y * cosine
    maps = np.zeros((5, rows, columns), np.float32)
    maps[0, ys, xs] = np.maximum(high[which] / 2 + down, 0)
    maps[1, ys, xs] = np.clip(wide[which] / 2 - along, 0, reach)
    maps[2, ys, xs] = np.maximum(high[which] / 2 - down, 0)
    maps[3, ys, xs] = np.clip(wide[which] / 2 + along, 0, reach)
    maps[4, ys, xs] = angle[which]
    return text, maps, (owner >= 0).astype(np.float32)


def _on_maps(box: Floats) -> NDArray[np.int32]:
    return np.round(box / STRIDE - 0.5).astype(np.int32)
