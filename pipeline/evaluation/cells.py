"""Cut-out cells and lines, read by `recognize`, against their truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from pipeline.evaluation.tables import Compare, difference, key
from pipeline.evaluation.text import TextScore, score_text
from pipeline.evaluation.trust import Says, TrustScore, score_cell


@dataclass(frozen=True, slots=True)
class CellTruth:
    """What stands on one cut-out; `image` is its path below the folder of the truth.

    `group` is what it is reported under: the sheet or folder that it comes from.
    """

    image: str
    text: str
    compare: Compare = "text"
    group: str = ""


@dataclass(frozen=True, slots=True)
class CellScore:
    """Counts over cut-outs: how many have a truth, how many of those were read, and rightly.

    `compared` are numbers in truth and reading, `error` is the sum of their differences.
    """

    cells: int = 0
    read: int = 0
    right: int = 0
    text: TextScore = field(default_factory=TextScore)
    compared: int = 0
    error: float = 0.0
    trust: TrustScore = field(default_factory=TrustScore)

    @property
    def accuracy(self) -> float | None:
        """The part of the cells that is exactly right; an unread one is not."""
        return self.right / self.cells if self.cells else None

    @property
    def mae(self) -> float | None:
        """Mean absolute error over cells that are a number in truth and reading."""
        return self.error / self.compared if self.compared else None

    def __add__(self, other: CellScore) -> CellScore:
        return CellScore(
            self.cells + other.cells,
            self.read + other.read,
            self.right + other.right,
            self.text + other.text,
            self.compared + other.compared,
            self.error + other.error,
            self.trust + other.trust,
        )

    def to_json(self) -> dict[str, Any]:
        """Return rates and counts as plain numbers."""
        return {
            "accuracy": self.accuracy,
            "cells": self.cells,
            "read": self.read,
            "right": self.right,
            "mae": self.mae,
            "mae_values": self.compared,
            "trust": self.trust.to_json(),
            "text": self.text.to_json(),
        }


def score_cells(truths: Iterable[CellTruth], readings: Mapping[str, Says]) -> dict[str, CellScore]:
    """Return the score of each group of cut-outs; `readings` go by the path as read.

    A reading belongs to a truth if its path ends in the truth's `image`, folder by folder.
    """
    ends: dict[tuple[str, ...], Says] = {}
    for path, says in readings.items():
        parts = PurePath(path).parts
        for length in range(1, min(len(parts), 4) + 1):
            ends[parts[-length:]] = says
    scores: dict[str, CellScore] = {}
    for truth in truths:
        score = _score(truth, ends.get(PurePath(truth.image).parts))
        scores[truth.group] = scores.get(truth.group, CellScore()) + score
    return scores


def _score(truth: CellTruth, says: Says | None) -> CellScore:
    if says is None:
        return CellScore(1, text=score_text(truth.text, ""), trust=TrustScore(values=1))
    off = difference(truth.text, says.text, truth.compare)
    return CellScore(
        1,
        1,
        int(key(says.text, truth.compare) == key(truth.text, truth.compare)),
        score_text(truth.text, says.text),
        int(off is not None),
        float(off or 0),
        score_cell(truth.text, says, truth.compare),
    )
