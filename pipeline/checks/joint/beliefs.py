"""What each cell is likely to say, given all others: loopy belief propagation over sums.

An equation over n cells tells each of them how the others' sum is distributed: a convolution, done
as a product of Fourier transforms (as in decoding of codes over rings; Davey and MacKay 1998).
Sums are kept modulo `MODULUS` only: two different ones fall together so seldom that it does not
mislead, and what is chosen at last is scored exactly elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.model import NEVER, Equations, Floats, Ints, Model, Variables, weigh

Transforms = NDArray[np.complex64]
"""Single precision: what is less likely than `FLOOR` is not told apart here."""

MODULUS = 1331
"""11 ** 3: it has no factor with the counts of days, hours and decimals that ledgers divide by."""

ROUNDS = 4
SETTLED = 0.02
"""A cell whose greatest probability moves by less has nothing new to say."""

FLOOR, TINY = 1e-7, 1e-300
TOGETHER = 256
"""About how many terms are transformed at once, so that they stay in the processor's cache."""


def believe(model: Model, rounds: int = ROUNDS) -> Floats:
    """Return the logarithm of each value's probability (V x D) after rounds of messages.

    Rule by rule; after the first round only between cells whose beliefs still move.
    """
    variables = model.variables
    listed = variables.logprob.copy()
    other = np.log(variables.rest)
    batches = [part for batch in model.batches for part in _parts(batch, variables)]
    kernels = [_kernel(batch) for batch in batches]
    said = [
        (np.zeros((*batch.cells.shape, listed.shape[1])), np.zeros(batch.cells.shape))
        for batch in batches
    ]
    before = np.zeros(len(listed))
    for _ in range(rounds):
        moved = np.abs(_shares(listed, other).max(axis=1) - before) > SETTLED
        before = _shares(listed, other).max(axis=1)
        for k, batch in enumerate(batches):
            at = np.flatnonzero(moved[batch.cells].any(axis=1))
            if not len(at):
                continue
            part = batch.take(at)
            told, told_other = said[k][0][at], said[k][1][at]
            heard, heard_other = _send(
                part,
                kernels[k][at],
                variables,
                listed[part.cells] - told,
                other[part.cells] - told_other,
            )
            np.add.at(listed, part.cells, heard - told)
            np.add.at(other, part.cells, heard_other - told_other)
            said[k][0][at], said[k][1][at] = heard, heard_other
    shares = _shares(listed, other)
    return np.log(np.maximum(shares, TINY))


def _shares(listed: Floats, other: Floats) -> Floats:
    """Return each cell's probabilities, made to sum to 1 with that of values not listed (V x D)."""
    most = np.maximum(listed.max(axis=1), other)
    shares = np.exp(listed - most[:, None])
    total = shares.sum(axis=1) + np.exp(other - most)
    return np.asarray(shares / total[:, None], np.float64)


def _parts(batch: Equations, variables: Variables) -> list[Equations]:
    """Return a batch in parts that fit the cache, without equations over cells that hold nothing.

    Such an equation tells nothing of the others.
    """
    told = np.flatnonzero((variables.logprob.max(axis=1) > NEVER)[batch.cells].all(axis=1))
    size = max(1, TOGETHER // batch.cells.shape[1])
    return [batch.take(told[at : at + size]) for at in range(0, len(told), size)]


def _kernel(batch: Equations) -> Transforms:
    """Return the transforms of what each equation gives each residue of its sum."""
    residues = np.arange(MODULUS)
    middle = (batch.low + batch.high) // 2
    near = (residues - middle[:, None] + MODULUS // 2) % MODULUS - MODULUS // 2 + middle[:, None]
    logs = weigh(
        near, batch.low[:, None], batch.high[:, None], batch.unit[:, None], batch.error[:, None]
    )
    return np.asarray(np.fft.rfft(np.exp(logs).astype(np.float32), axis=1), np.complex64)


def _send(
    batch: Equations,
    kernel: Transforms,
    variables: Variables,
    listed: Floats,
    other: Floats,
) -> tuple[Floats, Floats]:
    """Return what equations tell their cells: logarithms, E x n x D and E x n.

    `listed` and `other` are what the cells think without them, not normalized.
    """
    most = np.maximum(listed.max(axis=2), other)
    chance = np.exp(listed - most[..., None])
    rest = np.exp(other - most)
    total = chance.sum(axis=2) + rest
    chance /= total[..., None]
    rest /= total
    span = variables.rest / variables.density
    residues: Ints = (batch.coefs[..., None] * variables.values[batch.cells]) % MODULUS
    count = batch.cells.size
    flat = (np.arange(count)[:, None] * MODULUS + residues.reshape(count, -1)).ravel()
    dense = np.bincount(flat, chance.ravel(), count * MODULUS).astype(np.float32)
    dense = dense.reshape(*batch.cells.shape, MODULUS)
    dense += (rest / np.maximum(span[batch.cells], MODULUS)).astype(np.float32)[..., None]
    others = _all_but_one(np.asarray(np.fft.rfft(dense, axis=2), np.complex64))
    heard = np.fft.irfft(np.conj(others) * kernel[:, None], MODULUS, axis=2)
    floor = FLOOR
    picked = np.take_along_axis(heard, residues, axis=2)
    mean = heard.mean(axis=2)
    wide = mean * np.minimum(1.0, MODULUS / span[batch.cells])
    return np.log(np.maximum(picked, floor)), np.log(np.maximum(wide, floor))


def _all_but_one(terms: Transforms) -> Transforms:
    """Return, for each of n terms (E x n x F), the product of all the others."""
    products = np.empty_like(terms)
    products[:, 0] = 1
    for i in range(1, terms.shape[1]):
        products[:, i] = products[:, i - 1] * terms[:, i - 1]
    after = np.ones_like(terms[:, 0])
    for i in range(terms.shape[1] - 2, -1, -1):
        after = after * terms[:, i + 1]
        products[:, i] *= after
    return products
