"""What the searches share: how much error is allowed, and how it is divided among them."""

from __future__ import annotations

import math

SIGNIFICANT = 0.01
"""The largest p-value of a relation, after all that was tried on the table."""
LEAST_SCORE = -math.log(SIGNIFICANT)
"""The logarithm of the evidence, less that of the tries, that a relation needs."""
KINDS = 26
"""One over the share of the error that each family of hypotheses may use. There are thirteen;
what is left is for rows at the foot of a table."""


def p_value(score: float) -> float:
    """Return the p-value of evidence, given as its logarithm less that of the tries."""
    return min(1.0, math.exp(-score))
