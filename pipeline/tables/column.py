"""A column of numbers agrees on how they are written; a cell that is unlike them gets another look.

Keys name cells; any hashable will do.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.page import Reading, Status
from pipeline.tables.values import NUMBER, parse_value, plain_number, shape

Key = TypeVar("Key", bound=Hashable)

NEARLY = re.compile(r"[\d.,·•∙⋅・˙:;'\"`´°*_~+\-–—−‐\s|!\[\](){}/\\OoQDIilSsBZzGgqUuCcTtbJjAaee?]+")
"""Readings of a numeric cell before a second look: digits, and what is mistaken for them."""


LIKELY = math.log(0.02)
"""An alternative below this is no reason not to look again."""


def odd(column: Mapping[Key, Reading]) -> list[Key]:
    """Return the cells of a column's body that are not written as its numbers are.

    None in a column that does not hold numbers; no cell that is plainly a word.
    """
    texts = [reading.text for reading in column.values()]
    if not is_numeric(texts):
        return []
    fits = _fit(usual_shape(texts))
    return [
        key
        for key, reading in column.items()
        if may_be_number(reading.text)
        and fits(reading.text) is None
        and all(
            fits(alternative.text) is None
            for alternative in reading.alternatives
            if alternative.logprob > LIKELY
        )
    ]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a cell says once its column is known; `confidence` is that of this text."""

    text: str
    confidence: float
    status: Status


def as_read(reading: Reading) -> Settled:
    """Return what a cell says of which nothing else is known."""
    return Settled(reading.text, reading.confidence, "plain")


def settle(column: Mapping[Key, Reading]) -> dict[Key, Settled]:
    """Return what the cells of a column's body say.

    In a column of numbers that is the likeliest alternative that is written as they are. Where it
    is not the likeliest of all, or there is none, the cell is doubtful.
    """
    texts = [reading.text for reading in column.values()]
    numeric = is_numeric(texts)
    fits = _fit(usual_shape(texts))
    settled = {}
    for key, reading in column.items():
        best = as_read(reading)
        if numeric and may_be_number(reading.text):
            best = _settle_number(reading, fits)
        settled[key] = best
    return settled


def _settle_number(reading: Reading, fits: Callable[[str], str | None]) -> Settled:
    text = fits(reading.text)
    if text is not None:
        return Settled(text, reading.confidence, "plain")
    for alternative in reading.alternatives:
        text = fits(alternative.text)
        if text is not None:
            return Settled(text, math.exp(alternative.logprob), "doubtful")
    number = parse_value(reading.text) is not None
    text = plain_number(reading.text) if number else reading.text
    return Settled(text, reading.confidence, "doubtful")


def may_be_number(text: str) -> bool:
    """Return whether a reading may be a number misread, rather than a word such as Mean."""
    letters = sum(character.isalpha() for character in text)
    return letters <= sum(character.isdigit() for character in text)


def _fit(pattern: str | None) -> Callable[[str], str | None]:
    def fit(text: str) -> str | None:
        if pattern is not None:
            return fit_shape(text, pattern)
        return plain_number(text) if parse_value(text) is not None else None

    return fit


def is_numeric(texts: Sequence[str]) -> bool:
    """Return whether the texts of a column's body, its blanks left out, are mostly numbers."""
    filled = [text for text in texts if text]
    numbers = sum(parse_value(text) is not None for text in filled)
    nearly = sum(NEARLY.fullmatch(text) is not None for text in filled)
    return len(filled) >= 3 and numbers >= 0.4 * len(filled) and nearly >= 0.75 * len(filled)


def usual_shape(texts: Sequence[str]) -> str | None:
    """Return the pattern that nearly all of a column's numbers share, or how they mostly end.

    Where the figures before the decimal mark vary in number, as days and temperatures do, the
    pattern begins with `*` and says only what follows: `*.d`, or `*` alone for whole numbers.
    `None` where they agree on nothing.
    """
    shapes = Counter(shape(text) for text in texts if parse_value(text) is not None)
    if shapes.total() < 3:
        return None
    best, count = shapes.most_common(1)[0]
    if count >= 0.85 * shapes.total():
        return best
    ends: Counter[str] = Counter()
    for pattern, n in shapes.items():
        ends["*" + pattern[pattern.find(".") :] if "." in pattern else "*"] += n
    best, count = ends.most_common(1)[0]
    return best if count >= 0.6 * shapes.total() else None


def fit_shape(text: str, pattern: str) -> str | None:
    """Return the number in a text, written in a column's pattern, or `None` if it does not fit.

    The pattern is one of `usual_shape`.
    Marks around the number are dropped. Where the digits agree in number, a decimal mark that was
    lost, or read as another mark, is put where the column has it; none is ever taken out.
    """
    number = plain_number(text)
    inside = re.sub(r"^[^0-9+-]+|[^0-9]+$", "", number)
    found = shape(inside)
    if pattern.startswith("*"):
        end = found[found.find(".") :] if "." in found else ""
        fits = NUMBER.fullmatch(inside) is not None and end == pattern[1:]
        return inside if fits else None
    if found == pattern:
        return inside
    sign = inside[0] if inside[:1] in ("-", "+") else ""
    digits = re.findall(r"[0-9]", inside)
    parts = r"[0-9]+[^0-9]?[0-9]*" if "." in pattern else r"[0-9]+"
    if not re.fullmatch(parts, inside.removeprefix(sign)) or len(digits) != pattern.count("d"):
        return None
    rest = iter(digits)
    return sign + "".join(next(rest) if mark == "d" else mark for mark in pattern.lstrip("+-"))
