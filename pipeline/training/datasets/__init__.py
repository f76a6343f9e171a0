"""Real pages, lines and cells with ground truth, read as samples to train and to validate on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.evaluation.tables import Compare
from pipeline.preprocess import Gray


@dataclass(frozen=True, slots=True)
class Labelled:
    """A crop of one line (h x w, gray, dark on light) and what it says.

    `texts` are the spellings that the truth allows: a transcriber's `28` may stand for a written
    `28,0`. `group` is what may not be on both sides of a split: a folder, writer or book. Where
    `sure` is false the text is another program's reading, to be believed only where the network
    comes to agree.
    """

    gray: Gray
    texts: tuple[str, ...]
    group: str
    compare: Compare = "text"
    sure: bool = True


EVERY = 8
FROM = 3

Split = tuple[list[Labelled], list[Labelled]]


def split(samples: Sequence[Labelled]) -> Split:
    """Divide samples into those to train and those to validate on, by group.

    Of the sorted groups, the 4th and every 8th after it is held back; of fewer than four the last;
    of a single one every fifth sample. Validation keeps what is sure.
    """
    groups = sorted({sample.group for sample in samples})
    if len(groups) == 1:
        held = [sample for sample in samples[::5] if sample.sure]
        return [sample for i, sample in enumerate(samples) if i % 5], held
    out = set(groups[FROM::EVERY] or groups[-1:])
    train = [sample for sample in samples if sample.group not in out]
    return train, [sample for sample in samples if sample.group in out and sample.sure]


def reduced(gray: Gray, tallest: int) -> Gray:
    """Return the image no taller than `tallest` pixels."""
    if gray.shape[0] <= tallest:
        return gray
    size = (max(1, round(gray.shape[1] * tallest / gray.shape[0])), tallest)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
