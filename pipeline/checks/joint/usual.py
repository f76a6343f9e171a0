"""What is usual in a column: values near those of its other cells are likelier than far ones.

It only tips the scales between readings that are doubtful anyway: what it takes from a value is
bounded, so that an extreme that was read well stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

STRENGTH, LEAST = 0.5, 0.02
"""A value far from all others loses STRENGTH x log(LEAST): a factor of 7."""

NEIGHBOURS = 3
FEWEST = 8
"""With fewer other cells a column has nothing that is usual."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """The values that a column's cells were read to have, and how far apart they usually lie."""

    values: Ints
    width: float

    def weigh(self, values: Ints, own: int) -> Floats:
        """Return the logarithm by which values become less likely, in a cell that was read `own`.

        Between 0, where many other cells are near, and `STRENGTH` x log(`LEAST`).
        """
        if len(self.values) <= FEWEST:
            return np.zeros(values.shape)
        near = np.exp(-np.abs(values[:, None] - self.values) / self.width).sum(axis=1)
        near -= np.exp(-np.abs(values - own) / self.width)
        typical = np.maximum(near, 0) / (np.maximum(near, 0) + 1)
        return np.asarray(STRENGTH * np.log((typical + LEAST) / (1 + LEAST)), np.float64)


def crowd(values: Sequence[int]) -> Crowd:
    """Return the crowd of a column's values, in any order."""
    found = np.sort(np.array(values, np.int64))
    if len(found) <= FEWEST:
        return Crowd(found, 1.0)
    apart = np.sort(np.abs(found[:, None] - found), axis=1)[:, NEIGHBOURS]
    return Crowd(found, max(1.0, 2 * float(np.median(apart))))
