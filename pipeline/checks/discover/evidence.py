"""How much the values of a table speak for a relation: e-values.

The claim to beat is that the values have nothing to do with each other: that any value of a column
could as well stand in another row of it. Under that claim a cell agrees with what its operands say
with a probability that the column itself tells: `q`, the share of its values that would agree. An
agreement weighs 1 - t + t / q, where t is how often a true relation shows, and a miss 1 - t. Their
product, averaged over several t, has an expectation of at most 1 under the claim, whatever the
distribution of the values, so that it exceeds 1 / p with probability p at most (Markov's
inequality; Vovk and Wang, "E-values: calibration, combination and applications", Annals of
Statistics 49, 2021). Divided by the number of hypotheses it is Bonferroni's correction; weights
that sum to 1 do as well, which makes a search by dynamic programming one hypothesis.

Values of a ledger are not just any values. Yesterday's is near today's, a neighbouring hour's even
nearer, and then much agrees by closeness alone. The same is therefore asked of what is left of the
values after each such likeness is taken off (`bases`), and `q` is the largest share.
"""

from __future__ import annotations

import math

import numpy as np

from pipeline.checks.discover.grid import Bools, Floats, Ints

SIGNIFICANT = 0.01
"""The largest p-value of a relation, after all that was tried on the table."""
LEAST_SCORE = -math.log(SIGNIFICANT)
"""The logarithm of the evidence, less that of the tries, that a relation needs."""
KINDS = 46
"""One over the share of the error that each search may use: nine along the rows, by the likeliest
readings and by all; days; groups and labelled groups, twice. What is left is for rows at the foot
of a table."""
SHOWS = np.array([0.2, 0.4, 0.6, 0.8, 0.9, 0.97])
"""How often a true relation may show, misread cells and printed errors considered."""
COMMON = 0.6
"""A cell that agrees by chance more often than this says nothing."""


def shares(
    targets: Ints,
    known: Bools,
    low: Ints,
    high: Ints,
    tested: Bools,
    bases: list[tuple[Ints, Bools]],
) -> Floats:
    """Return for each row the largest share of its column's values that would agree by chance.

    Values of `targets` (n) agree in row i from `low`[i] to `high`[i]. `bases` are likenesses
    to take off, each with where it is known.
    """
    found = np.zeros(len(targets))
    rows = np.flatnonzero(tested)
    for base, there in bases:
        pool = np.flatnonzero(known & there)
        here = rows[there[rows]]
        if not len(pool) or not len(here):
            continue
        offsets = np.sort(targets[pool] - base[pool])
        first = np.searchsorted(offsets, low[here] - base[here], "left")
        last = np.searchsorted(offsets, high[here] - base[here], "right")
        share = np.maximum(last - first, 1) / len(pool)
        found[here] = np.maximum(found[here], share)
    return found


def log_e(
    weights: Floats, chances: Floats, pool: int | None = None, seen: Floats | float = 1.0
) -> float:
    """Return the logarithm of the e-value of cells that agree with `weights` (0 to 1).

    `chances` are the weights to be expected of other values, `seen` how likely what a cell's
    equation says is among what was looked at. All targets are drawn from one column of `pool`
    values without putting back, or, where it is `None`, each from a column of its own. Of n values,
    k given cells agree with probability n**k / (n (n - 1) ... (n - k + 1)) times the product of
    their shares at most: the draw without return is paid for with the mean of that ratio.
    """
    keep = chances <= COMMON * seen
    if not keep.any():
        return 0.0
    shows = SHOWS[:, None] * (
        seen[keep] if isinstance(seen, np.ndarray) else np.full(keep.sum(), seen)
    )
    ratios = weights[keep] / np.maximum(chances[keep], 1e-9)
    gains = np.log(1 - shows + shows * ratios).sum(axis=1)
    if pool is None:
        return log_mean(gains)
    count = min(int(keep.sum()), pool)
    agree = np.zeros((len(SHOWS), count + 1))
    agree[:, 0] = 1.0
    for show in shows.T[:count]:
        agree[:, 1:] = agree[:, 1:] * (1 - show[:, None]) + agree[:, :-1] * show[:, None]
        agree[:, 0] *= 1 - show
    ways = np.concatenate([[0.0], np.cumsum(np.log(pool / (pool - np.arange(count))))])
    price = [log_mean(ways, chance) for chance in agree]
    return log_mean(gains - price)


def log_mean(logs: Floats, weights: Floats | None = None) -> float:
    """Return the logarithm of the mean of what `logs` are the logarithms of."""
    top = float(np.max(logs))
    return top + math.log(float(np.average(np.exp(logs - top), weights=weights)))


def p_value(score: float) -> float:
    """Return the p-value of evidence, given as its logarithm less that of the tries."""
    return min(1.0, math.exp(-score))
