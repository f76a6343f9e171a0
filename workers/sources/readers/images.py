"""Files of one image: stored as they are, once every pixel of them has been decoded."""

from __future__ import annotations

import io
import zlib

import numpy as np
from PIL import Image

from pipeline.decode import (
    ImageLimits,
    check_size,
    damaged,
    decoded,
    open_image,
    orientation,
    pixels,
)
from pipeline.errors import BadInput
from workers.sources.kinds import Kind
from workers.sources.model import Limits, PageImage
from workers.sources.readers.step import Blob

_PADDING = 16  # zeros at the end of a JPEG that are no accident


def read_image(
    blob: Blob, name: str, page: str, kind: Kind, media_type: str, limits: Limits
) -> PageImage:
    """Return the page of a JPEG, PNG, WebP or JPEG 2000 file. Raises `BadInput`."""
    data = blob.data()
    try:
        check_whole(data, kind)
        width, height = decoded_size(data, limits.image)
    except BadInput as error:
        raise BadInput(name, error.reason, error.remedy) from error
    return PageImage(page, data, media_type, width, height)


def decoded_size(data: bytes, limits: ImageLimits) -> tuple[int, int]:
    """Decode an image file as the worker will, and return its upright width and height."""
    _check_webp(data, limits)
    image = open_image(io.BytesIO(data), limits)
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise BadInput("image", "it is an animation", "save the frame that you mean as PNG")
    height, width = decoded(image).shape[:2]
    return width, height


def as_png(image: Image.Image) -> tuple[bytes, int, int]:
    """Return an opened image, decoded and upright, as PNG without loss, with width and height.

    1-bit and 16-bit gray stay what they are; what PNG cannot hold becomes RGB.
    """
    try:
        image.load()
        if image.mode in ("1", "L", "RGB") and orientation(image) == 1:
            plain = image
        elif image.mode.startswith("I;16") and orientation(image) == 1:
            plain = Image.fromarray(np.asarray(image).astype(np.uint16))
        else:
            plain = Image.fromarray(pixels(image))
    except MemoryError:
        raise
    except Exception as error:  # as above
        raise damaged(error) from error
    file = io.BytesIO()
    # Level 3 is half as long as the default for a tenth more bytes; two colours cost no time.
    level = 9 if plain.mode == "1" else 3
    plain.save(file, "PNG", compress_level=level, icc_profile=None)
    return file.getvalue(), plain.width, plain.height


def check_whole(data: bytes, kind: Kind) -> None:
    """Raise `BadInput` where an image file plainly lacks its end or was changed on the way."""
    size = len(data)
    if kind == "jpeg":
        if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
            written = len(data.rstrip(b"\0"))
            if size - written >= _PADDING:
                raise BadInput(
                    "image",
                    f"from byte {written:,} on the file is zeros",
                    "copy or scan it again",
                )
            raise ends_early(size)
    elif kind == "png":
        _check_png(data)
    elif kind == "webp":
        if int.from_bytes(data[4:8], "little") + 8 > size:
            raise ends_early(size)
    elif kind == "jp2" and not data.startswith(b"\xff\x4f"):
        _check_jp2(data)


def ends_early(size: int) -> BadInput:
    """Return the error for a file that is cut off after `size` bytes."""
    return BadInput("image", f"the file ends early, at byte {size:,}", "copy or scan it again")


def _check_png(data: bytes) -> None:
    """Check the chunks that a picture needs, checksums included."""
    position, kind = 8, b""
    while kind != b"IEND":
        length = int.from_bytes(data[position : position + 4], "big")
        end = position + 12 + length
        if end > len(data):
            raise ends_early(len(data))
        kind = data[position + 4 : position + 8]
        if kind[:1].isupper() and zlib.crc32(data[position + 4 : end - 4]) != int.from_bytes(
            data[end - 4 : end], "big"
        ):
            raise BadInput(
                "image",
                f"its data was changed near byte {position:,} (the checksum differs)",
                "copy or scan it again",
            )
        position = end


def _check_jp2(data: bytes) -> None:
    position = 0
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if length == 1:
            length = int.from_bytes(data[position + 8 : position + 16], "big")
        if length == 0:  # the box reaches to the end of the file
            return
        if length < 8 or position + length > len(data):
            raise ends_early(len(data))
        position += length


def _check_webp(data: bytes, limits: ImageLimits) -> None:
    """Check the canvas of a WebP: its decoder claims the memory when it is opened."""
    if data[:4] != b"RIFF" or data[12:16] != b"VP8X":
        return  # without that header no side is over 16,383 pixels
    width = int.from_bytes(data[24:27], "little") + 1
    height = int.from_bytes(data[27:30], "little") + 1
    check_size(width, height, limits)
