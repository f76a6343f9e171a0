"""From a network's probabilities to text: CTC decoding, with the runners-up (Graves et al. 2006).

Greedy where the network is sure; prefix beam search (Hannun et al. 2014, arXiv 1408.2873) where it
is not, so that a column or a sum can later choose among what may have been written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Alternative, Reading

NUMERIC = frozenset("0123456789.,·-–—−+°'\"½¼¾⅛⅜⅝⅞/: ")


def is_wide(character: str) -> bool:
    """Return whether a character is of those scripts whose letters fill a square."""
    return unicodedata.east_asian_width(character) in "WF"


CHARSETS: dict[str, Callable[[str], bool]] = {
    "numeric": NUMERIC.__contains__,
    "narrow": lambda character: not is_wide(character),
}
"""Named limits on what may be read: which characters each allows.

`numeric`: digits, marks of decimals, signs, ditto marks. `narrow`: no Chinese, Japanese or Korean.
"""

BLANK = 0
SURE = 0.995
BEAM = 8
CANDIDATES = 6
ALTERNATIVES = 5


def allowed(characters: Sequence[str], charset: str | None) -> NDArray[np.intp] | None:
    """Return the classes that `charset` allows, the blank first; `None` where all are.

    `characters` names class 1 onwards; class 0 is the CTC blank. Raises `ValueError` for a name
    that is not in `CHARSETS`.
    """
    if charset is None:
        return None
    if charset not in CHARSETS:
        raise ValueError(f"no charset {charset!r}; choose one of {', '.join(CHARSETS)}")
    wanted = CHARSETS[charset]
    classes = [i for i, character in enumerate(characters, 1) if wanted(character)]
    return np.array([BLANK, *classes])


def decode(
    probabilities: NDArray[np.float32],
    characters: Sequence[str],
    classes: NDArray[np.intp] | None = None,
) -> Reading:
    """Decode one crop's probabilities (T x C, rows summing to 1, class 0 the blank).

    `classes` keeps only those classes, whose probabilities are then made to sum to 1 again.
    Alternatives are distinct and sorted by probability.
    """
    if classes is not None:
        probabilities = probabilities[:, classes]
        probabilities = probabilities / np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-12)

    def text(labels: Sequence[int]) -> str:
        names = labels if classes is None else [int(classes[i]) for i in labels]
        return "".join(characters[i - 1] for i in names)

    best = probabilities.argmax(axis=1)
    peak = probabilities[np.arange(len(best)), best]
    if len(peak) == 0 or peak.min() >= SURE:
        keep = (best != BLANK) & (np.diff(best, prepend=-1) != 0)
        confidence = float(np.prod(peak))
        found = text([int(i) for i in best[keep]])
        return Reading(found, confidence, (Alternative(found, float(np.log(confidence))),))
    ranked = [(text(labels), logprob) for labels, logprob in beam_search(probabilities)]
    alternatives = tuple(Alternative(t, min(0.0, p)) for t, p in ranked[:ALTERNATIVES])
    return Reading(alternatives[0].text, float(np.exp(alternatives[0].logprob)), alternatives)


def beam_search(probabilities: NDArray[np.float32]) -> list[tuple[tuple[int, ...], float]]:
    """Return up to `BEAM` label sequences and their log-probabilities, the likeliest first.

    Each sequence's probability sums over all its alignments, as CTC defines it.
    """
    count = min(CANDIDATES, probabilities.shape[1])
    top = np.argpartition(-probabilities, count - 1, axis=1)[:, :count]
    # prefix -> (probability of ending in a blank, of ending in its last label)
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    scale = 0.0
    for step, labels in zip(probabilities, top, strict=True):
        grown: dict[tuple[int, ...], list[float]] = {}
        blank = float(step[BLANK])
        options = [(int(i), float(step[i])) for i in labels if i != BLANK and step[i] > 1e-5]
        for prefix, (ends_blank, ends_label) in beams.items():
            total = ends_blank + ends_label
            stay = grown.setdefault(prefix, [0.0, 0.0])
            stay[0] += total * blank
            for label, p in options:
                longer = grown.setdefault((*prefix, label), [0.0, 0.0])
                if prefix and label == prefix[-1]:
                    stay[1] += ends_label * p
                    longer[1] += ends_blank * p
                else:
                    longer[1] += total * p
        kept = sorted(grown.items(), key=lambda item: -(item[1][0] + item[1][1]))[:BEAM]
        mass = sum(p[0] + p[1] for _, p in kept)
        if mass <= 0:
            return [((), -np.inf)]
        scale += np.log(mass)
        beams = {prefix: (p[0] / mass, p[1] / mass) for prefix, p in kept}
    return [(prefix, float(np.log(a + b) + scale)) for prefix, (a, b) in beams.items() if a + b > 0]
