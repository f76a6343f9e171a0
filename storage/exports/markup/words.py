"""The words of a text and where each stands, as far as its line's polygon tells."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.page import Polygon


@dataclass(frozen=True, slots=True)
class Word:
    """A word; `polygon` is its share of its line by numbers of characters."""

    text: str
    polygon: Polygon
    confidence: float


def words_of(text: str, polygon: Polygon, confidence: float) -> list[Word]:
    """Return the words of a text, parted by white space.

    The confidence of the whole is the product of theirs: a text is right if all its words are.
    """
    parts = text.split()
    if not parts:
        return []
    each = confidence ** (1 / len(parts))
    length = sum(map(len, parts)) + len(parts) - 1
    words, at = [], 0
    for part in parts:
        place = _share(polygon, at / length, (at + len(part)) / length)
        words.append(Word(part, place, min(1.0, each) if math.isfinite(each) else 0.0))
        at += len(part) + 1
    return words


def _share(polygon: Polygon, start: float, end: float) -> Polygon:
    a, b, c, d = polygon

    def along(p: tuple[float, float], q: tuple[float, float], t: float) -> tuple[float, float]:
        return (p[0] + (q[0] - p[0]) * t, p[1] + (q[1] - p[1]) * t)

    return (along(a, b, start), along(a, b, end), along(d, c, end), along(d, c, start))
