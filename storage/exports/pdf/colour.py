"""sRGB (IEC 61966-2-1) as an ICC profile of version 2, which every part of PDF/A takes."""

from __future__ import annotations

import struct
from functools import cache

_WHITE = (0.9642, 1.0, 0.8249)
_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
"""Adapted to D50 as IEC 61966-2-1 and the ICC's own profile have them."""

_STEPS = 1024


@cache
def srgb() -> bytes:
    """Return the profile, the same bytes every time."""
    tags = {
        b"desc": b"desc" + bytes(4) + _described(b"sRGB IEC61966-2.1"),
        b"cprt": b"text" + bytes(4) + b"No copyright, use freely\0",
        b"wtpt": _place(_WHITE),
        **{name: _place(values) for name, values in _PRIMARIES.items()},
    }
    curve = b"curv" + bytes(4) + struct.pack(f">I{_STEPS}H", _STEPS, *map(_light, range(_STEPS)))
    at = 128 + 4 + 12 * (len(tags) + 3)
    directory, body = struct.pack(">I", len(tags) + 3), b""
    for name, data in tags.items():
        directory += name + struct.pack(">II", at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        directory += name + struct.pack(">II", at + len(body), len(curve))
    body += curve
    head = struct.pack(
        ">II4s4s4s4s6H4s4s4I8x3i44x",
        *(at + len(body), 0, b"\x02\x10\0\0", b"mntr", b"RGB ", b"XYZ "),
        *(2000, 1, 1, 0, 0, 0, b"acsp", bytes(4), 0, 0, 0, 0),
        *(round(65536 * value) for value in _WHITE),
    )
    return head.ljust(128, b"\0") + directory + body


def _light(step: int) -> int:
    value = step / (_STEPS - 1)
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    return round(65535 * linear)


def _place(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in values))


def _described(text: bytes) -> bytes:
    return struct.pack(">I", len(text) + 1) + text + bytes(1 + 8 + 3 + 67)
