"""Figures and stamps: ink that hangs together and is no text.

Looked for on a reduced page, from which found text, tables and long straight lines are taken
away. A stamp is round, or of another colour than the page's text, or a frame that is askew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Mask, Prepared
from pipeline.tables.structure.strokes import find_strokes

LONGEST = 720
"""Pixels of the reduced page's longer side, at most."""

LEAST = 2.4
"""A figure is at least so many lines' heights high and wide,"""

DENSE = 0.06
"""and so much of its box is ink."""

FAINT = 60
"""A reduced pixel is ink where so much of 255 of it is."""

ASKEW = 2.0
"""A frame in the colour of the text is a stamp if it is turned by so many degrees."""

RIM = 0.85
"""From this share of the way to its edge on is a stamp's rim,"""

AROUND = 0.8
"""and in this share of all directions there is ink in it."""

LEAST_OTHER = 0.45
"""Ink of another colour needs less to be a stamp."""

LARGEST = 0.5
"""More of the page than this is no blot but its edges, a frame or a dark ground."""

HUE = 17
"""How far a colour is from another, of 255, in red less green or in both less blue."""

FULLER = 1.6
"""The text's colour is this much fuller than usual at most."""

COLORED = 0.01
"""Where more of the lines' boxes than this is coloured in most parts of a page, the text is."""

PARTS = (12, 12)


@dataclass(frozen=True, slots=True)
class Blot:
    """A figure or a stamp: its upright box in pixels of the prepared page."""

    x0: float
    y0: float
    x1: float
    y1: float
    is_stamp: bool

    @property
    def corners(self) -> NDArray[np.float64]:
        """The corners, 4 x 2, clockwise from the top left."""
        return np.array(
            [(self.x0, self.y0), (self.x1, self.y0), (self.x1, self.y1), (self.x0, self.y1)]
        )


def find_blots(
    page: Prepared, texts: NDArray[np.float64], tables: NDArray[np.float64], height: float
) -> list[Blot]:
    """Return what is drawn or stamped on a page, from top to bottom.

    `texts` and `tables` (N x 4 x 2) are the corners of what is known; `height` is a line's.
    """
    stamps = list(_stamps_by_color(page, texts, height))
    tall, wide = page.ink.shape
    step = -(-max(tall, wide, LONGEST) // LONGEST)
    size = (max(1, wide // step), max(1, tall // step))
    whole = page.ink[: size[1] * step, : size[0] * step].view(np.uint8) * np.uint8(255)
    # A whole number of pixels each: several times faster than any other reduction.
    ink = cv2.resize(whole, size, interpolation=cv2.INTER_AREA) > FAINT
    known = np.concatenate([texts, tables, *[stamp.corners[None] for stamp in stamps]])
    ink &= ~_filled(size, known / step)
    h = height / step
    found = [
        Blot(
            step * box.x,
            step * box.y,
            step * (box.x + box.wide),
            step * (box.y + box.tall),
            _is_round(own) or _is_frame(own, ASKEW),
        )
        for box, own in _pieces(_bent(ink, max(3, round(5 * h))), 0.3 * h, LEAST * h)
    ]
    return sorted([*stamps, *found], key=lambda blot: (blot.y0, blot.x0))


def _stamps_by_color(page: Prepared, texts: NDArray[np.float64], height: float) -> Iterator[Blot]:
    """Yield what is stamped in an ink that the text is not written in."""
    if page.color is None:
        return
    tall, wide = page.color.shape[:2]
    scale = wide / page.width
    size = (wide, tall)
    written = _filled(size, (texts @ page.to_page[:, :2].T + page.to_page[:, 2]) * scale)
    h = height * scale
    to_gray = np.linalg.inv(page.to_page[:, :2])
    for box, own in _pieces(_other_ink(page.color, written), 0.1 * h, LEAST_OTHER * h):
        if _is_round(own) or _is_frame(own):
            x0, y0, x1, y1 = box.x, box.y, box.x + box.wide, box.y + box.tall
            corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) / scale
            seen = (corners - page.to_page[:, 2]) @ to_gray.T
            (left, top), (right, bottom) = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
            yield Blot(left, top, right, bottom, is_stamp=True)


@dataclass(frozen=True, slots=True)
class Box:
    """A box of whole pixels on the reduced page."""

    x: int
    y: int
    wide: int
    tall: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y, self.y + self.tall), slice(self.x, self.x + self.wide)


def _pieces(ink: Mask, gap: float, least: float) -> Iterator[tuple[Box, Mask]]:
    """Yield the boxes of ink that hangs together, but for gaps of two `gap`, and their ink.

    Their sides are at least `least`, all in pixels.
    """
    if not ink.any():
        return
    reach = max(1, round(gap))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    joined = cv2.morphologyEx(ink.view(np.uint8), cv2.MORPH_CLOSE, kernel)
    labels, stats = (found := find_strokes(joined.view(bool))).labels, found.stats
    tall, wide = ink.shape
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].min(axis=1)
    for label in np.flatnonzero(sides >= least)[1:]:
        box = Box(*stats[label, :4].tolist())
        if box.wide * box.tall > LARGEST * tall * wide:
            continue
        if min(box.x, box.y) <= 1 or box.x + box.wide >= wide - 1 or box.y + box.tall >= tall - 1:
            continue  # what the page's edge cuts is its shadow
        own = (labels[box.slices] == label) & ink[box.slices]
        if own.sum() >= max(20, DENSE * own.size):
            yield box, own


