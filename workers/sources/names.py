"""File names: their natural order, what is shown of them, and what a page is called after them."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath

_DIGITS = re.compile(r"(\d+)")


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key by which numbers in names count as numbers, and case does not matter."""
    parts = (part for part in _DIGITS.split(name) if part)
    key = ((0, int(p), p) if p.isdecimal() else (1, 0, p.casefold()) for p in parts)
    return (*key, (-1, 0, name))


def shown(name: str) -> str:
    r"""Return a file name as it can be stored and printed: bytes that are no UTF-8 as `\xe9`,
    control characters as `\x1b`."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == " " else ascii(c)[1:-1] for c in text)


def stem(name: str) -> str:
    """Return what the page of a file is called: the file's name without folders and suffix."""
    return PurePosixPath(name).stem or "page"
