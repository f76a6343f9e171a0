"""From the pixels of a photograph to an upright, evenly lit gray page, and back to its pixels.

Every step is a pure function of arrays. Images are uint8, ink dark on light paper.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.page import Polygon, as_polygon
from pipeline.profiles import Preprocessing

Gray = NDArray[np.uint8]
Mask = NDArray[np.bool_]

STRIP = 128
"""Rows that are worked on at once where many steps follow each other: they stay in the cache."""

COLORS = 1000
"""Pixels of the longer side on which a page's colours are kept."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page ready to read.

    `gray` (H x W) is cropped, upright and evenly lit, paper near 255; `ink` (H x W, bool) marks
    its dark strokes; `to_page` (2 x 3) maps its (x, y) to page pixels; `angle` is the skew that
    was taken out, in degrees, counter-clockwise positive; `width` and `height` are the page's.
    `color` is the page itself (RGB), reduced to at most `COLORS` pixels a side; `None` if gray.
    """

    gray: Gray
    ink: Mask
    to_page: NDArray[np.float64]
    angle: float
    width: int
    height: int
    color: NDArray[np.uint8] | None = None

    def polygons_on_page(self, polygons: NDArray[np.float64]) -> list[Polygon]:
        """Map corners (N x 4 x 2, pixels of `gray`) to page pixels, kept within the page."""
        mapped = polygons @ self.to_page[:, :2].T + self.to_page[:, 2]
        return [
            as_polygon(corners)
            for corners in np.clip(mapped, 0, (self.width, self.height)).tolist()
        ]

    def polygon_on_page(self, polygon: NDArray[np.float64]) -> Polygon:
        """Map four corners (4 x 2, pixels of `gray`) to page pixels, kept within the page."""
        return self.polygons_on_page(polygon[None])[0]


def prepare(image: NDArray[np.uint8], steps: Preprocessing) -> Prepared:
    """Prepare a page image, H x W (gray) or H x W x 3 (RGB), as the profile's `steps` ask."""
    gray = grayscale(image)
    height, width = gray.shape
    x0, y0, x1, y1 = page_box(gray) if steps.crop else (0, 0, width, height)
    page = gray[y0:y1, x0:x1]
    even = flatten(page) if steps.flatten else page
    flat, ink = even, ink_mask(even)
    angle = skew(ink) if steps.deskew else 0.0
    to_page = np.array([[1.0, 0.0, x0], [0.0, 1.0, y0]])
    if abs(angle) >= steps.least_angle:
        even, inverse = rotate(even, -angle)
        to_page = np.column_stack([inverse[:, :2], inverse[:, 2] + (x0, y0)])
    else:
        angle = 0.0
    if steps.denoise:
        even = cv2.medianBlur(even, 3).astype(np.uint8)
    if steps.equalize:
        clahe = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
        even = clahe.apply(even).astype(np.uint8)
    if even is not flat:
        ink = ink_mask(even)
    if steps.binarize:
        even = np.where(ink, 0, 255).astype(np.uint8)
    return Prepared(even, ink, to_page, angle, width, height, reduced_color(image))


