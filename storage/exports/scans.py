"""The pixels of exported pages, and pieces cut out of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.decode import ImageLimits, decode_image
from pipeline.page import Polygon
from storage.exports.pages import PublishedPage

Pixels = NDArray[np.uint8]
"""H x W (gray) or H x W x 3 (RGB)."""


def pixels_of(page: PublishedPage) -> Pixels:
    """Return a page's scan, upright. Raises `BadInput` where it is lost or damaged."""
    return decode_image(page.scan(), ImageLimits())


def cut(image: Pixels, polygon: Polygon, margin: float = 0.0) -> Pixels:
    """Return what stands within a polygon, upright as its text is, at the scan's resolution.

    `margin` is how much more is shown on each side, in heights of the polygon.
    """
    corners = np.array(polygon, np.float32)
    across = (_length(corners[1] - corners[0]) + _length(corners[2] - corners[3])) / 2
    down = (_length(corners[3] - corners[0]) + _length(corners[2] - corners[1])) / 2
    edge = margin * down
    width, height = (max(1, min(round(side + 2 * edge), _WIDEST)) for side in (across, down))
    inner = np.array(
        [(edge, edge), (width - edge, edge), (width - edge, height - edge), (edge, height - edge)],
        np.float32,
    )
    if across < 1 or down < 1:
        return np.full((height, width, *image.shape[2:]), 255, np.uint8)
    warp = cv2.getPerspectiveTransform(corners, inner)
    found = cv2.warpPerspective(
        image, warp, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(found, np.uint8)


def png(image: Pixels) -> bytes:
    """Return pixels as a PNG file."""
    seen = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", seen, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1].tobytes()


_WIDEST = 20_000


def _length(vector: NDArray[np.float32]) -> float:
    return float(np.hypot(vector[0], vector[1]))
