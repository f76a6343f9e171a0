"""A second opinion: where one network is unsure, another that was built otherwise reads, too.

Networks that learnt otherwise make other mistakes, and so does one network where a crop is wider
or narrower: where both are unsure, each looks again. What all say is pooled logarithmically, each
look having as much to say (Genest & Zidek 1986, "Combining probability distributions"): a reading
that one of them holds impossible does not win.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.page import Alternative, Reading
from pipeline.preprocess import Gray

UNSURE = 0.9
"""Below this probability of the first network's own the second is asked, and below it of what both
say both look again: of printed cells one in fifty and one in a hundred, of handwritten ones one in
four and one in eight. Asking about all of them changes next to nothing."""

LOOKS = ((1.0,), (0.85, 1.15))
"""How wide a crop is seen, beside its own width: by the second first, then by both again."""

FLOOR = 1e-4
"""What a look gives, at least, to a text that is not among its alternatives."""


def stretched(gray: Gray, wide: float) -> Gray:
    """Return a crop (h x w) of `wide` times its width."""
    if wide == 1.0:
        return gray
    size = (max(1, round(gray.shape[1] * wide)), gray.shape[0])
    how = cv2.INTER_AREA if wide < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(gray, size, interpolation=how), np.uint8)


def agree(readings: Sequence[Reading]) -> Reading:
    """Return what readings of one crop say together, uncalibrated, the likeliest first.

    As many alternatives are kept as the first reading has.
    """
    said = [_chances(reading) for reading in readings]
    part = 1 / len(said)
    shares = {
        text: math.prod((chances.get(text, 0.0) + FLOOR) ** part for chances in said)
        for text in dict.fromkeys(itertools.chain(*said))
    }
    unlisted = math.prod(_rest(chances) ** part for chances in said)
    total = sum(shares.values()) + unlisted
    ranked = sorted(shares, key=lambda text: (-shares[text], text))[: max(1, len(said[0]))]
    alternatives = tuple(Alternative(text, math.log(shares[text] / total)) for text in ranked)
    best = ranked[0]
    return Reading(best, shares[best] / total, alternatives, _characters(best, shares))


def _chances(reading: Reading) -> dict[str, float]:
    chances = {a.text: math.exp(a.logprob) for a in reading.alternatives}
    return chances or {reading.text: reading.confidence}


def _rest(chances: dict[str, float]) -> float:
    return max(1 - sum(chances.values()), 0.0) + FLOOR


def _characters(text: str, shares: dict[str, float]) -> tuple[float, ...]:
    """Return how likely each character of `text` is, given those before it, by all that is said."""
    masses = [
        sum(share for other, share in shares.items() if other.startswith(text[:length]))
        for length in range(len(text) + 1)
    ]
    return tuple(after / before for before, after in itertools.pairwise(masses))
