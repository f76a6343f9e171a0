"""JPEG streams as PDF files hold them: taken as they are, but for the way they are turned."""

from __future__ import annotations

import struct

_SOI = b"\xff\xd8"
_APP1, _SOS = 0xE1, 0xDA
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})


def components(data: bytes) -> int | None:
    """Return how many colour components a baseline or progressive JPEG has; `None` for others."""
    for marker, start, end in _segments(data):
        if marker in _FRAMES and end - start >= 8:
            return data[start + 7] if data[start + 2] == 8 else None
    return None


def with_orientation(data: bytes, orientation: int) -> bytes:
    """Return the JPEG with this EXIF orientation and no other EXIF; its pixels stay untouched.

    The display of a PDF heeds no EXIF, so what a camera once wrote there must not turn the page.
    """
    exif = [
        (start - 2, end)
        for marker, start, end in _segments(data)
        if marker == _APP1 and data[start + 2 : start + 6] == b"Exif"
    ]
    if not exif and orientation == 1:
        return data
    for start, end in reversed(exif):
        data = data[:start] + data[end:]
    if orientation == 1:
        return data
    tiff = b"MM\x00*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return _SOI + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def _segments(data: bytes) -> list[tuple[int, int, int]]:
    """Return marker, start (of its length) and end of the segments before the picture data."""
    found: list[tuple[int, int, int]] = []
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _SOS or end > len(data):
            break
        found.append((marker, position + 2, end))
        position = end
    return found
