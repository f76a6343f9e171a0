"""From a network's probabilities to text: CTC decoding, with the runners-up (Graves et al. 2006).

Greedy where the network is sure; prefix beam search (Hannun et al. 2014, arXiv 1408.2873) where it
is not, so that a column or a sum can later choose among what may have been written.
"""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.page import Alternative, Reading
from pipeline.recognition.characters import character_odds, sure_odds

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

Ranked = tuple[tuple[int, ...], float]
"""A label sequence and its log-probability."""

BLANK = 0
SURE = 0.995
BEAM = 8
CANDIDATES = 6
ALTERNATIVES = 5
LEAST = 1e-5
"""A class less probable than this at a step is not followed there."""

TOGETHER = 256
ROOT, NOTHING, NONE = np.uint64(1), np.uint64(0), np.uint64(2)
FACTOR = np.uint64(0x9E3779B97F4A7C15)
TINY = 1e-300


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
    """Decode one crop; see `decode_all`."""
    return decode_all([probabilities], characters, classes)[0]


def decode_all(
    crops: Sequence[NDArray[np.float32]],
    characters: Sequence[str],
    classes: NDArray[np.intp] | None = None,
) -> list[Reading]:
    """Decode the probabilities of crops (each T x C, rows summing to 1, class 0 the blank).

    `classes` keeps only those classes, whose probabilities are then made to sum to 1 again.
    Alternatives are distinct and sorted by probability. Many crops at once are decoded far faster
    than one by one, to the same result.
    """

    def text(labels: Sequence[int]) -> str:
        names = labels if classes is None else [int(classes[i]) for i in labels]
        return "".join(characters[i - 1] for i in names)

    readings: dict[int, Reading] = {}
    unsure: dict[int, NDArray[np.float32]] = {}
    for index, probabilities in enumerate(crops):
        if classes is not None:
            kept = probabilities[:, classes]
            probabilities = kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-12)
        best = probabilities.argmax(axis=1)
        peak = probabilities[np.arange(len(best)), best]
        if len(peak) and peak.min() < SURE:
            unsure[index] = probabilities
            continue
        keep = (best != BLANK) & (np.diff(best, prepend=-1) != 0)
        confidence = float(np.prod(peak))
        found = text(best[keep].tolist())
        alone = Alternative(found, float(np.log(confidence)))
        readings[index] = Reading(found, confidence, (alone,), sure_odds(peak, best, keep))
    for index, ranked in zip(unsure, beam_search(list(unsure.values())), strict=True):
        alternatives = tuple(
            Alternative(text(labels), min(0.0, p)) for labels, p in ranked[:ALTERNATIVES]
        )
        first = alternatives[0]
        odds = character_odds(unsure[index], ranked[0][0])
        readings[index] = Reading(first.text, math.exp(first.logprob), alternatives, odds)
    return [readings[index] for index in range(len(crops))]


def beam_search(crops: Sequence[NDArray[np.float32]]) -> list[list[Ranked]]:
    """Return up to `BEAM` label sequences of each crop (T x C), the likeliest first.

    Each sequence's probability sums over all its alignments, as CTC defines it.
    """
    steps = _steps(crops)
    order = sorted(range(len(crops)), key=lambda i: len(steps[i].blank))
    found: dict[int, list[Ranked]] = {}
    for start in range(0, len(order), TOGETHER):  # crops of about the same number of steps
        members = order[start : start + TOGETHER]
        found |= zip(members, _search([steps[i] for i in members]), strict=True)
    return [found[i] for i in range(len(crops))]


@dataclass(frozen=True, slots=True)
class _Steps:
    """What of a crop is followed: T blanks' probabilities, T x `CANDIDATES` labels and theirs."""

    blank: NDArray[np.float64]
    labels: NDArray[np.intp]
    odds: NDArray[np.float64]


def _steps(crops: Sequence[NDArray[np.float32]]) -> list[_Steps]:
    """Choose what of each crop (T x C) is followed.

    A run of steps that leave one class only is a single step: after the first of them, a certain
    blank or a certain label changes no prefix any more.
    """
    begins = np.cumsum([0, *map(len, crops)])
    blank = np.concatenate([np.zeros(0), *(probabilities[:, BLANK] for probabilities in crops)])
    labels, odds = _likeliest(crops, begins)
    only = np.where(odds[:, 1] == 0, labels[:, 0], -1)
    goes_on = (only >= 0) & (np.diff(only, prepend=-1) == 0)
    goes_on[begins[begins < len(blank)]] = False
    kept = np.flatnonzero(~goes_on)
    repeats = np.multiply.reduceat(np.where(goes_on, odds[:, 0], 1), kept)
    blank, labels = blank[kept] * repeats, labels[kept]
    odds = np.where(labels == BLANK, 0, odds[kept] * repeats[:, None])
    bounds = np.searchsorted(kept, begins).tolist()
    return [_Steps(blank[a:b], labels[a:b], odds[a:b]) for a, b in itertools.pairwise(bounds)]


