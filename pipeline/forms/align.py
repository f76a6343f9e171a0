"""Which edges or rows of a page are which of its form's, where both have their own errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.forms.marks import Array

GAIN = 1.0
"""What a pair is worth, in units of drift."""

LOST, STRAY = 12, 3
"""How far the next pair may be: in what is expected, of which a page may lack a whole strip, and in
what is found."""


def align(expected: Sequence[float], found: Sequence[float], drift: float) -> list[tuple[int, int]]:
    """Return pairs (i, j): `found[j]` is `expected[i]`; both rise, and so do the pairs.

    A page need not lie exactly where it is expected, but what lies off does so by as much as its
    neighbours: of all pairings, the one with the most pairs is chosen whose offsets change least
    from pair to pair. A change by `drift` outweighs a pair; a page may lie off altogether by a few
    times as much.
    """
    places, seen = np.asarray(expected, float), np.asarray(found, float)
    if len(places) == 0 or len(seen) == 0:
        return []
    off = (seen[None, :] - places[:, None]) / drift
    best = GAIN - 0.25 * np.abs(off)
    before = np.full(off.shape, -1, np.int64)
    for i in range(len(places)):
        for back in range(1, min(LOST, i) + 1):
            for aside in range(1, STRAY + 1):
                if aside >= len(seen):
                    break
                change = np.abs(off[i, aside:] - off[i - back, :-aside])
                missed = 0.05 * (back + aside - 2)
                gained = best[i - back, :-aside] + GAIN - change - missed
                better = gained > best[i, aside:]
                best[i, aside:][better] = gained[better]
                start = (i - back) * len(seen) + np.arange(len(seen) - aside)
                before[i, aside:][better] = start[better]
    at = int(best.argmax())
    pairs = []
    while at >= 0:
        i, j = divmod(at, len(seen))
        pairs.append((i, j))
        at = int(before[i, j])
    return pairs[::-1]


def drifted(
    expected: Sequence[float], pairs: Sequence[tuple[int, int]], found: Sequence[float]
) -> Array:
    """Return where all that is expected lies: what has a pair there, the rest as its neighbours."""
    places = np.asarray(expected, float)
    if not pairs:
        return places
    known = np.array([i for i, _ in pairs])
    off = np.array([found[j] for _, j in pairs]) - places[known]
    return np.asarray(places + np.interp(places, places[known], off))


def agrees(expected: Sequence[float], found: Sequence[float], drift: float) -> bool:
    """Return whether what a page shows is the form's: three fifths of it lie as they should.

    That is, as far off as the one before or after, to a third of `drift`. A page that shows too
    little to tell agrees.
    """
    if len(found) < 4:
        return True
    pairs = align(expected, found, drift)
    off = np.array([found[j] - expected[i] for i, j in pairs])
    steady = np.abs(np.diff(off)) <= drift / 3
    held = np.append(steady, False) | np.append(False, steady)
    return int(held.sum()) >= 0.6 * min(len(found), len(expected))
