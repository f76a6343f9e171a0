"""From a stored scan to the picture that is wanted, as little decoded as need be.

A JPEG is decoded at a half, quarter or eighth where that is enough. What was decoded and what was
sent last are kept, up to some bytes: the tiles of a page that somebody looks at.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from PIL import Image

from pipeline.decode import ImageLimits, open_image, pixels
from storage.objects import ObjectStore
from web.iiif.parameters import FORMATS, Wanted

_KEPT_DECODED = 128 * 1024**2
_KEPT_SENT = 32 * 1024**2
_AT_ONCE = 1
"""Scans that a process decodes at once: each may take some hundred megabytes, and the core on which
pages are made."""

_REDUCTIONS = (8, 4, 2)

Kept = TypeVar("Kept")


class _Cache(Generic[Kept]):
    """What was made last, up to so many bytes; what is asked for twice at once is made once."""

    def __init__(self, most: int, size: Callable[[Kept], int]) -> None:
        self._most = most
        self._size = size
        self._kept: OrderedDict[object, Kept] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._making: dict[object, threading.Lock] = {}

    def get(self, key: object, make: Callable[[], Kept]) -> Kept:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                made = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            self._keep(key, made)
            return made

    def _keep(self, key: object, made: Kept) -> None:
        size = self._size(made)
        if size > self._most:
            return
        with self._lock:
            if key not in self._kept:
                self._kept[key] = made
                self._bytes += size
            while self._bytes > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= self._size(oldest)


class Pictures:
    """Makes pictures of the scans of one store."""

    def __init__(self, store: ObjectStore, max_pixels: int) -> None:
        self._store = store
        self._limits = ImageLimits(max_pixels)
        self._decoded: _Cache[Image.Image] = _Cache(
            _KEPT_DECODED, lambda image: image.width * image.height * len(image.getbands())
        )
        self._sent: _Cache[bytes] = _Cache(_KEPT_SENT, len)
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    def picture(self, sha256: str, size: tuple[int, int], wanted: Wanted) -> bytes:
        """Return a picture of the scan of that digest, `size` (width, height) being its own."""
        return self._sent.get((sha256, wanted), lambda: self._make(sha256, size, wanted))

    def _make(self, sha256: str, size: tuple[int, int], wanted: Wanted) -> bytes:
        x, y, w, h = wanted.region
        enough = min(w / wanted.width, h / wanted.height)
        reduction = next((each for each in _REDUCTIONS if each <= enough), 1)
        with self._turns:
            scan = self._decoded.get((sha256, reduction), lambda: self._decode(sha256, reduction))
        across, down = scan.width / size[0], scan.height / size[1]
        box = (
            x * across,
            y * down,
            min((x + w) * across, scan.width),
            min((y + h) * down, scan.height),
        )
        shown = scan.resize(
            (wanted.width, wanted.height), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0
        )
        return _encode(_finish(shown, wanted), wanted.format)

    def _decode(self, sha256: str, reduction: int) -> Image.Image:
        image = open_image(io.BytesIO(self._store.get(sha256)), self._limits)
        if reduction > 1 and image.format == "JPEG":
            image.draft(None, (image.width // reduction, image.height // reduction))
        return Image.fromarray(np.ascontiguousarray(pixels(image)))


def _finish(image: Image.Image, wanted: Wanted) -> Image.Image:
    """Mirror, turn and colour a picture."""
    if wanted.mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    right_angles = {
        90: Image.Transpose.ROTATE_270,
        180: Image.Transpose.ROTATE_180,
        270: Image.Transpose.ROTATE_90,
    }
    if wanted.rotation in right_angles:
        image = image.transpose(right_angles[int(wanted.rotation)])
    elif wanted.rotation:
        image = image.rotate(
            -wanted.rotation, Image.Resampling.BICUBIC, expand=True, fillcolor="white"
        )
    if wanted.quality == "color":
        return image.convert("RGB")
    if wanted.quality == "gray":
        return image.convert("L")
    if wanted.quality == "bitonal":
        return image.convert("L").point([0] * 128 + [255] * 128).convert("1")
    return image


def _encode(image: Image.Image, form: str) -> bytes:
    out = io.BytesIO()
    if form == "jpg":
        # A bilevel picture has no JPEG of its own.
        image = image.convert("L") if image.mode == "1" else image
        image.save(out, "JPEG", quality=85, optimize=False)
    elif form == "png":
        image.save(out, "PNG", compress_level=3)
    else:
        image = image.convert("L") if image.mode == "1" else image
        image.save(out, "WEBP", quality=80, method=2)
    assert form in FORMATS
    return out.getvalue()
