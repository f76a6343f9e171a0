"""PDF: a page that is one scan gives that scan, any other page is rendered.

Where a page shows a single image from edge to edge, the image is the page: its JPEG stream as it
is, or its pixels without loss. Whether it truly looks like the page is checked against a small
rendering. Other pages are rendered at the resolution of their scans, or at 300 dots an inch, by
poppler (pdf2image), or by PDFium where poppler is missing.
"""

from __future__ import annotations

import ctypes
import io
import math
import mmap
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray
from PIL import Image

from pipeline.decode import MAX_SIDE, check_size, upright
from pipeline.errors import BadInput
from workers.sources.model import Limits, PageImage
from workers.sources.readers.images import as_png, check_whole, decoded_size
from workers.sources.readers.jpeg import components, with_orientation
from workers.sources.readers.step import At, Blob, Position, Step, refusal, steps

PLAIN_DPI, LEAST_DPI, MOST_DPI = 300.0, 72.0, 600.0

_TAIL = 2048  # the last bytes, in which a PDF must say that it ends
_FULL = 0.9  # of the page that a scan covers, and of the scan that the page shows
_STRAIGHT = 0.005  # slope of an edge that still counts as along the page
_SQUARE = 1.05  # of the sides of a pixel as the page shows it; those of a fax are oblong
_GRID = 24  # places along each side at which a scan and its page are compared
_UNLIKE = 40.0  # difference, in gray levels of 255, of one place that tells the two apart
_INVISIBLE = 3  # text render mode: the words of a recognizer behind or before the scan

_Matrix = tuple[float, float, float, float, float, float]
_Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Placed:
    """An image of a page: its unit square's corners in the page as seen, in points from the top
    left, and its pixels."""

    image: Any
    across: tuple[float, float]  # from its left to its right edge, y downwards
    down: tuple[float, float]  # from its top to its bottom edge
    box: _Box  # left, top, right, bottom
    width: int
    height: int

    @property
    def dots(self) -> tuple[float, float]:
        """Pixels an inch, across and down."""
        wide, high = math.hypot(*self.across), math.hypot(*self.down)
        return 72 * self.width / max(wide, 1e-3), 72 * self.height / max(high, 1e-3)

    @property
    def area(self) -> float:
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def read_pdf(blob: Blob, name: str, page: str, limits: Limits, after: Position) -> Iterator[Step]:
    """Yield the pages of a PDF. Raises `BadInput` where it cannot be opened."""
    if b"%%EOF" not in blob.tail(_TAIL).rstrip(b"\0 \r\n"):
        raise BadInput(name, f"the file ends early, at byte {blob.size:,}", "copy it again")
    if _has_poppler():
        blob = blob.with_path()
    document = _open(blob, name)
    try:
        count = len(document)
        if count < 1:
            raise BadInput(name, "it has no pages", "save it anew")
        if count > limits.max_pages:
            raise BadInput(
                name,
                f"it has {count:,} pages, more than the limit of {limits.max_pages:,}",
                "split it, or raise LEDGERMILL_MAX_PAGES",
            )
        for number, _ in steps(count, after):
            part = f"page {number + 1}"
            called = page if count == 1 else f"{page}-{number + 1:04}"
            yield At((number,), part)
            try:
                yield _page(document, number, called, blob, limits)
            except Exception as error:
                yield refusal(error, f"{name}!/{part}")
    finally:
        document.close()


def _open(blob: Blob, name: str) -> Any:
    if isinstance(blob.file, io.BytesIO):
        source: Any = blob.file.getvalue()
    else:
        mapped = mmap.mmap(blob.file.fileno(), blob.size, access=mmap.ACCESS_COPY)
        source = (ctypes.c_char * blob.size).from_buffer(mapped)
    try:
        return pdfium.PdfDocument(source)
    except pdfium.PdfiumError as error:
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD:
            raise BadInput(
                name, "the PDF asks for a password", "save it without one and ingest it again"
            ) from error
        if error.err_code == pdfium_c.FPDF_ERR_SECURITY:
            raise BadInput(
                name,
                "the PDF is encrypted in a way that is not read",
                "save it without encryption and ingest it again",
            ) from error
        raise BadInput(name, "the PDF is damaged", "save it anew") from error


def _page(document: Any, number: int, called: str, blob: Blob, limits: Limits) -> PageImage:
    page = document[number]
    try:
        size = page.get_size()
        if not all(math.isfinite(side) and side > 0 for side in size):
            raise BadInput("page", "the page has no size", "save it anew")
        placed, alone = _images(page)
        scan = _single_scan(placed, size) if alone else None
        if scan is not None:
            found = _scan(page, scan, called, limits)
            if found is not None:
                return found
        width, height = _render_size(placed, size, limits)
        image = _render_poppler(blob, number, width, height)
        data, width, height = as_png(_lean(image or _render_pdfium(page, width, height)))
        return PageImage(called, data, "image/png", width, height)
    finally:
        page.close()