def _likeliest(
    crops: Sequence[NDArray[np.float32]], begins: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the likeliest classes and their probabilities, `CANDIDATES` of each step of all crops.

    Sorted, the likeliest first. Classes below `LEAST` do not count; their places are 0.
    """
    seen = [np.nonzero(probabilities > LEAST) for probabilities in crops]
    steps = [step + begin for (step, _), begin in zip(seen, begins, strict=False)]
    found = [probabilities[at] for probabilities, at in zip(crops, seen, strict=True)]
    step = np.concatenate([np.zeros(0, np.intp), *steps])
    label = np.concatenate([np.zeros(0, np.intp), *(classes for _, classes in seen)])
    odds = np.concatenate([np.zeros(0), *found])
    order = np.argsort(step - odds)  # by step, then by probability
    step, label, odds = step[order], label[order], odds[order]
    place = np.arange(len(step)) - np.searchsorted(step, step)
    kept = place < CANDIDATES
    at = step[kept], place[kept]
    size = (int(begins[-1]), CANDIDATES)
    labels, all_odds = np.zeros(size, np.intp), np.zeros(size)
    labels[at], all_odds[at] = label[kept], odds[kept]
    return labels, all_odds


def _search(crops: Sequence[_Steps]) -> list[list[Ranked]]:
    """Search all crops side by side; one that has ended goes on with certain blanks."""
    count, depth = len(crops), max(len(crop.blank) for crop in crops)
    blank = np.ones((depth, count, 1))
    labels = np.zeros((depth, count, CANDIDATES), np.intp)
    odds = np.zeros((depth, count, CANDIDATES))
    for n, crop in enumerate(crops):
        steps = len(crop.blank)
        blank[:steps, n, 0] = crop.blank
        labels[:steps, n] = crop.labels
        odds[:steps, n] = crop.odds
    beams = _start(count)
    trail = []
    for t in range(depth):
        beams, came, added = _grow(beams, blank[t], labels[t], odds[t])
        trail.append((came, added))
    return _ranked(beams, trail)


@dataclass(frozen=True, slots=True)
class _Beams:
    """The prefixes of N crops, `BEAM` each, and `scale` (N), the logarithm of their probability.

    `prefix` and `parent` (all but the last label) are hashes. `ends_blank` and `ends_label` are
    the shares of ending in a blank and in the last label, 1 together. A prefix without any only
    fills its place.
    """

    prefix: NDArray[np.uint64]
    parent: NDArray[np.uint64]
    last: NDArray[np.intp]
    ends_blank: NDArray[np.float64]
    ends_label: NDArray[np.float64]
    scale: NDArray[np.float64]


def _start(count: int) -> _Beams:
    size = (count, BEAM)
    prefix, ends_blank = np.full(size, NOTHING), np.zeros(size)
    prefix[:, 0], ends_blank[:, 0] = ROOT, 1
    last = np.full(size, BLANK, np.intp)
    return _Beams(prefix, np.full(size, NONE), last, ends_blank, np.zeros(size), np.zeros(count))


def _grow(
    beams: _Beams,
    blank: NDArray[np.float64],
    labels: NDArray[np.intp],
    odds: NDArray[np.float64],
) -> tuple[_Beams, NDArray[np.intp], NDArray[np.intp]]:
    """Take one step (N x 1 blanks, N x `CANDIDATES` labels and theirs).

    Also returns which prefix each came from and the label that it gained, `BLANK` for none.
    """
    again = labels[:, None] == beams.last[:, :, None]
    total = beams.ends_blank + beams.ends_label
    longer = np.where(again, beams.ends_blank[:, :, None], total[:, :, None]) * odds[:, None]
    ends_blank = total * blank
    ends_label = beams.ends_label * (again * odds[:, None]).sum(axis=2)
    # A prefix made longer may be one that is there already.
    n, mother, child = np.nonzero(beams.prefix[:, :, None] == beams.parent[:, None, :])
    pair, k = np.nonzero(again[n, child])
    n, mother, child = n[pair], mother[pair], child[pair]
    ends_label[n, child] += longer[n, mother, k]
    longer[n, mother, k] = 0

    grown = np.concatenate([ends_blank + ends_label, longer.reshape(len(labels), -1)], axis=1)
    kept = np.argpartition(-grown, BEAM - 1, axis=1)[:, :BEAM]
    share = np.take_along_axis(grown, kept, 1)
    mass = np.maximum(share.sum(axis=1, keepdims=True), TINY)
    stays = kept < BEAM
    came = np.where(stays, kept, (kept - BEAM) // CANDIDATES)
    added = np.where(stays, BLANK, np.take_along_axis(labels, (kept - BEAM) % CANDIDATES, 1))
    before, parent, last, ends_blank, ends_label = (
        np.take_along_axis(each, came, 1)
        for each in (beams.prefix, beams.parent, beams.last, ends_blank, ends_label)
    )
    prefix = np.where(stays, before, before * FACTOR + added.astype(np.uint64))
    grown_beams = _Beams(
        np.where(share > 0, prefix, NOTHING),
        np.where(share > 0, np.where(stays, parent, before), NONE),
        np.where(stays, last, added),
        np.where(stays, ends_blank, 0) / mass,
        np.where(stays, ends_label, share) / mass,
        beams.scale + np.log(mass[:, 0]),
    )
    return grown_beams, came, added


def _ranked(
    beams: _Beams, trail: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
) -> list[list[Ranked]]:
    """Spell out the prefixes that ended the search, the likeliest first.

    `trail` tells of each step which prefix each came from and the label that it gained.
    """
    share = beams.ends_blank + beams.ends_label
    place = np.argsort(-share, axis=1)
    share = np.take_along_axis(share, place, 1)
    spelled = np.zeros((len(trail), *share.shape), np.intp)
    for t in range(len(trail) - 1, -1, -1):
        came, added = trail[t]
        spelled[t] = np.take_along_axis(added, place, 1)
        place = np.take_along_axis(came, place, 1)
    found = []
    for n, scale in enumerate(beams.scale.tolist()):
        ranked = [
            (tuple(filter(BLANK.__ne__, labels)), math.log(p) + scale)
            for labels, p in zip(spelled[:, n].T.tolist(), share[n].tolist(), strict=True)
            if p > 0
        ]
        found.append(ranked or [((), -math.inf)])
    return found
