"""What may happen to a crop of one line between the pen and the recognizer: random, label-safe.

Each step is a small function of an image and `rng`; images are h x w uint8, dark on light.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray

Rng = np.random.Generator


def chance(rng: Rng, probability: float) -> bool:
    """Return true as often as `probability` says."""
    return bool(rng.random() < probability)


def warp(gray: Gray, rng: Rng, strength: float = 1.0) -> Gray:
    """Rotate, shear, scale, shift and bend at once: affine and elastic (Simard et al. 2003)."""
    height, width = gray.shape
    turn = math.radians(float(rng.normal(0, 2.0 * strength)))
    shear = float(rng.normal(0, 0.13 * strength))
    grow_x = math.exp(float(rng.normal(0, 0.11 * strength)))
    grow_y = math.exp(float(rng.normal(0, 0.09 * strength)))
    shift_x = float(rng.normal(0, 0.03 * strength)) * height
    shift_y = float(rng.normal(0, 0.03 * strength)) * height
    step = max(8, height // 5)
    shape = (height // step + 3, width // step + 3)
    bend = float(abs(rng.normal(0, 0.013 * strength))) * height
    coarse = rng.normal(0, bend, (2, *shape)).astype(np.float32)
    bent_x, bent_y = (
        cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) for field in coarse
    )
    x = np.arange(width, dtype=np.float32)[None] - width / 2
    y = np.arange(height, dtype=np.float32)[:, None] - height / 2
    map_x = (x - shear * y) / grow_x + math.sin(turn) * y + width / 2 - shift_x + bent_x
    map_y = y / grow_y - math.sin(turn) * x + height / 2 - shift_y + bent_y
    warped = cv2.remap(
        gray,
        map_x.astype(np.float32),
        map_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)


def zoom_in(gray: Gray, rng: Rng, least_width: float, least_height: float) -> Gray:
    """Keep a window around the middle, at least these parts of the width and the height."""
    height, width = gray.shape
    high = round(height * float(rng.uniform(least_height, 1)))
    wide = round(width * float(rng.uniform(least_width, 1)))
    top, left = (height - high) // 2, (width - wide) // 2
    return gray[top : top + high, left : left + wide]


def margins(gray: Gray, rng: Rng, most: float = 0.35) -> Gray:
    """Add paper around a crop, up to `most` of its height on each side."""
    paper = int(np.percentile(gray, 85))
    sides = (rng.uniform(0, most, 4) * gray.shape[0]).astype(int)
    top, bottom, left, right = map(int, sides)
    seen = cv2.copyMakeBorder(gray, top, bottom, left, right, cv2.BORDER_CONSTANT, value=[paper])
    return np.asarray(seen, np.uint8)


def stroke(gray: Gray, rng: Rng) -> Gray:
    """Make the strokes thicker or thinner by about a pixel."""
    kernel = cv2.getStructuringElement(
        (cv2.MORPH_ELLIPSE, cv2.MORPH_CROSS)[int(rng.integers(2))], (3, 3)
    )
    change = cv2.erode if chance(rng, 0.6) else cv2.dilate
    return np.asarray(change(gray, kernel), np.uint8)


def binarize(gray: Gray, rng: Rng) -> Gray:
    """Make it black and white as a scanner's software does, specks and breaks included."""
    values = cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.5, 1.6)))
    if chance(rng, 0.5):
        noise = rng.normal(0, float(rng.uniform(0, 10)), gray.shape)
        values = np.clip(values + noise, 0, 255).astype(np.uint8)
    if chance(rng, 0.3):
        level, found = cv2.threshold(values, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        _, found = cv2.threshold(
            values, level + float(rng.uniform(-12, 20)), 255, cv2.THRESH_BINARY
        )
    else:
        window = int(rng.uniform(0.25, 0.9) * gray.shape[0]) | 1
        spread = float(values.std())
        found = cv2.adaptiveThreshold(
            values,
            255,
            cv2.ADAPTIVE_THRESH_MEAN_C,
            cv2.THRESH_BINARY,
            max(5, window),
            float(rng.uniform(0.15, 0.75)) * spread,
        )
    if chance(rng, 0.5):
        found = cv2.medianBlur(found, 3)
    return np.asarray(found, np.uint8)


def soften(gray: Gray, rng: Rng) -> Gray:
    """Turn black and white into gray ink on gray paper, as if photographed."""
    values = cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.6, 1.8))).astype(np.float32)
    paper = float(rng.uniform(120, 240))
    ink = paper * float(rng.uniform(0.15, 0.8))
    return (ink + (paper - ink) * values / 255).astype(np.uint8)


