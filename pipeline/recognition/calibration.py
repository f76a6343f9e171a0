"""From a network's own probabilities to confidence: how often such readings were right.

CTC networks are surer than they are right (Guo et al. 2017, arXiv 1706.04599, of networks in
general). A logistic curve over a few features of a reading (Platt 1999), fitted on readings that
the network was not trained on, mends that; its few numbers are kept with the weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.page import Alternative, Reading
from pipeline.preprocess import Gray

LEAST = 1e-6
RIDGE = 1e-3
DARK, LIGHT = 32, 224
GREY_PART = 0.02
"""A crop with less than this part of its pixels between dark and light is in black and white."""

ROUNDS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logistic curves: `line` over the `features` of a reading, `character` over a logit and 1.

    Confidence is the probability that the text is right, as its truths were compared: of a number
    its digits, of other text all of it.
    """

    line: tuple[float, ...]
    character: tuple[float, float] = (1.0, 0.0)

    def to_config(self) -> dict[str, Any]:
        """Return what a file of weights keeps under `calibration`."""
        return {name: [round(x, 6) for x in each] for name, each in asdict(self).items()}


def from_config(config: Mapping[str, Any]) -> Calibration | None:
    """Return the calibration that is kept with weights, `None` where there is none."""
    kept = config.get("calibration")
    if kept is None:
        return None
    slope, offset = kept["character"]
    return Calibration(tuple(float(x) for x in kept["line"]), (float(slope), float(offset)))


def calibrate(reading: Reading, calibration: Calibration, binary: bool = False) -> Reading:
    """Return a reading with calibrated confidence, characters and alternatives.

    `binary` says whether its crop was in black and white (see `is_binary`).
    The rivals share what the best does not have in the proportions that they had, none getting
    more than it.
    """
    known = features(reading, binary)[: len(calibration.line)]  # older weights know fewer
    confidence = float(_logistic(known @ np.array(calibration.line)))
    slope, offset = calibration.character
    characters = tuple(
        float(_logistic(np.array(slope * _logit(p) + offset))) for p in reading.characters
    )
    alternatives = reading.alternatives
    if alternatives:
        rest = max(1 - math.exp(alternatives[0].logprob), LEAST)
        shift = math.log(max(1 - confidence, LEAST) / rest)
        best = math.log(max(confidence, LEAST))
        alternatives = (
            Alternative(alternatives[0].text, best),
            *(Alternative(a.text, min(a.logprob + shift, best)) for a in alternatives[1:]),
        )
    return replace(reading, confidence=confidence, characters=characters, alternatives=alternatives)


def is_binary(gray: Gray) -> bool:
    """Return whether a crop is in black and white: a network is as sure of what it cannot see."""
    return float(((gray > DARK) & (gray < LIGHT)).mean()) < GREY_PART


def features(reading: Reading, binary: bool = False) -> NDArray[np.float64]:
    """Return what a reading's confidence is judged by (6 numbers).

    The logit of its probability; the same of that of all alternatives that say the same; by how
    much this exceeds the likeliest one that does not, as a logarithm; the logarithm of its length;
    1; and 1 where its crop is `binary`.
    """
    probability = {a.text: math.exp(a.logprob) for a in reading.alternatives}
    probability.setdefault(reading.text, reading.confidence)
    says = _meaning(reading.text)
    same = sum(p for text, p in probability.items() if _meaning(text) == says)
    rival = max((p for text, p in probability.items() if _meaning(text) != says), default=0.0)
    unlisted = 1 - sum(probability.values())
    margin = math.log(max(same, LEAST) / max(rival, unlisted, LEAST))
    length = math.log1p(len(reading.text))
    odds = _logit(probability[reading.text])
    return np.array([odds, _logit(same), margin, length, 1.0, float(binary)])


def fit(
    readings: Sequence[Reading],
    right: ArrayLike,
    weight: ArrayLike | None = None,
    binary: Sequence[bool] | None = None,
) -> Calibration:
    """Return the calibration of N readings of which it is known whether they are right.

    `weight` says how much each counts, `binary` which were of crops in black and white. Raises
    `ValueError` without a right and a wrong one.
    """
    flags = binary or [False] * len(readings)
    rows = np.array([features(*each) for each in zip(readings, flags, strict=True)])
    return Calibration(tuple(_fit_logistic(rows, right, weight).tolist()))


def fit_characters(probabilities: ArrayLike, right: ArrayLike) -> tuple[float, float]:
    """Return slope and offset of the logistic curve over the logits of N characters."""
    logits = np.array([_logit(p) for p in np.asarray(probabilities, np.float64)])
    slope, offset = _fit_logistic(np.stack([logits, np.ones(len(logits))], 1), right, None)
    return float(slope), float(offset)


def _fit_logistic(
    rows: NDArray[np.float64], right: ArrayLike, weight: ArrayLike | None
) -> NDArray[np.float64]:
    """Fit by Newton's method, with a little ridge on all columns but the one that is always 1."""
    truth = np.asarray(right, np.float64)
    if not 0 < truth.sum() < len(truth):
        raise ValueError("calibration needs readings that are right and some that are wrong")
    counts = np.ones(len(truth)) if weight is None else np.asarray(weight, np.float64)
    counts = counts * (len(counts) / counts.sum())
    always = np.arange(rows.shape[1]) == (rows == 1).all(axis=0).argmax()
    spread = np.where(always, 1.0, np.maximum(rows.std(axis=0), 0.1))
    scaled = rows / spread
    ridge = np.diag(np.where(always, 0.0, RIDGE * len(truth)))
    found: NDArray[np.float64] = np.zeros(rows.shape[1])
    for _ in range(ROUNDS):
        p = _logistic(scaled @ found)
        slope = scaled.T @ (counts * (truth - p)) - ridge @ found
        bend = (scaled * (counts * p * (1 - p))[:, None]).T @ scaled + ridge
        step = np.linalg.solve(bend + 1e-9 * np.eye(len(found)), slope)
        found = found + step
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(found / spread, np.float64)


def _meaning(text: str) -> str:
    """Return what makes two readings the same: the digits of a number, all of other text."""
    if any(c.isalpha() for c in text) or not any(c.isdigit() for c in text):
        return text
    sign = "-" if text.lstrip()[:1] in "-–—−" else ""
    return sign + "".join(c for c in text if c.isdigit())


def _logit(p: float) -> float:
    kept = min(max(p, LEAST), 1 - LEAST)
    return math.log(kept / (1 - kept))


def _logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))