# --- what a page shows --------------------------------------------------------------------------


def _images(page: Any) -> tuple[list[_Placed], bool]:
    """Return the images of a page, and whether the last one is the last thing to be seen on it."""
    to_seen = _to_seen(page)
    placed: list[_Placed] = []
    alone = True
    for item in page.get_objects():
        if item.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            alone = not placed
            matrix = _matrix(item)
            container = item.container
            while container is not None:
                matrix = _times(matrix, _matrix(container))
                container = container.container
            placed.append(_place(item, _times(matrix, to_seen)))
        elif _visible(item) and placed:
            alone = False
    return placed, alone


def _to_seen(page: Any) -> _Matrix:
    """Return the matrix from page space (y upwards) to the page as seen (y downwards)."""
    left, bottom, right, top = page.get_bbox()
    return {
        0: (1.0, 0.0, 0.0, -1.0, -left, top),
        90: (0.0, 1.0, 1.0, 0.0, -bottom, -left),
        180: (-1.0, 0.0, 0.0, 1.0, right, -bottom),
        270: (0.0, -1.0, -1.0, 0.0, top, right),
    }[page.get_rotation()]


def _matrix(item: Any) -> _Matrix:
    a, b, c, d, e, f = item.get_matrix().get()
    return (a, b, c, d, e, f)


def _times(first: _Matrix, second: _Matrix) -> _Matrix:
    """Return the matrix that applies `first`, then `second`."""
    a, b, c, d, e, f = first
    g, h, i, j, k, m = second
    return (
        a * g + b * i,
        a * h + b * j,
        c * g + d * i,
        c * h + d * j,
        e * g + f * i + k,
        e * h + f * j + m,
    )


def _place(item: Any, matrix: _Matrix) -> _Placed:
    """Return where the unit square of an image comes to lie; its first row is at y = 1."""
    a, b, c, d, e, f = matrix
    xs = (e, e + a, e + c, e + a + c)
    ys = (f, f + b, f + d, f + b + d)
    width, height = item.get_px_size()
    box = (min(xs), min(ys), max(xs), max(ys))
    return _Placed(item, (a, b), (-c, -d), box, width, height)


def _visible(item: Any) -> bool:
    if item.type == pdfium_c.FPDF_PAGEOBJ_TEXT:
        return bool(pdfium_c.FPDFTextObj_GetTextRenderMode(item) != _INVISIBLE)
    if item.type == pdfium_c.FPDF_PAGEOBJ_PATH:
        fill, stroke = ctypes.c_int(), pdfium_c.FPDF_BOOL()
        pdfium_c.FPDFPath_GetDrawMode(item, fill, stroke)
        return bool(fill.value or stroke.value)
    return bool(item.type == pdfium_c.FPDF_PAGEOBJ_SHADING)


def _single_scan(placed: list[_Placed], size: tuple[float, float]) -> _Placed | None:
    """Return the image that fills a page, where there is just one and it lies straight."""
    if len(placed) != 1 or not placed[0].area:
        return None
    scan = placed[0]
    left, top, right, bottom = scan.box
    wide = min(right, size[0]) - max(left, 0)
    high = min(bottom, size[1]) - max(top, 0)
    shown = max(wide, 0) * max(high, 0)
    if shown < _FULL * size[0] * size[1] or shown < _FULL * scan.area:
        return None
    if max(scan.dots) > _SQUARE * min(scan.dots):
        return None
    return scan if _orientation(scan) else None


def _orientation(scan: _Placed) -> int | None:
    """Return the EXIF orientation that turns an image as the page shows it."""
    (ax, ay), (dx, dy) = scan.across, scan.down
    if max(abs(ay), abs(dx)) <= _STRAIGHT * min(abs(ax), abs(dy)):
        return {(1, 1): 1, (0, 1): 2, (0, 0): 3, (1, 0): 4}[int(ax > 0), int(dy > 0)]
    if max(abs(ax), abs(dy)) <= _STRAIGHT * min(abs(ay), abs(dx)):
        return {(1, 1): 5, (1, 0): 6, (0, 0): 7, (0, 1): 8}[int(ay > 0), int(dx > 0)]
    return None


# --- the scan itself ----------------------------------------------------------------------------


def _scan(page: Any, scan: _Placed, called: str, limits: Limits) -> PageImage | None:
    """Return the page that a scan is, or `None` where the page does not look like it."""
    check_size(scan.width, scan.height, limits.image)
    turn = _orientation(scan) or 1
    stream = _jpeg(scan.image)
    if stream is not None:
        check_whole(stream, "jpeg")
        data = with_orientation(stream, turn)
        width, height = decoded_size(data, limits.image)
        small = Image.open(io.BytesIO(data), formats=["JPEG"])
        small.draft("L", (8 * _GRID, 8 * _GRID))
        if _alike(page, scan, upright(small.convert("L"), turn)):
            return PageImage(called, data, "image/jpeg", width, height)
    picture = upright(_bitmap(scan.image), turn)
    if not _alike(page, scan, picture):
        return None
    data, width, height = as_png(_lean(picture))
    return PageImage(called, data, "image/png", width, height)


