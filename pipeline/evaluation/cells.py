"""Cut-out cells and lines, read by `recognize`, against their truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from pipeline.evaluation.tables import Compare, key
from pipeline.evaluation.text import TextScore, score_text


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
    """Counts over cut-outs: how many have a truth, how many of those were read, and rightly."""

    cells: int = 0
    read: int = 0
    right: int = 0
    text: TextScore = field(default_factory=TextScore)

    @property
    def accuracy(self) -> float | None:
        """The part of the cells that is exactly right; an unread one is not."""
        return self.right / self.cells if self.cells else None

    def __add__(self, other: CellScore) -> CellScore:
        return CellScore(
            self.cells + other.cells,
            self.read + other.read,
            self.right + other.right,
            self.text + other.text,
        )

    def to_json(self) -> dict[str, Any]:
        """Return rates and counts as plain numbers."""
        return {
            "accuracy": self.accuracy,
            "cells": self.cells,
            "read": self.read,
            "right": self.right,
            "text": self.text.to_json(),
        }


def score_cells(truths: Iterable[CellTruth], readings: Mapping[str, str]) -> dict[str, CellScore]:
    """Return the score of each group of cut-outs; `readings` are texts by the path as read.

    A reading belongs to a truth if its path ends in the truth's `image`, folder by folder.
    """
    ends: dict[tuple[str, ...], str] = {}
    for path, text in readings.items():
        parts = PurePath(path).parts
        for length in range(1, min(len(parts), 4) + 1):
            ends[parts[-length:]] = text
    scores: dict[str, CellScore] = {}
    for truth in truths:
        image = PurePath(truth.image)
        read = ends.get(image.parts)
        right = read is not None and key(read, truth.compare) == key(truth.text, truth.compare)
        score = CellScore(1, read is not None, right, score_text(truth.text, read or ""))
        scores[truth.group] = scores.get(truth.group, CellScore()) + score
    return scores
