"""How sure each character of a reading is: its probability, given that those before it are right.

The probability that a text *begins* so is the sum over all alignments of all texts that do (Graves
2008, 7.5.2); what one more character takes off it is that character's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLANK = 0
NEGLIGIBLE = 1e-9


def character_odds(probabilities: NDArray[np.float32], labels: Sequence[int]) -> tuple[float, ...]:
    """Return the probability of each of L labels, given those before it (T x C probabilities)."""
    columns = {label: probabilities[:, label].tolist() for label in (BLANK, *labels)}
    blanks = columns[BLANK]
    # Where (from step `first` on) and how probably the prefix has been read, and blank came last.
    first, rested, reach = 0, *_only_blanks(blanks)
    odds: list[float] = []
    last = BLANK
    for label in labels:
        column = columns[label]
        parents = rested if label == last else reach
        mass = sum(p * q for p, q in zip(parents, column[first:], strict=False))
        odds.append(min(mass, 1.0))
        if mass <= 0:
            return (*odds, *[0.0] * (len(labels) - len(odds)))
        first, rested, reach = _read(column, blanks, first, [p / mass for p in parents])
        last = label
    return tuple(odds)


def sure_odds(
    peak: NDArray[np.float32], best: NDArray[np.intp], keep: NDArray[np.bool_]
) -> tuple[float, ...]:
    """Return the same of a greedy reading, along its one path.

    `peak` and `best` are the probability and the class of each step's likeliest, `keep` says where
    a character begins.
    """
    starts = np.flatnonzero(keep)
    if not len(starts):
        return ()
    runs = np.flatnonzero(np.diff(best, prepend=-1) != 0)
    behind = np.append(runs, len(best))[np.searchsorted(runs, starts) + 1]
    parts = np.multiply.reduceat(peak, np.concatenate([[0], behind[:-1]]))
    # Blanks behind the last character belong to none.
    parts[-1] = peak[behind[-2] if len(behind) > 1 else 0 : behind[-1]].prod()
    return tuple(parts.tolist())


def _only_blanks(blanks: Sequence[float]) -> tuple[list[float], list[float]]:
    reach, p = [1.0], 1.0
    for blank in blanks:
        p *= blank
        if p < NEGLIGIBLE:
            break
        reach.append(p)
    return reach, reach


def _read(
    column: Sequence[float], blanks: Sequence[float], first: int, parents: Sequence[float]
) -> tuple[int, list[float], list[float]]:
    """Return from which step on, and how probably, one more label has been read.

    The second list says with what probability a blank followed it. What is no longer to be
    expected is left out.
    """
    rested, reach = [0.0], [0.0]
    emitted = 0.0
    for t in range(first, len(column)):
        parent = parents[t - first] if t - first < len(parents) else 0.0
        rested.append(blanks[t] * reach[-1])
        emitted = column[t] * (emitted + parent)
        reach.append(rested[-1] + emitted)
        if t - first >= len(parents) and reach[-1] < NEGLIGIBLE:
            break
    skip = next((i for i, p in enumerate(reach) if p >= NEGLIGIBLE), 0)
    return first + skip, rested[skip:], reach[skip:]