def grayscale(image: NDArray[np.uint8]) -> Gray:
    """Return an H x W gray image of an H x W or H x W x 3 (RGB) one."""
    if image.ndim == 2:
        return image
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def reduced_color(image: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Return single pixels of an RGB page, at most `COLORS` a side; `None` of a gray page."""
    if image.ndim == 2:
        return None
    step = -(-max(image.shape[:2]) // COLORS)
    return np.ascontiguousarray(image[::step, ::step])


def page_box(gray: Gray) -> tuple[int, int, int, int]:
    """Return (x0, y0, x1, y1) of the lit page within a dark surround; the whole image if none.

    Only a surround much darker than paper is cut off, and only where it spans an image edge, so
    that a column in the shadow of the fold stays.
    """
    height, width = gray.shape
    scale = 512 / max(height, width, 512)
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    paper = float(np.percentile(small, 90))
    lit = (small > 0.35 * paper).astype(np.uint8)
    columns = np.flatnonzero(lit.mean(axis=0) > 0.3)
    rows = np.flatnonzero(lit.mean(axis=1) > 0.3)
    if len(columns) == 0 or len(rows) == 0:
        return 0, 0, width, height
    x0, x1 = int(columns[0] / scale), min(width, int(np.ceil((columns[-1] + 1) / scale)))
    y0, y1 = int(rows[0] / scale), min(height, int(np.ceil((rows[-1] + 1) / scale)))
    if (x1 - x0) * (y1 - y0) < 0.3 * width * height:
        return 0, 0, width, height
    return x0, y0, x1, y1


def flatten(gray: Gray) -> Gray:
    """Return the page as if evenly lit: divided by its paper, which is closed over the ink."""
    height, width = gray.shape
    scale = min(1.0, 800 / max(height, width))
    small = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    size = max(9, int(0.03 * max(small.shape)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    paper = cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel)
    paper = cv2.GaussianBlur(paper, (0, 0), size / 2)
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.divide(gray, np.maximum(paper, 1), scale=245), np.uint8)


def ink_mask(gray: Gray, window: int = 41, k: float = 0.2) -> Mask:
    """Return where an evenly lit page is ink (Sauvola & Pietikäinen 2000, Pattern Recognition 33).

    `window` is in pixels, odd; strokes wider than about half of it become outlines.
    """
    reach = window // 2
    ink = np.empty(gray.shape, bool)
    for y in range(0, len(gray), STRIP):
        top = max(0, y - reach)
        part, own = gray[top : y + STRIP + reach], slice(y - top, y - top + STRIP)
        mean = cv2.boxFilter(part, cv2.CV_32F, (window, window))[own]
        square = cv2.sqrBoxFilter(part, cv2.CV_32F, (window, window))[own]
        # In place, as far as can be: fresh memory would cost more than the sums.
        deviation = np.subtract(square, mean * mean, out=square)
        np.sqrt(np.maximum(deviation, 0, out=deviation), out=deviation)
        # Where nothing varies there is no ink, whatever the threshold says of its noise.
        varied = deviation > 6
        deviation /= 128
        deviation -= 1
        deviation *= k
        deviation += 1
        threshold = np.multiply(deviation, mean, out=deviation)
        np.logical_and(part[own] < threshold, varied, out=ink[y : y + STRIP])
    return ink


def skew(ink: Mask, limit: float = 8.0) -> float:
    """Return the angle of the text lines, in degrees within ±`limit`, counter-clockwise positive.

    The angle whose horizontal projection is sharpest (Postl 1986): its row sums vary most from
    each to the next. Searched coarse to fine on a reduced mask.
    """
    scale = 1000 / max(*ink.shape, 1000)
    small = cv2.resize(
        ink.view(np.uint8) * np.uint8(255), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    ys, xs = np.nonzero(small > 64)
    if len(xs) < 200:
        return 0.0
    if len(xs) > 60_000:
        keep = np.linspace(0, len(xs) - 1, 60_000).astype(int)
        ys, xs = ys[keep], xs[keep]
    xs = xs - small.shape[1] / 2

    def sharpness(angle: float) -> float:
        shifted = ys + xs * np.tan(np.radians(angle))
        sums = np.bincount((shifted - shifted.min()).astype(int)).astype(float)
        return float(np.square(np.diff(sums)).sum())

    best, step = 0.0, 1.0
    candidates = np.arange(-limit, limit + 1e-9, step)
    while step >= 0.02:
        best = max(candidates, key=sharpness)
        step /= 4
        candidates = best + step * np.arange(-4, 5)
    return float(best)


def rotate(gray: Gray, angle: float) -> tuple[Gray, NDArray[np.float64]]:
    """Turn a page by `angle` degrees (counter-clockwise positive) about its middle, onto white.

    Returns the turned image, large enough to lose no corner, and the 2 x 3 map from its pixels
    back to the pixels of `gray`.
    """
    height, width = gray.shape
    forward = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cos, sin = abs(forward[0, 0]), abs(forward[0, 1])
    new_width = int(np.ceil(width * cos + height * sin))
    new_height = int(np.ceil(width * sin + height * cos))
    forward[:, 2] += ((new_width - width) / 2, (new_height - height) / 2)
    turned = cv2.warpAffine(
        gray, forward, (new_width, new_height), flags=cv2.INTER_CUBIC, borderValue=255
    )
    return np.asarray(turned, np.uint8), np.asarray(cv2.invertAffineTransform(forward), np.float64)
