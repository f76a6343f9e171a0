"""What the `latin` and `korean` recognizers learn from: drawn lines, and real ones where present.

Real lines of few writers teach what handwriting and old print look like, drawn ones what letters
there are. Every drawn line is bent, framed by its neighbours' strokes, aged and scanned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import LedgermillError
from pipeline.preprocess import Gray
from pipeline.training.augment import Rng, chance
from pipeline.training.datasets import Labelled
from pipeline.training.hands import Hand, set_line, writable
from pipeline.training.wear import age, bend, frame, handle, recut, relight

STRIPS = 96
"""So many lines are drawn beforehand, to be the rows above, below and behind."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Drawn lines: `styles` are the shares of the hands' styles, `text` says what they are to say.

    `respell` changes a text for a style before it is drawn (the long s of Fraktur).
    """

    hands: Sequence[Hand]
    styles: Mapping[str, float]
    text: Callable[[Rng], str]
    respell: Mapping[str, Callable[[str, Rng], str]]


@dataclass(frozen=True, slots=True)
class Real:
    """Real lines and the share of all samples that they are to be; long lines come more often."""

    lines: Sequence[Labelled]
    share: float


def sampler(drawn: Drawn, real: Sequence[Real] = ()) -> Callable[[Rng], Labelled]:
    """Return a function that makes one training line. Raises `LedgermillError` without any hand."""
    families = _families(drawn)
    if not families:
        raise LedgermillError(
            "no faces to draw in; run python -m pipeline.training.install_fonts and train again"
        )
    styles = list(families)
    shares = np.array([drawn.styles[style] for style in styles])
    bounds = np.cumsum(shares / shares.sum())
    present = [part for part in real if part.lines]
    reals = np.cumsum([part.share for part in present])
    weights = [
        np.cumsum([math.sqrt(len(line.texts[0])) for line in part.lines]) for part in present
    ]

    def draw(rng: Rng) -> tuple[Gray, str]:
        """Return a tight drawn line and its text."""
        while True:
            style = styles[int(np.searchsorted(bounds, rng.random() * bounds[-1]))]
            group = families[style][int(rng.integers(len(families[style])))]
            hand = group[int(rng.integers(len(group)))]
            text = drawn.text(rng)
            if style in drawn.respell:
                text = drawn.respell[style](text, rng)
            if text := writable(text, hand):
                strength = 1.0 if hand.written else 0.4
                return bend(_padded(set_line(text, hand, _size(rng), rng)), rng, strength), text

    first = np.random.default_rng(0)
    strips = [draw(first)[0] for _ in range(STRIPS)]

    def sample(rng: Rng) -> Labelled:
        at = int(np.searchsorted(reals, rng.random(), side="right"))
        if at < len(present):
            mass = weights[at]
            picked = int(np.searchsorted(mass, rng.random() * mass[-1], side="right"))
            return worn(present[at].lines[picked], rng)
        tight, text = draw(rng)
        seen = handle(age(frame(tight, rng, strips), rng, strips), rng)
        return Labelled(seen, (text,), "drawn")

    return sample


def worn(line: Labelled, rng: Rng) -> Labelled:
    """Return a real line, most often changed in shape, light and cut."""
    gray = line.gray
    if chance(rng, 0.85):
        gray = bend(gray, rng, 0.8)
    gray = relight(recut(gray, rng), rng)
    return Labelled(handle(gray, rng), line.texts, line.group, line.compare)


def _families(drawn: Drawn) -> dict[str, list[list[Hand]]]:
    """Return the hands by style, then by package, so that large packages are not drawn more."""
    found: dict[str, dict[str, list[Hand]]] = {}
    for hand in drawn.hands:
        if drawn.styles.get(hand.style, 0) > 0:
            package = "" if hand.faces[0].path is None else hand.faces[0].path.parent.name
            found.setdefault(hand.style, {}).setdefault(package, []).append(hand)
    return {style: list(packages.values()) for style, packages in found.items()}


def _size(rng: Rng) -> int:
    """Return pixels an em: few sizes, so that fonts are not loaded again and again."""
    return int(rng.choice((28, 34, 40, 48)))


def _padded(gray: Gray) -> Gray:
    """Return the line with room for it to bend."""
    room = max(3, gray.shape[0] // 10)
    return np.pad(gray, ((room, room), (room, room)), constant_values=255)
