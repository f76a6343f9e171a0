"""A scan as the image of a PDF: a JPEG as it is, any other without a loss."""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

import cv2
import numpy as np
from pikepdf import Dictionary, Name, Object, Pdf, Stream
from PIL import Image

from pipeline.decode import ImageLimits, decoded, open_image, orientation

Matrix = tuple[float, float, float, float, float, float]

_USUAL_DPI = 300.0
_LEAST_DPI, _MOST_DPI = 50.0, 1200.0

# From the unit square of the stored image to that of the upright one, by EXIF orientation.
_TURNS: dict[int, Matrix] = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """An image object; `matrix` turns it upright within the unit square, y upwards."""

    image: Object
    matrix: Matrix
    dpi: float


def add_picture(pdf: Pdf, data: bytes) -> Picture:
    """Add a scan. Raises `BadInput` where it is no image or damaged."""
    image = open_image(io.BytesIO(data), ImageLimits())
    dpi = _dpi(image)
    if image.format == "JPEG" and image.mode in ("L", "RGB"):
        turn = _TURNS[orientation(image)]
        head = _head(image.width, image.height, image.mode == "L")
        head["/Filter"] = Name.DCTDecode
        return Picture(pdf.make_indirect(Stream(pdf, data, head)), turn, dpi)
    found = decoded(image)
    gray = found.ndim == 2
    height, width = found.shape[:2]
    head = _head(width, height, gray)
    colours = 1 if gray else 3
    if gray and not np.any((found != 0) & (found != 255)):
        head["/BitsPerComponent"] = 1
        body = zlib.compress(np.packbits(found > 127, axis=1).tobytes(), 6)
    else:
        body = _rows_of_png(found)
        head["/DecodeParms"] = Dictionary(
            Predictor=15, Colors=colours, BitsPerComponent=8, Columns=width
        )
    head["/Filter"] = Name.FlateDecode
    return Picture(pdf.make_indirect(Stream(pdf, body, head)), _TURNS[1], dpi)


def _head(width: int, height: int, gray: bool) -> dict[str, object]:
    return {
        "/Type": Name.XObject,
        "/Subtype": Name.Image,
        "/Width": width,
        "/Height": height,
        "/BitsPerComponent": 8,
        "/ColorSpace": Name.DeviceGray if gray else Name.DeviceRGB,
        "/Interpolate": False,
    }


def _rows_of_png(pixels: np.ndarray) -> bytes:
    """Return the compressed, filtered rows of a PNG, which PDF takes as they are."""
    seen = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    file = cv2.imencode(".png", seen, [cv2.IMWRITE_PNG_COMPRESSION, 4])[1].tobytes()
    parts, at = [], 8
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        if file[at + 4 : at + 8] == b"IDAT":
            parts.append(file[at + 8 : at + 8 + length])
        at += length + 12
    return b"".join(parts)


def _dpi(image: Image.Image) -> float:
    """Return the resolution that a file says, where it is one of a scan; else the usual one."""
    try:
        across, down = (float(number) for number in image.info.get("dpi", (0, 0)))
    except (TypeError, ValueError, ZeroDivisionError):
        return _USUAL_DPI
    if across == down and _LEAST_DPI <= across <= _MOST_DPI and across not in (72, 96):
        return across
    return _USUAL_DPI
