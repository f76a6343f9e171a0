"""What a cell's text is worth: numbers as the page writes them, and what a column agrees on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

MINUS = str.maketrans({"–": "-", "—": "-", "−": "-", "‐": "-"})
POINTS = str.maketrans({"·": ".", "•": ".", "∙": ".", "⋅": ".", "・": ".", "˙": ".", ",": "."})
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?|[+-]?\.\d+")
NEARLY = re.compile(r"[\d.,·•∙⋅・˙:;'\"`´°*_~+\-–—−‐\s|!\[\](){}/\\OoQDIilSsBZzGgqUuCcTtbJjAaee?]+")
"""Readings of a numeric cell before a second look: digits, and what is mistaken for them."""


def plain_number(text: str) -> str:
    """Return a number's text with a full stop for its decimal mark and `-` for its sign."""
    return text.strip().translate(MINUS).translate(POINTS).replace(" ", "")


def parse_value(text: str) -> float | None:
    """Return the number that a text stands for: raised dots, commas, any minus sign; else `None`.

    A decimal comma is taken for a decimal point, as ledgers use it; there are no group separators.
    """
    number = plain_number(text)
    return float(number) if NUMBER.fullmatch(number) else None


def shape(text: str) -> str:
    """Return the pattern of a number's text: `9·093` and `0.124` are both `d.ddd`."""
    return re.sub(r"\d", "d", plain_number(text))


def is_numeric(texts: Sequence[str]) -> bool:
    """Return whether the texts of a column's body, its blanks left out, are mostly numbers."""
    filled = [text for text in texts if text]
    numbers = sum(parse_value(text) is not None for text in filled)
    nearly = sum(NEARLY.fullmatch(text) is not None for text in filled)
    return len(filled) >= 3 and numbers >= 0.4 * len(filled) and nearly >= 0.75 * len(filled)


def usual_shape(texts: Sequence[str]) -> str | None:
    """Return the pattern that at least half of a column's numbers share, if any."""
    shapes = Counter(shape(text) for text in texts if parse_value(text) is not None)
    if not shapes:
        return None
    best, count = shapes.most_common(1)[0]
    return best if count >= 0.5 * shapes.total() and shapes.total() >= 3 else None


def fit_shape(text: str, pattern: str) -> str | None:
    """Return the number in a text, written in a column's pattern, or `None` if it does not fit.

    Marks around the number are dropped. Where the digits agree in number, a decimal mark that was
    lost, or read as another mark, is put where the column has it.
    """
    number = plain_number(text)
    inside = re.sub(r"^[^\d+-]+|[^\d]+$", "", number)
    if shape(inside) == pattern:
        return inside
    sign = inside[0] if inside[:1] in ("-", "+") else ""
    digits = re.findall(r"\d", inside)
    marks = re.fullmatch(r"\d+\D?\d*", inside.removeprefix(sign))
    if marks is None or len(digits) != pattern.count("d"):
        return None
    rest = iter(digits)
    return sign + "".join(next(rest) if mark == "d" else mark for mark in pattern.lstrip("+-"))
