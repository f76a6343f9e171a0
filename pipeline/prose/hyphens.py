"""Words that a line breaks off: put together for search, while the lines stay as on paper."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from pipeline.page import Line
from pipeline.prose.words import Lexicon

_BROKEN = re.compile(r"([^\W\d_]+(?:['’][^\W\d_]+)?)[-‐‑⸗¬=]$")
_REST = re.compile(r"[^\w\"'«„“(]*([^\W\d_]+)")

FARTHEST = 3.0
"""Heights of a line within which the next one begins."""

Know = Callable[[str | None], Lexicon | None]


def join(lines: Sequence[Line], lexicon_of: Know) -> list[str | None]:
    """Return for each line the whole of the word that it breaks off, `None` where it breaks none.

    The hyphen stays where both halves are words and the whole is none (*north-east*). A sign that
    is read for a hyphen, as `=` is, must make a word that is known.
    """
    found: list[str | None] = []
    for number, line in enumerate(lines):
        broken = _BROKEN.search(line.text.rstrip())
        after = _next(number, lines) if broken else None
        rest = _REST.match(after.text) if after else None
        if broken is None or rest is None or not rest[1][0].islower():
            found.append(None)
            continue
        found.append(_joined(broken[1], rest[1], broken[0][-1], lexicon_of(line.language)))
    return found


def _joined(first: str, rest: str, sign: str, lexicon: Lexicon | None) -> str | None:
    whole = first + rest
    if lexicon is None:
        return None if sign == "=" else whole
    known = lexicon.knows(whole)
    if sign == "=" and not known:
        return None
    if not known and lexicon.knows(first) and lexicon.knows(rest):
        return f"{first}-{rest}"
    return whole


def _next(number: int, lines: Sequence[Line]) -> Line | None:
    """Return the line that begins below another, in the same region where there are any."""
    line = lines[number]
    left, top, right, bottom = _extent(line)
    best: tuple[float, Line] | None = None
    for other in lines:
        if other is line or other.region != line.region:
            continue
        x0, y0, x1, y1 = _extent(other)
        below = (y0 + y1) / 2 - (top + bottom) / 2
        shared = min(right, x1) - max(left, x0)
        if not 0.3 < below / max(1.0, bottom - top) < FARTHEST:
            continue
        if shared > 0.3 * min(right - left, x1 - x0) and (best is None or below < best[0]):
            best = (below, other)
    return best[1] if best else None


def _extent(line: Line) -> tuple[float, float, float, float]:
    xs, ys = [x for x, _ in line.polygon], [y for _, y in line.polygon]
    return min(xs), min(ys), max(xs), max(ys)