def _filled(size: tuple[int, int], corners: NDArray[np.float64]) -> Mask:
    """Return where polygons (N x 4 x 2) are on a page of that width and height."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    for polygon in np.round(corners).astype(np.int32):
        cv2.fillConvexPoly(mask, polygon, 1)
    return mask.view(bool)


def _bent(ink: Mask, length: int) -> Mask:
    """Return the ink without level and upright lines of at least that length."""
    pixels = ink.view(np.uint8)
    level = cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    upright = cv2.morphologyEx(pixels, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    lines = cv2.dilate(cv2.bitwise_or(level, upright), np.ones((3, 3), np.uint8))
    return np.asarray(pixels > lines, bool)


def _other_ink(color: NDArray[np.uint8], written: Mask) -> Mask:
    """Return which pixels (H x W x 3, RGB) are neither like the paper nor like the text's ink."""
    red, green, blue = cv2.split(color)
    both = cv2.addWeighted(red, 0.5, green, 0.5, 0)
    opponents = [
        np.asarray(cv2.subtract(one, other, dtype=cv2.CV_16S), np.int16)
        for one, other in ((red, green), (both, blue))
    ]
    paper = [float(np.median(part[::8, ::8])) for part in opponents]
    like = [
        cv2.inRange(part, usual - HUE + 1, usual + HUE - 1)
        for part, usual in zip(opponents, paper, strict=True)
    ]
    colored: Mask = np.asarray(cv2.bitwise_and(*like) == 0, bool)
    if not colored.any():
        return colored
    off = np.column_stack([part[colored] for part in opponents]).astype(np.float32) - paper
    text = off[written[colored]]
    # The text's ink, where it has a colour, is seen thinner, too, at the rims of its strokes.
    usual = np.median(text, axis=0) if _in_all(colored, written) else np.zeros(2)
    along = np.clip(off @ usual / max(float(usual @ usual), 1e-6), 0, FULLER)
    colored[colored] = np.hypot(*(off - along[:, None] * usual).T) >= HUE
    return colored


def _in_all(colored: Mask, written: Mask) -> bool:
    """Return whether there is colour in most of what is written, rather than at one place."""
    parts = [
        cv2.resize(mask.astype(np.float32), PARTS, interpolation=cv2.INTER_AREA)
        for mask in (colored & written, written)
    ]
    lines = parts[1] > 0.05
    return bool(lines.any() and (parts[0] > COLORED * parts[1])[lines].mean() >= 0.5)


def _is_round(ink: Mask) -> bool:
    """Return whether a blot (h x w) is a ring, or what a ring holds together."""
    tall, wide = ink.shape
    if not 0.6 <= tall / wide <= 1.6:
        return False
    ys, xs = np.nonzero(ink)
    x, y = (xs + 0.5 - wide / 2) / (wide / 2), (ys + 0.5 - tall / 2) / (tall / 2)
    return _is_outline(np.hypot(x, y), np.arctan2(y, x))


def _is_frame(ink: Mask, tilt: float = 0.0) -> bool:
    """Return whether a blot (h x w) is a rectangle's outline, turned by `tilt` degrees at least."""
    points = np.argwhere(ink)[:, ::-1].astype(np.float32)
    middle, sides, angle = cv2.minAreaRect(points)
    if min(angle % 90, 90 - angle % 90) < tilt or min(sides) < 4:
        return False
    turn = np.radians(angle)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    x, y = ((points - middle) @ axes / (np.array(sides) / 2)).T
    return _is_outline(np.maximum(np.abs(x), np.abs(y)), np.arctan2(y, x))


def _is_outline(far: NDArray[np.float64], angle: NDArray[np.float64]) -> bool:
    """Return whether ink is dense all around at its rim, and less so just within.

    `far` is each pixel's distance from the middle, 1 at the rim, `angle` its direction.
    """
    rim = (far > RIM) & (far < 2 - RIM)
    around = len(np.unique(np.floor(angle[rim] * (12 / np.pi)))) / 24
    within = (far > 0.55) & (far <= RIM)
    dense = rim.sum() / (1 - RIM**2), within.sum() / (RIM**2 - 0.55**2)
    return bool(around >= AROUND and (far > 2 - RIM).mean() < 0.03 and dense[0] > 1.3 * dense[1])
