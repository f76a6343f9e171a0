"""What each cell is likely to say, given all others: loopy belief propagation over sums.

An equation over n cells tells each of them how the others' sum is distributed: a convolution, done
as a product of Fourier transforms (as in decoding of codes over rings; Davey and MacKay 1998).
Sums are kept modulo `MODULUS` only: two different ones fall together so seldom that it does not
mislead, and what is chosen at last is scored exactly elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.model import NEVER, Equations, Floats, Ints, Model, Variables, weigh

MODULUS = 1331
"""11 ** 3: it has no factor with the counts of days, hours and decimals that ledgers divide by."""

ROUNDS = 4
FLOOR = 1e-9
TOGETHER = 256
"""About how many terms are transformed at once, so that they stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Logarithms of each cell's probabilities, normalized: `listed` V x D and `other` V."""

    listed: Floats
    other: Floats


def believe(model: Model, rounds: int = ROUNDS) -> Beliefs:
    """Return what the cells are likely to say after `rounds` of messages, rule by rule."""
    variables = model.variables
    listed = variables.logprob.copy()
    other = np.log(variables.rest)
    batches = [part for batch in model.batches for part in _parts(batch, variables)]
    kernels = [_kernel(batch) for batch in batches]
    said = [
        (np.zeros((*batch.cells.shape, listed.shape[1])), np.zeros(batch.cells.shape))
        for batch in batches
    ]
    for _ in range(rounds):
        for k, batch in enumerate(batches):
            told, told_other = said[k]
            heard, heard_other = _send(
                batch,
                kernels[k],
                variables,
                listed[batch.cells] - told,
                other[batch.cells] - told_other,
            )
            np.add.at(listed, batch.cells, heard - told)
            np.add.at(other, batch.cells, heard_other - told_other)
            said[k] = heard, heard_other
    most = np.maximum(listed.max(axis=1), other)
    total = most + np.log(np.exp(listed - most[:, None]).sum(axis=1) + np.exp(other - most))
    return Beliefs(np.maximum(listed - total[:, None], NEVER), other - total)


def _parts(batch: Equations, variables: Variables) -> list[Equations]:
    """Return a batch in parts that fit the cache, without equations over cells that hold nothing.

    Such an equation tells nothing of the others.
    """
    told = np.flatnonzero((variables.logprob.max(axis=1) > NEVER)[batch.cells].all(axis=1))
    size = max(1, TOGETHER // batch.cells.shape[1])
    return [batch.take(told[at : at + size]) for at in range(0, len(told), size)]


def _kernel(batch: Equations) -> NDArray[np.complex128]:
    """Return the transforms of what each equation gives each residue of its sum."""
    residues = np.arange(MODULUS)
    middle = (batch.low + batch.high) // 2
    near = (residues - middle[:, None] + MODULUS // 2) % MODULUS - MODULUS // 2 + middle[:, None]
    logs = weigh(
        near, batch.low[:, None], batch.high[:, None], batch.unit[:, None], batch.error[:, None]
    )
    return np.fft.rfft(np.exp(logs), axis=1)


def _send(
    batch: Equations,
    kernel: NDArray[np.complex128],
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
    dense = np.bincount(flat, chance.ravel(), count * MODULUS).reshape(*batch.cells.shape, MODULUS)
    dense += (rest / np.maximum(span[batch.cells], MODULUS))[..., None]
    others = _all_but_one(np.fft.rfft(dense, axis=2))
    heard = np.fft.irfft(np.conj(others) * kernel[:, None], MODULUS, axis=2)
    floor = FLOOR
    picked = np.take_along_axis(heard, residues, axis=2)
    mean = heard.mean(axis=2)
    wide = mean * np.minimum(1.0, MODULUS / span[batch.cells])
    return np.log(np.maximum(picked, floor)), np.log(np.maximum(wide, floor))


def _all_but_one(terms: NDArray[np.complex128]) -> NDArray[np.complex128]:
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