def tone(gray: Gray, rng: Rng) -> Gray:
    """Change contrast, brightness and gamma, let the light fall off, add blur and grain."""
    values: NDArray[np.floating] = gray.astype(np.float32) / 255
    values = values ** math.exp(float(rng.normal(0, 0.3)))
    if chance(rng, 0.3):
        slope = rng.normal(0, 0.12, 2)
        height, width = gray.shape
        across = np.linspace(-0.5, 0.5, width)[None] * slope[0]
        values = values * (1 + across + np.linspace(-0.5, 0.5, height)[:, None] * slope[1])
    if chance(rng, 0.35):
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), float(rng.uniform(0.4, 1.6))))
    if chance(rng, 0.5):
        values = values + rng.normal(0, float(rng.uniform(0, 0.05)), gray.shape)
    gain = math.exp(float(rng.normal(0, 0.2)))
    return np.clip(255 * values * gain, 0, 255).astype(np.uint8)


def fade(gray: Gray, rng: Rng) -> Gray:
    """Let the ink run out in places: towards the paper by up to four fifths, smoothly."""
    height, width = gray.shape
    coarse = rng.uniform(0.2, 1.6, (3, 5)).clip(0, 1).astype(np.float32)
    kept = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0.1, 1)
    paper = np.float32(np.percentile(gray, 85))
    return np.asarray(np.clip(paper + (gray - paper) * kept, 0, 255), np.uint8)


def intrude(gray: Gray, other: Gray, rng: Rng) -> Gray:
    """Let strokes of a neighbouring cell reach in at one edge, most often from the row above."""
    height, width = gray.shape
    strip = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    side = int(rng.choice(4, p=(0.45, 0.25, 0.1, 0.2)))
    reach = int((height if side < 2 else width) * float(rng.uniform(0.04, (0.2, 0.1)[side // 2])))
    if reach < 2:
        return gray
    seen = gray.copy()
    upper, lower = height * 3 // 4, height // 4
    if side == 0:
        seen[:reach] = np.minimum(seen[:reach], strip[upper - reach : upper])
    elif side == 1:
        seen[-reach:] = np.minimum(seen[-reach:], strip[lower : lower + reach])
    elif side == 2:
        right = int(width * 0.8)
        seen[:, :reach] = np.minimum(seen[:, :reach], strip[:, right - reach : right])
    else:
        left = int(width * 0.2)
        seen[:, -reach:] = np.minimum(seen[:, -reach:], strip[:, left : left + reach])
    return seen


def rules(gray: Gray, rng: Rng) -> Gray:
    """Draw the rules of a cell near the edges: solid or dotted, thin or thick, some left out."""
    seen = gray.copy()
    height, width = gray.shape
    black = int(np.percentile(gray, 2))
    for side in range(4):
        if chance(rng, 0.5):
            continue
        along = side < 2
        length = width if along else height
        edge = int((height if along else width) * float(rng.uniform(0, 0.12)))
        thick = int(rng.integers(1, 4))
        on = np.ones(length, bool)
        if chance(rng, 0.5):
            period = int(rng.integers(4, 9))
            on = (np.arange(length) % period) < period * float(rng.uniform(0.4, 0.8))
        first = edge if side % 2 == 0 else -edge - thick
        where = slice(first, first + thick if first + thick else None)
        if along:
            seen[where, on] = np.minimum(seen[where, on], black)
        else:
            seen[on, where] = np.minimum(seen[on, where], black)
    return seen


def jpeg(gray: Gray, rng: Rng) -> Gray:
    """Compress and decode it."""
    quality = int(rng.integers(25, 80))
    _, data = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
