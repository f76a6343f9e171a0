"""What happens to a line of prose between the pen and the recognizer: random, label-safe.

Beside `augment`, which is for single cells: a line is long, so it may turn less, and curves.
Images are h x w uint8, dark on light.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.preprocess import Gray
from pipeline.training.augment import Rng, binarize, chance, jpeg, stroke


def bend(gray: Gray, rng: Rng, strength: float = 1.0) -> Gray:
    """Slant, stretch, turn, curve and knead at once; `strength` 1 is a free hand's."""
    height, width = gray.shape
    step = max(8, height // 4)
    bent_x = _field(rng, height, width, step, 0.022 * strength * height)
    bent_y = _field(rng, height, width, step, 0.014 * strength * height)
    x = np.arange(width, dtype=np.float32)[None]
    y = np.arange(height, dtype=np.float32)[:, None] - height / 2
    slant = float(rng.normal(0, 0.16 * strength))
    tall = float(np.exp(rng.normal(0, 0.06 * strength)))
    knots = max(3, width // (4 * height) + 2)
    course = rng.normal(0, 0.035 * strength * height, (1, knots)).astype(np.float32)
    curve = cv2.resize(course, (width, 1), interpolation=cv2.INTER_CUBIC)
    return np.asarray(
        cv2.remap(
            gray,
            x + slant * y + bent_x,
            y * tall + height / 2 + curve + bent_y,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _field(rng: Rng, height: int, width: int, step: int, size: float) -> NDArray[np.float32]:
    """Return a smooth random field (h x w) with knots every `step` pixels."""
    shape = (height // step + 2, width // step + 2)
    knots = rng.normal(0, size, shape).astype(np.float32)
    return np.asarray(cv2.resize(knots, (width, height), interpolation=cv2.INTER_LINEAR))


def frame(gray: Gray, rng: Rng, neighbours: Sequence[Gray] = ()) -> Gray:
    """Put a tight line (ink 0 on 255) on a strip of page: margins, rows above and below, rules."""
    height = gray.shape[0]
    top, bottom = (int(height * float(rng.uniform(0.02, 0.28))) for _ in range(2))
    left, right = (int(height * float(rng.uniform(0.02, 0.5))) for _ in range(2))
    strip: Gray = np.pad(gray, ((top, bottom), (left, right)), constant_values=255)
    if neighbours and chance(rng, 0.3):
        _intrude(strip, neighbours[int(rng.integers(len(neighbours)))], rng, (top, bottom))
    if chance(rng, 0.22):
        _rule(strip, rng)
    return strip


def _intrude(strip: Gray, other: Gray, rng: Rng, margins: tuple[int, int]) -> None:
    """Let the strokes of a neighbouring row reach in, not further than just past the margin."""
    width = strip.shape[1]
    start = int(rng.integers(0, max(1, other.shape[1] - width)))
    piece = other[:, start : start + width]
    above = chance(rng, 0.5)
    reach = min(int(margins[0 if above else 1] * float(rng.uniform(0.5, 1.3))), piece.shape[0] - 1)
    if reach < 1:
        return
    wide = piece.shape[1]
    if above:
        np.minimum(strip[:reach, :wide], piece[-reach:], out=strip[:reach, :wide])
    else:
        np.minimum(strip[-reach:, :wide], piece[:reach], out=strip[-reach:, :wide])


def _rule(strip: Gray, rng: Rng) -> None:
    """Cut a rule in: along the foot or the head, dotted or not, or across at an end."""
    height, width = strip.shape
    thick, dark = int(rng.integers(1, 4)), int(rng.integers(0, 150))
    if chance(rng, 0.7):
        place = float(rng.choice([rng.uniform(0.72, 0.98), rng.uniform(0, 0.06)]))
        y = min(int(place * height), height - thick)
        on = np.ones(width, bool)
        if chance(rng, 0.35):
            period = int(rng.integers(4, 14))
            on = (np.arange(width) % period) < max(2, period // 3)
        strip[y : y + thick, on] = np.minimum(strip[y : y + thick, on], dark)
        return
    x = int(rng.integers(0, max(1, height // 6)))
    x = x if chance(rng, 0.5) else width - x - thick
    strip[:, x : x + thick] = np.minimum(strip[:, x : x + thick], dark)


def age(strip: Gray, rng: Rng, neighbours: Sequence[Gray] = ()) -> Gray:
    """Turn ink on white into a photographed old page: show-through, stains, a fold, grain."""
    height, width = strip.shape
    ink = (255 - strip).astype(np.float32) / 255
    if chance(rng, 0.35):  # a pen's ink runs light and dark
        ink *= 1 - np.abs(_field(rng, height, width, max(6, height // 3), 0.25)).clip(0, 0.7)
    dark = float(rng.uniform(0.3, 1.0))
    shade = np.full((height, width), float(rng.uniform(0.55, 1.0)), np.float32)
    if chance(rng, 0.5):
        shade += _field(rng, height, width, 2 * height, 0.06)
    if chance(rng, 0.12):
        shade -= np.abs(_field(rng, height, width, max(8, height // 2), 0.12))  # stains
    if chance(rng, 0.06):
        middle, wide = rng.uniform(0, width), rng.uniform(0.1, 0.6) * height
        fold = np.exp(-(((np.arange(width) - middle) / wide) ** 2)) * rng.uniform(0.1, 0.45)
        shade -= fold.astype(np.float32)[None]
    if neighbours and chance(rng, 0.2):
        _show_through(shade, neighbours[int(rng.integers(len(neighbours)))], rng)
    seen = shade * (1 - dark * ink)
    if chance(rng, 0.5):
        grain = rng.standard_normal((height, width), np.float32)
        seen += np.float32(rng.uniform(0.01, 0.07)) * grain
    return np.asarray(np.clip(255 * seen, 0, 255), np.uint8)


def _show_through(shade: NDArray[np.float32], other: Gray, rng: Rng) -> None:
    """Darken the paper by what is written on its other side."""
    height, width = shade.shape
    back = cv2.GaussianBlur(other[:, ::-1], (0, 0), 1.5)
    back = cv2.resize(back, (width, height), interpolation=cv2.INTER_LINEAR)
    shift = int(rng.integers(-height // 2, height // 2))
    back = np.roll(back, shift, axis=0).astype(np.float32)
    shade -= (255 - back) / 255 * np.float32(rng.uniform(0.05, 0.3))


def handle(gray: Gray, rng: Rng) -> Gray:
    """Scan a strip: strokes grown or thinned, blurred, coarsened, compressed, black and white."""
    if chance(rng, 0.15):
        gray = stroke(gray, rng)
    if chance(rng, 0.12):
        factor = float(rng.uniform(0.4, 0.8))
        gray = np.asarray(cv2.resize(gray, None, fx=factor, fy=factor), np.uint8)
    if chance(rng, 0.3):
        gray = np.asarray(cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.4, 1.5))), np.uint8)
    if chance(rng, 0.1):
        gray = jpeg(gray, rng)
    if chance(rng, 0.07):
        gray = binarize(gray, rng)
    return gray


def recut(gray: Gray, rng: Rng, most: float = 0.14) -> Gray:
    """Cut a real line a little tighter or wider, as a detector may: up to `most` of its height."""
    height = gray.shape[0]
    cuts = [int(c) for c in rng.uniform(-most, 0.5 * most, 4) * height]
    grow = [max(0, -cut) for cut in cuts]
    gray = np.asarray(
        cv2.copyMakeBorder(gray, grow[0], grow[1], grow[2], grow[3], cv2.BORDER_REPLICATE), np.uint8
    )
    top, bottom = max(0, cuts[0]), max(0, cuts[1])
    side = [min(max(0, cut), height // 12) for cut in cuts[2:]]
    return gray[top : gray.shape[0] - bottom, side[0] : gray.shape[1] - side[1]]


def relight(gray: Gray, rng: Rng) -> Gray:
    """Change a real line's gamma, contrast and light."""
    if chance(rng, 0.5):
        curve = (np.arange(256) / 255) ** float(np.exp(rng.normal(0, 0.35))) * 255
        gray = curve.astype(np.uint8)[gray]
    if chance(rng, 0.25):
        height, width = gray.shape
        light = 1 + _field(rng, height, width, 2 * height, 0.12)
        gray = np.clip(gray * light, 0, 255).astype(np.uint8)
    if chance(rng, 0.3):
        noise = np.float32(rng.uniform(2, 12)) * rng.standard_normal(gray.shape, np.float32)
        gray = np.clip(gray + noise, 0, 255).astype(np.uint8)
    return gray
