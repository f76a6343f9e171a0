"""Find where text stands on pages, without reading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine
from pipeline.page import Polygon
from pipeline.preprocess import prepare
from pipeline.profiles import Profile


@dataclass(frozen=True, slots=True)
class Outline:
    """A page's size in pixels, its skew in degrees (see `Transcription`), and its lines' places."""

    width: int
    height: int
    angle: float
    polygons: tuple[Polygon, ...]


def outline(
    images: Iterable[NDArray[np.uint8]], profile: Profile, engine: Engine
) -> Iterator[Outline]:
    """Find the lines of page images (H x W gray or H x W x 3 RGB), lazily and in order."""
    for image in images:
        page = prepare(image, profile.preprocessing)
        boxes = engine.detect(page.gray).astype(np.float64)
        polygons = tuple(page.polygon_on_page(box) for box in boxes)
        yield Outline(page.width, page.height, page.angle, polygons)
