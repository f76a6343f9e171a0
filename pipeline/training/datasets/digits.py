"""Single written digits (the IDX files of MNIST), set side by side as numbers."""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BadInput
from pipeline.preprocess import Gray
from pipeline.training.augment import Rng, chance

LINE = 72
"""The height in pixels of a drawn number's digits, before it is cut and scaled."""


@dataclass(frozen=True, slots=True)
class Digits:
    """Digits of many hands: N x h x w (uint8, ink 255 on 0) for each of the ten."""

    of: tuple[NDArray[np.uint8], ...]


def read_digits(folder: Path) -> Digits:
    """Read `*images*idx3*` and `*labels*idx1*` of a folder, gzipped or not. Raises `BadInput`."""
    try:
        images = _idx(next(folder.glob("*images*idx3*")))
        labels = _idx(next(folder.glob("*labels*idx1*")))
    except (StopIteration, OSError, struct.error, ValueError) as error:
        raise BadInput(str(folder), "holds no IDX files", "give MNIST's folder") from error
    return Digits(tuple(images[labels == digit] for digit in range(10)))


def _idx(file: Path) -> NDArray[np.uint8]:
    data = file.read_bytes()
    if file.suffix == ".gz":
        data = gzip.decompress(data)
    (magic,) = struct.unpack(">I", data[:4])
    rank = magic & 0xFF
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_number(text: str, digits: Digits, rng: Rng) -> Gray:
    """Return `text` (digits and `.,·-`) written in one hand's size and slope, ink 0 on 255."""
    slope = float(rng.normal(0.12, 0.12))
    space = float(rng.uniform(-0.32, 0.12))
    grow = LINE / 20 * float(rng.uniform(0.8, 1.15))
    wide = grow * float(rng.uniform(0.6, 1.1))
    pieces = [_glyph(c, digits, grow, wide, rng) for c in text]
    gap = [round(space * piece.shape[1]) if c.isdigit() else 2
           for piece, c in zip(pieces, text, strict=True)]  # fmt: skip
    total = sum(piece.shape[1] for piece in pieces) + sum(gap) + 60
    height = int(28 * grow * 1.1)
    line = np.zeros((height, max(total, 60)), np.uint8)
    x = 20
    for piece, after in zip(pieces, gap, strict=True):
        high, broad = piece.shape
        y = min(max(0, (height - high) // 2 + int(rng.normal(0, 0.03 * height))), height - high)
        part = line[y : y + high, x : x + broad]
        np.maximum(part, piece[:, : part.shape[1]], out=part)
        x = max(0, x + broad + after)
    shear = np.array([[1, -slope, slope * height / 2], [0, 1, 0]], np.float32)
    return np.asarray(255 - cv2.warpAffine(line, shear, (line.shape[1], height)), np.uint8)


def _glyph(character: str, digits: Digits, grow: float, wide: float, rng: Rng) -> Gray:
    if character.isdigit():
        hands = digits.of[int(character)]
        drawn = hands[int(rng.integers(len(hands)))]
        columns = np.flatnonzero(drawn.max(axis=0))
        drawn = drawn[:, columns[0] : columns[-1] + 1]
        size = (max(3, round(drawn.shape[1] * wide)), round(28 * grow))
        return np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    size = (round(10 * wide), round(28 * grow))
    sign = np.zeros((size[1], size[0]), np.uint8)
    thick = max(2, round(grow * float(rng.uniform(1.5, 2.6))))
    x, foot = size[0] // 2, round(size[1] * 0.82)
    if character == "-":
        cv2.line(sign, (1, size[1] // 2), (size[0] - 2, size[1] // 2), 255, thick)
    elif character == "," or (character == "." and chance(rng, 0.2)):
        cv2.line(sign, (x + 2, foot - thick), (x - 3, foot + 3 * thick), 255, thick)
    else:
        y = foot if character == "." else size[1] // 2
        cv2.circle(sign, (x, y), max(1, thick // 2 + 1), 255, -1)
    return sign


def in_a_ledger(rows: list[Gray], rng: Rng) -> Gray:
    """Return a middle row with its neighbours above and below, ruled as a ledger is."""
    width = max(row.shape[1] for row in rows)
    pitch = int(LINE * float(rng.uniform(1.0, 1.6)))
    height = max(row.shape[0] for row in rows) + 2 * pitch
    sheet = np.full((height, width + 40), 255, np.uint8)
    left = int(rng.integers(0, 30))
    for index, row in enumerate(rows):
        y = index * pitch
        part = sheet[y : y + row.shape[0], left : left + row.shape[1]]
        np.minimum(part, row[: part.shape[0], : part.shape[1]], out=part)
    middle = (height - LINE // 2) // 2 + LINE // 4
    reach = int(pitch * float(rng.uniform(0.75, 1.3)))
    return sheet[max(0, middle - reach) : middle + reach]
