"""Cells of a page cut out anew, as they will be when they are read, where people corrected them."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Mapping
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine
from pipeline.page import Polygon
from pipeline.preprocess import Gray, prepare
from pipeline.profiles import Profile
from pipeline.tables.layout import Layout, lay_out

Key = TypeVar("Key", bound=Hashable)


def recut(
    image: NDArray[np.uint8], profile: Profile, engine: Engine, wanted: Mapping[Key, Polygon]
) -> dict[Key, Gray]:
    """Return the crops of those cells of a page that lie where `wanted` says, in page pixels.

    `image` is H x W gray or H x W x 3 RGB; a polygon's middle says which cell it means, be it the
    cell's own or tight around its text. Cells of several lines are left out: what is read at once
    is a line. So is what lies in no cell of the page as it is laid out now.
    """
    prepared = prepare(image, profile.preprocessing)
    layout = lay_out(prepared, engine.detect(prepared.gray), profile)
    places, corners = _cells(layout)
    if not places:
        return {}
    low, high = corners.min(axis=1), corners.max(axis=1)
    found: dict[Key, Gray] = {}
    for key, polygon in wanted.items():
        middle = np.mean(polygon, axis=0)
        near = np.flatnonzero((low <= middle).all(axis=1) & (middle <= high).all(axis=1))
        at = (float(middle[0]), float(middle[1]))
        inside = (i for i in near if cv2.pointPolygonTest(corners[i], at, False) >= 0)
        for i in itertools.islice(inside, 1):
            table, row, column = places[i]
            if (table, row, column, 1) not in layout.cells:
                found[key] = layout.cells[table, row, column, 0]
    return found


def _cells(layout: Layout) -> tuple[list[tuple[int, int, int]], NDArray[np.float32]]:
    """Return the places of all cells that hold text, and their corners (N x 4 x 2)."""
    places, corners = [], []
    for table, grid in enumerate(layout.grids):
        for (row, column), polygon in layout.cell_polygons(grid).items():
            if (table, row, column, 0) in layout.cells:
                places.append((table, row, column))
                corners.append(polygon)
    return places, np.array(corners, np.float32).reshape(-1, 4, 2)
