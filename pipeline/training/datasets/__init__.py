"""Real pages, lines and cells with ground truth, read as samples to train and to validate on."""

from __future__ import annotations

from dataclasses import dataclass

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
