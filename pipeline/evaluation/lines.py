"""Texts of a page paired by where they stand, so that reading order costs no errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Polygon, Transcription

OVERLAP = 0.3
"""Two texts are at one place if they share at least this part of the smaller one's box."""


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A text and its polygon in page pixels."""

    text: str
    polygon: Polygon


def placed_texts(transcription: Transcription) -> list[PlacedText]:
    """Return everything written on a page: its lines and its non-empty cells."""
    texts = [PlacedText(line.text, line.polygon) for line in transcription.lines]
    for table in transcription.tables:
        texts += [PlacedText(cell.text, cell.polygon) for cell in table.cells if cell.text]
    return texts


def pair_by_place(truth: Sequence[PlacedText], read: Sequence[PlacedText]) -> list[tuple[str, str]]:
    """Return (truth, read) pairs: one for every truth, one for every reading without a truth.

    Each reading goes to the truth whose box it overlaps most (`OVERLAP` at least); the readings
    of one truth are joined from left to right by spaces. What nobody claims is paired with the
    empty text, so it counts as missing or inserted in full.
    """
    if not truth:
        return [("", item.text) for item in read]
    found: dict[int, list[PlacedText]] = {i: [] for i in range(len(truth))}
    pairs: list[tuple[str, str]] = []
    boxes = _boxes(truth)
    for item, box in zip(read, _boxes(read), strict=True):
        shared = _shared(boxes, box)
        best = int(shared.argmax())
        if shared[best] >= OVERLAP:
            found[best].append(item)
        else:
            pairs.append(("", item.text))
    for i, items in found.items():
        items.sort(key=lambda item: min(x for x, _ in item.polygon))
        pairs.append((truth[i].text, " ".join(item.text for item in items)))
    return pairs


def _boxes(texts: Sequence[PlacedText]) -> NDArray[np.float64]:
    """Return the upright boxes (N x 4: left, top, right, bottom) around the texts."""
    corners = np.array([item.polygon for item in texts], np.float64).reshape(-1, 4, 2)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def _shared(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each of `boxes` what part of the smaller one it shares with `box`, 0 to 1."""
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    smaller = np.minimum(areas, np.prod(box[2:] - box[:2]))
    shared: NDArray[np.float64] = common / np.maximum(smaller, 1e-9)
    return shared
