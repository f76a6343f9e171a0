"""What a IIIF image request asks for (Image API 3.0, sections 4.1 to 4.5)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from web.problems import Problem

MAX_SIDE = 10_000
MAX_AREA = 30_000_000
"""Pixels of a picture that is sent, at most."""

Quality = Literal["default", "color", "gray", "bitonal"]
QUALITIES: tuple[Quality, ...] = ("default", "color", "gray", "bitonal")

FORMATS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_KNOWN_FORMATS = ("tif", "gif", "jp2", "pdf")

_WHOLE = r"\d{1,9}"
_PART = r"\d{1,9}(?:\.\d{1,12})?|\.\d{1,12}"
_REGION = re.compile(rf"({_WHOLE}),({_WHOLE}),({_WHOLE}),({_WHOLE})")
_REGION_PERCENT = re.compile(rf"pct:({_PART}),({_PART}),({_PART}),({_PART})")
_SIZE = re.compile(rf"(\^?)(?:(max)|pct:({_PART})|(!?)({_WHOLE})?,({_WHOLE})?)")
_ROTATION = re.compile(rf"(!?)({_PART})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A part of an image in its pixels, x, y, w and h, and how it is to be shown.

    First it is made `width` x `height`, then mirrored, then turned clockwise by `rotation` degrees.
    """

    region: tuple[int, int, int, int]
    width: int
    height: int
    mirrored: bool
    rotation: float
    quality: Quality
    format: str

    def canonical(self, image: tuple[int, int]) -> str:
        """Return the one way to ask for this of an image of such a size (section 4.7)."""
        x, y, w, h = self.region
        region = "full" if self.region == (0, 0, *image) else f"{x},{y},{w},{h}"
        if (self.width, self.height) == _largest(w, h):
            size = "max"
        else:
            larger = "^" if self.width > w or self.height > h else ""
            size = f"{larger}{self.width},{self.height}"
        turned = f"{'!' if self.mirrored else ''}{self.rotation:g}"
        return f"{region}/{size}/{turned}/{self.quality}.{self.format}"


def parse(
    image: tuple[int, int], region: str, size: str, rotation: str, quality: str, form: str
) -> Wanted:
    """Return what is wanted of an image of `image` (width, height) pixels.

    Raises `Problem`: 400 for what no server could give, 501 for what this one does not.
    """
    if form not in FORMATS:
        if form in _KNOWN_FORMATS:
            raise Problem(501, f"{form}: not given here; ask for {', '.join(FORMATS)}")
        raise _wrong("format", form, ", ".join(FORMATS))
    if quality not in QUALITIES:
        raise _wrong("quality", quality, ", ".join(QUALITIES))
    place = _region(image, region)
    width, height = _size(place[2], place[3], size)
    turned = _ROTATION.fullmatch(rotation)
    if turned is None or float(turned[2]) > 360:
        raise _wrong("rotation", rotation, "0 to 360, with ! before it to mirror first")
    return Wanted(
        place,
        width,
        height,
        bool(turned[1]),
        float(turned[2]) % 360,
        quality,
        form,
    )


def _region(image: tuple[int, int], region: str) -> tuple[int, int, int, int]:
    width, height = image
    if region == "full":
        return (0, 0, width, height)
    if region == "square":
        side = min(image)
        return ((width - side) // 2, (height - side) // 2, side, side)
    if found := _REGION.fullmatch(region):
        x, y, w, h = map(int, found.groups())
    elif found := _REGION_PERCENT.fullmatch(region):
        shares = [float(part) / 100 for part in found.groups()]
        x, y = round(shares[0] * width), round(shares[1] * height)
        w, h = round(shares[2] * width), round(shares[3] * height)
    else:
        raise _wrong("region", region, "full, square, x,y,w,h or pct:x,y,w,h")
    if w < 1 or h < 1 or x >= width or y >= height:
        raise Problem(400, f"region {region}: nothing of an image of {width} x {height}")
    return (x, y, min(w, width - x), min(h, height - y))


def _size(w: int, h: int, size: str) -> tuple[int, int]:
    """Return the size of a region of w x h as it is to be sent."""
    found = _SIZE.fullmatch(size)
    if found is None:
        raise _wrong("size", size, "max, w,  ,h  pct:n  w,h or !w,h, with ^ before it to enlarge")
    larger, most, percent, within, width, height = found.groups()
    if most:
        sized = _largest(w, h, enlarge=bool(larger))
    elif percent:
        share = float(percent) / 100
        if share > 1 and not larger:
            raise _upscaled(size)
        sized = (_least(w * share), _least(h * share)) if share else (0, 0)
    elif within:
        if width is None or height is None:
            raise _wrong("size", size, "!w,h")
        scale = min(int(width) / w, int(height) / h)
        scale = scale if larger else min(scale, 1.0)
        sized = (_least(w * scale), _least(h * scale)) if scale else (0, 0)
    elif width is not None and height is not None:
        sized = (int(width), int(height))
    elif width is not None:
        sized = (int(width), _least(h * int(width) / w))
    elif height is not None:
        sized = (_least(w * int(height) / h), int(height))
    else:
        raise _wrong("size", size, "at least one of width and height")
    if sized[0] < 1 or sized[1] < 1:
        raise Problem(400, f"size {size}: that would be nothing")
    if not larger and (sized[0] > w or sized[1] > h):
        raise _upscaled(size)
    if max(sized) > MAX_SIDE or sized[0] * sized[1] > MAX_AREA:
        raise Problem(
            400, f"size {size}: more than {MAX_SIDE} pixels a side or {MAX_AREA:,} in all"
        )
    return sized


def _largest(w: int, h: int, *, enlarge: bool = False) -> tuple[int, int]:
    """Return the largest size that may be sent of a region of w x h."""
    scale = min(MAX_SIDE / max(w, h), math.sqrt(MAX_AREA / (w * h)))
    if scale >= 1 and not enlarge:
        return (w, h)
    return (max(1, int(w * scale)), max(1, int(h * scale)))


def _least(number: float) -> int:
    return max(1, round(number))


def _upscaled(size: str) -> Problem:
    return Problem(400, f"size {size}: larger than the region; write ^ before it to enlarge")


def _wrong(what: str, value: str, known: str) -> Problem:
    return Problem(400, f"{what} {value[:60]!r}: no such {what}; write {known}")
