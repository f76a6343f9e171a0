"""A second opinion: where one network is unsure, another that was built otherwise reads, too.

Two networks that learnt the same from the same make different mistakes. What they say is pooled
logarithmically, each having as much to say (Genest & Zidek 1986, "Combining probability
distributions"): a reading that one of them holds impossible does not win.
"""

from __future__ import annotations

import itertools
import math

from pipeline.page import Alternative, Reading

UNSURE = 0.9
"""Below this probability of the first network's own the second is asked: of printed cells one in
fifty, of handwritten ones one in four. Asking it about all of them changes next to nothing."""

FLOOR = 1e-4
"""What a network gives, at least, to a text that is not among its alternatives."""


def agree(first: Reading, second: Reading) -> Reading:
    """Return what two readings of one crop say together, uncalibrated, the likeliest first.

    As many alternatives are kept as the first reading has.
    """
    one, other = _chances(first), _chances(second)
    shares = {
        text: math.sqrt((one.get(text, 0.0) + FLOOR) * (other.get(text, 0.0) + FLOOR))
        for text in {**one, **other}
    }
    unlisted = math.sqrt(_rest(one) * _rest(other))
    total = sum(shares.values()) + unlisted
    ranked = sorted(shares, key=lambda text: (-shares[text], text))[: max(1, len(one))]
    if not ranked:
        return first
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
