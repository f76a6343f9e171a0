"""What time and the camera do to a page: every step one small function of image and `rng`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.page import Polygon, Transcription
from pipeline.training.draw import DrawnPage, Gray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Wear:
    """How badly a page has fared. Zeros leave it as it was drawn.

    `skew` is in degrees, positive where the text climbs to the right; `curl` is how many pixels
    the lines bend beside the fold on the left; `blur` and `noise` are standard deviations in
    pixels and gray levels; `tone` is the gray of the paper, `light` the share of it that the
    darkest part of the page loses; `bleed` is the share of the ink that shows through from the
    other side.
    """

    skew: float = 0.0
    curl: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    tone: float = 255.0
    light: float = 0.0
    bleed: float = 0.0


def some_wear(rng: np.random.Generator) -> Wear:
    """Draw a wear such as scanned and photographed archive pages show."""
    return Wear(
        skew=float(rng.normal(0, 0.6)),
        curl=float(rng.normal(0, 12)),
        blur=float(rng.uniform(0.3, 1.3)),
        noise=float(rng.uniform(1, 8)),
        tone=float(rng.uniform(150, 245)),
        light=float(rng.uniform(0, 0.35)),
        bleed=float(rng.uniform(0, 0.15)),
    )


def degrade(page: DrawnPage, rng: np.random.Generator, wear: Wear) -> DrawnPage:
    """Return `page` with `wear`, its polygons moved along with the ink."""
    image = bleed_through(page.image, wear.bleed)
    warp = Warp(wear.skew, wear.curl, page.image.shape[1], page.image.shape[0])
    image = warp.image(image)
    image = blur(image, wear.blur)
    image = paper(image, wear.tone, wear.light, rng)
    image = grain(image, wear.noise, rng)
    return DrawnPage(image, warp.truth(page.truth))


def bleed_through(image: Gray, share: float) -> Gray:
    """Let the page itself, mirrored and blurred, show through as if printed on the back."""
    if share <= 0:
        return image
    back = cv2.GaussianBlur(255 - image[:, ::-1], (0, 0), 2.5).astype(np.float32)
    return np.clip(image.astype(np.float32) - share * back, 0, 255).astype(np.uint8)


def blur(image: Gray, sigma: float) -> Gray:
    """Blur by a Gaussian of `sigma` pixels."""
    if sigma <= 0:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def paper(image: Gray, tone: float, light: float, rng: np.random.Generator) -> Gray:
    """Put the ink on mottled paper of gray `tone` under light that falls off by `light`."""
    height, width = image.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    angle = float(rng.uniform(0, 2 * math.pi))
    along = math.cos(angle) * (xs / width - 0.5) + math.sin(angle) * (ys / height - 0.5)
    shade = 1.0 - light * (along + 0.5).clip(0, 1) ** 2
    coarse = rng.normal(0, 1, (height // 64 + 2, width // 64 + 2)).astype(np.float32)
    mottle = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    ground = tone * shade * (1.0 + 0.01 * mottle)
    seen: Gray = np.clip(ground * (0.12 + 0.88 * image / 255.0), 0, 255).astype(np.uint8)
    return seen


def grain(image: Gray, sigma: float, rng: np.random.Generator) -> Gray:
    """Add Gaussian noise of `sigma` gray levels."""
    if sigma <= 0:
        return image
    noise = rng.normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Warp:
    """Skew about the middle of a `width` x `height` page, after the curl of a bound book.

    One formula says which point of the flat page is seen at a point of the photograph; the way
    back, for polygons, is found by iterating it, so that image and truth cannot drift apart.
    """

    skew: float
    curl: float
    width: int
    height: int

    def source(self, seen: Floats) -> Floats:
        """Return the flat page's points (N x 2, x and y) that are seen at the points `seen`."""
        turn = math.radians(self.skew)
        middle = np.array([self.width / 2, self.height / 2])
        x, y = (seen - middle).T
        flat_x = math.cos(turn) * x - math.sin(turn) * y + middle[0]
        flat_y = math.sin(turn) * x + math.cos(turn) * y + middle[1]
        bend = np.exp(-np.maximum(flat_x, 0.0) / (0.18 * self.width))
        return np.stack([flat_x, flat_y + self.curl * bend], axis=1)

    def seen(self, source: Floats) -> Floats:
        """Return where points of the flat page are seen; the inverse of `source`."""
        points = source.copy()
        for _ in range(20):
            points = points + source - self.source(points)
        return points

    def image(self, image: Gray) -> Gray:
        """Return the photograph of `image`, of the same size, white outside the page."""
        if not self.skew and not self.curl:
            return image
        height, width = image.shape
        ys, xs = np.mgrid[0:height, 0:width].astype(np.float64)
        where = self.source(np.stack([xs.ravel(), ys.ravel()], axis=1)).astype(np.float32)
        map_x, map_y = (where[:, i].reshape(height, width) for i in (0, 1))
        return np.asarray(
            cv2.remap(
                image,
                map_x,
                map_y,
                cv2.INTER_CUBIC,
                borderMode=cv2.BORDER_CONSTANT,
                borderValue=255,
            ),
            np.uint8,
        )

    def polygon(self, corners: Polygon) -> Polygon:
        """Return where a polygon of the flat page is seen."""
        a, b, c, d = ((float(x), float(y)) for x, y in self.seen(np.array(corners, np.float64)))
        return (a, b, c, d)

    def truth(self, truth: Transcription) -> Transcription:
        """Return `truth` as it stands on the photograph."""
        return replace(
            truth,
            angle=truth.angle + self.skew,
            lines=tuple(replace(x, polygon=self.polygon(x.polygon)) for x in truth.lines),
            tables=tuple(
                replace(
                    table,
                    polygon=self.polygon(table.polygon),
                    cells=tuple(replace(x, polygon=self.polygon(x.polygon)) for x in table.cells),
                )
                for table in truth.tables
            ),
        )
