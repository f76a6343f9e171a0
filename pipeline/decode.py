"""Image bytes in, page pixels out.

Pillow reads every format here, so that a page looks the same wherever it is decoded. The header
is checked against the limits before any pixel is.
"""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from pipeline.errors import BadInput

FORMATS = ("JPEG", "PNG", "WEBP", "JPEG2000", "TIFF")
"""Pillow's names of the formats that are read."""

MAX_SIDE = 32_766
"""Pixels of one side at most: OpenCV addresses the pixels of a warp with 16-bit numbers."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

ImageFile.LOAD_TRUNCATED_IMAGES = False
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """How large an image may be, as width times height."""

    max_pixels: int = 200_000_000


def decode_image(data: bytes, limits: ImageLimits) -> NDArray[np.uint8]:
    """Return the pixels of an image file, upright as its EXIF orientation says.

    H x W for a gray or 1-bit image, H x W x 3 (RGB) for any other. Samples of more than 8 bits
    keep the 8 highest bits that the image uses, CMYK becomes RGB, what is transparent is white.
    The array may be read-only. Raises `BadInput` where the bytes are no readable image or the
    image is larger than `limits`.
    """
    return decoded(open_image(io.BytesIO(data), limits))


def decoded(image: Image.Image) -> NDArray[np.uint8]:
    """Decode an opened image. Raises `BadInput` where its data are damaged."""
    try:
        return pixels(image)
    except MemoryError:
        raise
    except Exception as error:  # a decoder may raise anything on damaged bytes
        raise damaged(error) from error


def open_image(file: BinaryIO, limits: ImageLimits) -> Image.Image:
    """Read the header of an image file and check it. Raises `BadInput`; decodes no pixel."""
    # Pillow's own limit is one for the whole process and warns before it refuses.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = re.search(r"\d+", str(error))
        found = f"it has {int(count[0]):,} pixels" if count else "it is too large"
        raise too_large(limits, found) from error
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise damaged(error) from error
    check_size(image.width, image.height, limits)
    return image


def check_size(width: int, height: int, limits: ImageLimits) -> None:
    """Raise `BadInput` where an image of this many pixels is over the limits."""
    if width < 1 or height < 1:
        raise BadInput("image", f"it is {width} x {height} pixels", "scan the page again")
    if width * height > limits.max_pixels:
        raise too_large(limits, f"it is {width:,} x {height:,} pixels")
    if max(width, height) > MAX_SIDE:
        raise BadInput(
            "image",
            f"it is {width:,} x {height:,} pixels, and a side may have {MAX_SIDE:,}",
            "scale it down or cut it into pages",
        )


def too_large(limits: ImageLimits, found: str) -> BadInput:
    """Return the error for an image over the limit of pixels."""
    return BadInput(
        "image",
        f"{found}, more than the limit of {limits.max_pixels:,} pixels",
        "scale it down, or raise LEDGERMILL_MAX_PIXELS",
    )


def damaged(error: Exception) -> BadInput:
    """Return the error for image bytes that a decoder would not take."""
    text = str(error)
    if isinstance(error, BadInput):
        return error
    if "truncated" in text.lower():
        return BadInput("image", "the file ends early", "copy or scan it again")
    return BadInput("image", "its image data is damaged", "copy or scan it again")


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 where there is none or it cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # a page with spoilt EXIF is still a page
        return 1
    return value if value in _UPRIGHT else 1


def upright(image: Image.Image, turn: int) -> Image.Image:
    """Return the image as it should be seen, where `turn` is its EXIF orientation."""
    return image.transpose(_UPRIGHT[turn]) if turn in _UPRIGHT else image


def pixels(image: Image.Image) -> NDArray[np.uint8]:
    """Decode an opened image; shapes as for `decode_image`. Raises what Pillow raises."""
    image.load()  # first: a TIFF turns itself upright here, and then no longer says how it lay
    turn = orientation(image)
    mode = image.mode
    if mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in image.info:
        image = _on_white(image)
    if image.mode.startswith(("I", "F")):
        return np.ascontiguousarray(_turned(_eight_bits(np.asarray(image)), turn))
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode == "P":
        image = image.convert("L" if _gray_palette(image) else "RGB")
    elif image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    return np.asarray(upright(image, turn))


def _on_white(image: Image.Image) -> Image.Image:
    gray = image.mode in ("L", "LA", "La", "1", "I;16", "I;16B", "I")
    layers = image.convert("RGBA")
    white = Image.new("RGBA", layers.size, "white")
    return Image.alpha_composite(white, layers).convert("L" if gray else "RGB")


def _gray_palette(image: Image.Image) -> bool:
    colours = np.reshape(image.getpalette("RGB") or [], (-1, 3))
    return bool((colours == colours[:, :1]).all())


def _eight_bits(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the 8 highest bits in use: scanners put 10 or 12 bits into 16 without scaling."""
    if samples.dtype.kind == "f":
        if not np.isfinite(samples).all():
            raise ValueError("a sample is not a finite number")
        top = max(float(samples.max()), 1.0)
        return (samples.clip(0, top) * (255 / top)).astype(np.uint8)
    samples = samples.clip(0, None)
    shift = max(0, int(samples.max()).bit_length() - 8)
    return (samples >> shift).astype(np.uint8)


def _turned(array: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    if turn not in _UPRIGHT:
        return array
    return np.asarray(upright(Image.fromarray(array), turn))
