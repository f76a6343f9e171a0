"""TIFF: a file of one page is stored as it is, the pages of others become PNG files.

The list of pages is walked here, before a decoder sees the file, because decoders forgive what
would lose pages: a list that runs in a circle, or one that points behind the end of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from pipeline.decode import check_size, decoded, open_image
from pipeline.errors import BadInput
from workers.sources.model import Limits, PageImage
from workers.sources.readers.images import as_png, ends_early
from workers.sources.readers.step import At, Blob, Position, Step, refusal, steps

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q"}
_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT = 254, 255, 256, 257
_OFFSETS = {273: 279, 324: 325}  # of strips and of tiles: where they begin, and how long they are
_WANTED = {_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, *_OFFSETS, *_OFFSETS.values()}
_MOST_VALUES = 4_000_000
_MANY_DIRECTORIES = 20  # a page and its reductions: so many for each page that is allowed


@dataclass(frozen=True, slots=True)
class Directory:
    """One image of the file; `whole` says that all of its data lies within the file."""

    number: int
    width: int
    height: int
    is_page: bool
    whole: bool


def read_tiff(blob: Blob, name: str, page: str, limits: Limits, after: Position) -> Iterator[Step]:
    """Yield the pages of a TIFF; reductions and masks of a page are no pages."""
    try:
        directories = walk(blob, limits)
    except BadInput as error:
        raise BadInput(name, error.reason, error.remedy) from error
    pages = [directory for directory in directories if directory.is_page] or directories
    if len(pages) > limits.max_pages:
        raise BadInput(
            name,
            f"it has {len(pages):,} pages, more than the limit of {limits.max_pages:,}",
            "split it, or raise LEDGERMILL_MAX_PAGES",
        )
    if len(pages) == 1 and pages[0].number == 0:
        try:
            _check(pages[0], blob, limits)
            height, width = decoded(open_image(blob.file, limits.image)).shape[:2]
        except BadInput as error:
            raise BadInput(name, error.reason, error.remedy) from error
        yield PageImage(page, blob.data(), "image/tiff", width, height)
        return
    image: Image.Image | None = None
    for number, _ in steps(len(pages), after):
        part = f"page {number + 1}"
        yield At((number,), part)
        try:
            _check(pages[number], blob, limits)
            image = image or open_image(blob.file, limits.image)
            data, width, height = _page(image, pages[number], limits)
        except Exception as error:
            image = None
            yield refusal(error, f"{name}!/{part}")
        else:
            yield PageImage(f"{page}-{number + 1:04}", data, "image/png", width, height)


def _page(image: Image.Image, directory: Directory, limits: Limits) -> tuple[bytes, int, int]:
    try:
        image.seek(directory.number)
    except MemoryError:
        raise
    except Exception as error:  # as in `decode.decoded`
        raise BadInput("image", "its header is damaged", "scan it again") from error
    check_size(image.width, image.height, limits.image)
    return as_png(image)


def _check(directory: Directory, blob: Blob, limits: Limits) -> None:
    check_size(directory.width, directory.height, limits.image)
    if not directory.whole:
        raise ends_early(blob.size)


def walk(blob: Blob, limits: Limits) -> list[Directory]:
    """Return the images of a TIFF or BigTIFF in order. Raises `BadInput`."""
    blob.file.seek(0)
    head = blob.file.read(16)
    try:
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack(order + "H", head[2:4])[0] == 43
        (offset,) = struct.unpack(order + ("Q" if big else "I"), head[8:16] if big else head[4:8])
        directories: list[Directory] = []
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise BadInput("image", "its list of pages runs in a circle", "save the pages anew")
            if len(seen) >= limits.max_pages * _MANY_DIRECTORIES:
                raise BadInput("image", "it holds too many images", "split it")
            seen.add(offset)
            values, offset = _directory(blob, offset, order, big)
            directories.append(_described(len(directories), values, blob.size))
    except (struct.error, KeyError, IndexError) as error:
        raise BadInput("image", "its list of pages is damaged", "save it anew") from error
    if not directories:
        raise BadInput("image", "it holds no image", "scan it again")
    return directories


def _directory(
    blob: Blob, offset: int, order: str, big: bool
) -> tuple[dict[int, tuple[int, ...]], int]:
    count_code, entry, offset_code = ("Q", 20, "Q") if big else ("H", 12, "I")
    count_size, offset_size = struct.calcsize(count_code), struct.calcsize(offset_code)
    (count,) = struct.unpack(order + count_code, _bytes(blob, offset, count_size))
    if count > 65_535:
        raise struct.error("too many entries")
    body = _bytes(blob, offset + count_size, count * entry + offset_size)
    values: dict[int, tuple[int, ...]] = {}
    for start in range(0, count * entry, entry):
        tag, kind = struct.unpack_from(order + "HH", body, start)
        (length,) = struct.unpack_from(order + offset_code, body, start + 4)
        if tag not in _WANTED or kind not in _CODES:
            continue
        if length > _MOST_VALUES:
            raise struct.error("too many values")
        size = length * _SIZES[kind]
        place = start + 4 + offset_size
        if size <= offset_size:
            raw = body[place : place + size]
        else:
            (where,) = struct.unpack_from(order + offset_code, body, place)
            raw = _bytes(blob, where, size)
        values[tag] = struct.unpack(f"{order}{length}{_CODES[kind]}", raw)
    (following,) = struct.unpack_from(order + offset_code, body, count * entry)
    return values, following


def _bytes(blob: Blob, offset: int, count: int) -> bytes:
    if offset + count > blob.size:
        raise ends_early(blob.size)
    blob.file.seek(offset)
    return blob.file.read(count)


def _described(number: int, values: dict[int, tuple[int, ...]], size: int) -> Directory:
    subfile = values.get(_SUBFILE, (0,))[0]
    ends = [
        offset + count
        for offsets, counts in _OFFSETS.items()
        for offset, count in zip(values.get(offsets, ()), values.get(counts, ()), strict=False)
    ]
    return Directory(
        number,
        values[_WIDTH][0],
        values[_HEIGHT][0],
        is_page=not subfile & 0b101 and values.get(_OLD_SUBFILE, (1,))[0] != 2,
        whole=max(ends, default=0) <= size,
    )
