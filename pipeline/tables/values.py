"""What a cell's text is worth: numbers as the page writes them, and their patterns."""

from __future__ import annotations

import re
from functools import lru_cache

MINUS = str.maketrans({"–": "-", "—": "-", "−": "-", "‐": "-"})
POINTS = str.maketrans({"·": ".", "•": ".", "∙": ".", "⋅": ".", "・": ".", "˙": ".", ",": "."})
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?|[+-]?\.[0-9]+")


@lru_cache(maxsize=4096)
def plain_number(text: str) -> str:
    """Return a number's text with a full stop for its decimal mark and `-` for its sign."""
    return text.strip().translate(MINUS).translate(POINTS).replace(" ", "")


@lru_cache(maxsize=4096)
def parse_value(text: str) -> float | None:
    """Return the number that a text stands for: raised dots, commas, any minus sign; else `None`.

    A decimal comma is taken for a decimal point, as ledgers use it; there are no group separators.
    """
    number = plain_number(text)
    return float(number) if NUMBER.fullmatch(number) else None


@lru_cache(maxsize=4096)
def shape(text: str) -> str:
    """Return the pattern of a number's text: `9·093` and `0.124` are both `d.ddd`."""
    return re.sub(r"[0-9]", "d", plain_number(text))
