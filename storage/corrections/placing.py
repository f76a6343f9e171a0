"""Where corrections lie on a reading: the same place of the same run, or the polygon they overlap.

One to one, the best pairs first. A line that another run reads as two halves has no counterpart:
its correction lies nowhere on that reading, and is found again on the next that has one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.boxes import iou
from pipeline.page import Polygon, Transcription
from storage.corrections.records import CellPlace, LinePlace, Place

LEAST = 0.5
"""Intersection over union from which on two polygons hold the same text."""

NEAR = 2.0
"""Polygons all of whose corners are within so many pixels are the same, however thin they are."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A correction in effect, as far as it matters where it lies."""

    id: int
    run_id: int
    made_at: Place
    polygon: Polygon
    text: str


def places_of(reading: Transcription) -> Iterator[tuple[Place, Polygon]]:
    """Yield all places of a reading with their polygons."""
    for number, line in enumerate(reading.lines):
        yield LinePlace(number), line.polygon
    for number, table in enumerate(reading.tables):
        for cell in table.cells:
            yield CellPlace(number, cell.row, cell.column), cell.polygon


def place_all(
    standing: Sequence[Standing], reading: Transcription, run_id: int
) -> dict[Place, Standing]:
    """Return which correction lies where on the reading of a run; of two that fit the newer."""
    places = list(places_of(reading))
    known = {place for place, _ in places}
    placed = {
        each.made_at: each for each in standing if each.run_id == run_id and each.made_at in known
    }
    taken = {each.id for each in placed.values()}
    others = sorted((each for each in standing if each.id not in taken), key=lambda each: -each.id)
    free = [(place, polygon) for place, polygon in places if place not in placed]
    pairs = pair([each.polygon for each in others], [polygon for _, polygon in free])
    return placed | {free[j][0]: others[i] for i, j in pairs.items()}


def pair(these: Sequence[Polygon], those: Sequence[Polygon]) -> dict[int, int]:
    """Return which of those polygons hold the same text as which of these, by their numbers.

    One to one, the best pairs first, of equally good ones that of the first of these.
    """
    if not these or not those:
        return {}
    corners = np.array(those)
    found = [
        (-share, i, j)
        for i, polygon in enumerate(these)
        for j, share in _overlaps(np.array(polygon), corners)
        if share >= LEAST
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, i, j in sorted(found):
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _overlaps(
    polygon: NDArray[np.float64], corners: NDArray[np.float64]
) -> Iterator[tuple[int, float]]:
    """Yield the numbers of N polygons (N x 4 x 2) that share something with one, and how much."""
    near = np.abs(corners - polygon).max(axis=(1, 2)) <= NEAR
    touching = (corners.min(axis=1) < polygon.max(axis=0)).all(axis=1)
    touching &= (corners.max(axis=1) > polygon.min(axis=0)).all(axis=1)
    for j in np.flatnonzero(near | touching).tolist():
        yield j, 1.0 if near[j] else iou(polygon.astype(np.float32), corners[j].astype(np.float32))