def _jpeg(image: Any) -> bytes | None:
    """Return an image's JPEG stream, where it is one of gray or plain colour."""
    filters = [f for f in image.get_filters() if f not in image.SIMPLE_FILTERS]
    if filters != ["DCTDecode"]:
        return None
    data = bytes(image.get_data(decode_simple=True))
    return data if data.startswith(b"\xff\xd8") and components(data) in (1, 3) else None


def _bitmap(image: Any) -> Image.Image:
    picture: Image.Image = image.get_bitmap(render=False).to_pil()
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _alike(page: Any, scan: _Placed, picture: Image.Image) -> bool:
    """Tell whether a page, rendered small, looks like this picture of its scan.

    Inverted colours, a mask, a clip or a wrong turn all show at this size.
    """
    wide, high = page.get_size()
    scale = 8 * _GRID / min(wide, high)
    small = page.render(scale=scale, grayscale=True, draw_annots=False, may_draw_forms=False)
    seen = small.to_pil().convert("L")
    small.close()
    left, top, right, bottom = (scale * side for side in scan.box)
    part = (max(left, 0), max(top, 0), min(right, seen.width), min(bottom, seen.height))
    across, down = picture.width / (right - left), picture.height / (bottom - top)
    same = (
        (part[0] - left) * across,
        (part[1] - top) * down,
        (part[2] - left) * across,
        (part[3] - top) * down,
    )
    return bool(np.abs(_places(seen, part) - _places(picture, same)).max() <= _UNLIKE)


def _places(image: Image.Image, box: _Box) -> NDArray[np.float32]:
    image = image.convert("L")
    box = (max(box[0], 0), max(box[1], 0), min(box[2], image.width), min(box[3], image.height))
    grid = image.resize((_GRID, _GRID), Image.Resampling.BOX, box=box)
    return np.asarray(grid, np.float32)


# --- rendering ----------------------------------------------------------------------------------


def _render_size(
    placed: list[_Placed], size: tuple[float, float], limits: Limits
) -> tuple[int, int]:
    """Return width and height in pixels at which to render a page of `size` points."""
    area = size[0] * size[1]
    scans = [item for item in placed if item.area >= 0.02 * area]
    if sum(item.area for item in scans) >= 0.5 * area:
        dpi = min(max(max(max(item.dots) for item in scans), 100.0), MOST_DPI)
    else:
        dpi = PLAIN_DPI
    most = 72 * min(math.sqrt(limits.max_pixels / area), MAX_SIDE / max(size))
    if min(dpi, LEAST_DPI) > most:
        raise BadInput(
            "page",
            f"it measures {_metres(size[0])} by {_metres(size[1])}, and at"
            f" {LEAST_DPI:.0f} dots an inch that is over the limit of {limits.max_pixels:,} pixels",
            "save the page in its true size",
        )
    scale = min(dpi, most) / 72
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _metres(points: float) -> str:
    return f"{points / 72 * 0.0254:,.1f} m"


@cache
def _has_poppler() -> bool:
    return all(shutil.which(program) for program in ("pdftoppm", "pdfinfo"))


def _render_poppler(blob: Blob, number: int, width: int, height: int) -> Image.Image | None:
    """Return the rendered page, or `None` where poppler is missing or will not have the file."""
    path = blob.path()
    if path is None or not _has_poppler():
        return None
    from pdf2image import convert_from_path
    from pdf2image.exceptions import PDFInfoNotInstalledError, PDFPageCountError, PDFSyntaxError

    try:
        pages: list[Image.Image] = convert_from_path(
            path,
            first_page=number + 1,
            last_page=number + 1,
            size=(width, height),
            use_cropbox=True,
            thread_count=1,
        )
    except (PDFInfoNotInstalledError, PDFPageCountError, PDFSyntaxError, OSError):
        return None
    return pages[0] if pages else None


def _render_pdfium(page: Any, width: int, height: int) -> Image.Image:
    bitmap = page.render(scale=width / page.get_width(), may_draw_forms=False)
    try:
        picture: Image.Image = bitmap.to_pil()  # rounded up, so a row or column too large
        return picture.convert("RGB").crop((0, 0, width, min(height, picture.height)))
    finally:
        bitmap.close()


def _lean(image: Image.Image) -> Image.Image:
    """Return an image as gray where it has no colour, and as 1-bit where it is black and white."""
    if image.mode == "RGB":
        colours = np.asarray(image)
        if not (colours == colours[:, :, :1]).all():
            return image
        image = Image.fromarray(np.ascontiguousarray(colours[:, :, 0]))
    if image.mode == "L" and not any(image.histogram()[1:255]):
        return image.convert("1", dither=Image.Dither.NONE)
    return image
