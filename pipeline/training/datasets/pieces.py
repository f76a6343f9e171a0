"""Single figures of real hands, cut out of black and white cells and put together anew.

Three sheets of one hand say few numbers, most of them alike; its figures can say any number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray
from pipeline.training.augment import Rng, chance
from pipeline.training.datasets import Labelled

TALL = 48
"""The height in pixels of a spelt number's tallest figures."""

OTHER_HAND = 0.1
"""How often a figure is of another hand than its neighbours."""

Glyph = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Pieces:
    """The figures of each hand: for each of the ten, images (h x w, ink 255 on 0) of one scale."""

    hands: Mapping[str, tuple[list[Glyph], ...]]


def cut_figures(cells: Iterable[Labelled]) -> Pieces:
    """Return the figures of black and white cells in which each stands apart from the others."""
    hands: dict[str, tuple[list[Glyph], ...]] = defaultdict(lambda: tuple([] for _ in range(10)))
    for cell in cells:
        truth = [int(c) for c in cell.texts[0] if c.isdigit()]
        found = _figures(cell.gray)
        if cell.sure and len(found) == len(truth):
            for digit, glyph in zip(truth, found, strict=True):
                hands[cell.group][digit].append(glyph)
    return Pieces({hand: glyphs for hand, glyphs in hands.items() if all(glyphs)})


def _figures(gray: Gray) -> list[Glyph]:
    """Return the tall connected parts of the ink, from left to right."""
    height, width = gray.shape
    ink = (gray < 128).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    found = []
    for label, (x, y, wide, high, area) in enumerate(stats.tolist()):
        if label == 0 or high < 0.35 * height or wide > 0.5 * width or area < 20:
            continue
        if y == 0 or y + high == height or (wide < 0.08 * height and high > 0.9 * height):
            continue  # cut off, or a rule
        part = np.where(labels[y : y + high, x : x + wide] == label, 255, 0).astype(np.uint8)
        found.append((x + wide / 2, part))
    return [part for _, part in sorted(found, key=lambda pair: pair[0])]


def spell(text: str, pieces: Pieces, rng: Rng) -> Gray:
    """Return `text` (digits and `.,·-`) in the figures of mostly one hand, tight, ink 0 on 255."""
    names = list(pieces.hands)
    hand = names[int(rng.integers(len(names)))]
    glyphs = []
    for c in text:
        own = names[int(rng.integers(len(names)))] if chance(rng, OTHER_HAND) else hand
        glyphs.append(_glyph(c, pieces.hands[own], rng))
    grow = TALL / max(glyph.shape[0] for glyph in glyphs)
    slant = float(rng.normal(0, 0.15))
    space = float(rng.normal(0.22, 0.16)) * TALL
    x, placed = 0.0, []
    for c, glyph in zip(text, glyphs, strict=True):
        size = (max(2, round(glyph.shape[1] * grow)), max(2, round(glyph.shape[0] * grow)))
        image = cv2.resize(glyph, size, interpolation=cv2.INTER_LINEAR)
        rise = {"-": 0.4, "·": 0.4}.get(c, 0.0) * TALL + float(rng.normal(0, 0.04)) * TALL
        if c == ",":
            rise -= 0.15 * TALL
        placed.append((round(x), round(rise), image))
        x += size[0] + max(-0.1 * TALL, space + float(rng.normal(0, 0.06)) * TALL)
    high = 2 * TALL
    wide = max(left + image.shape[1] for left, _, image in placed) + TALL
    line = np.zeros((high, wide), np.uint8)
    foot = round(1.5 * TALL)
    for left, rise, image in placed:
        top = min(max(0, foot - rise - image.shape[0]), high - image.shape[0])
        left += TALL // 2
        part = line[top : top + image.shape[0], left : left + image.shape[1]]
        np.maximum(part, image[: part.shape[0], : part.shape[1]], out=part)
    shear = np.array([[1, -slant, slant * foot], [0, 1, 0]], np.float32)
    line = cv2.warpAffine(line, shear, (wide, high))
    return np.asarray(255 - line, np.uint8)


def _glyph(character: str, hand: tuple[list[Glyph], ...], rng: Rng) -> Glyph:
    if character.isdigit():
        glyphs = hand[int(character)]
        return glyphs[int(rng.integers(len(glyphs)))]
    thick = int(rng.integers(3, 6))
    if character == "-":
        return np.full((thick, int(rng.integers(10, 22))), 255, np.uint8)
    if character == ",":
        sign = np.zeros((3 * thick, 2 * thick), np.uint8)
        cv2.line(sign, (2 * thick - 2, 0), (1, 3 * thick - 2), 255, thick - 1)
        return sign
    sign = np.zeros((thick + 2, thick + 2), np.uint8)
    cv2.circle(sign, ((thick + 2) // 2, (thick + 2) // 2), thick // 2 + 1, 255, -1)
    return sign
