"""The cells that no training sees, for the benchmarks that judge recognizers."""

from __future__ import annotations

from pathlib import Path

from pipeline.training.datasets import Labelled, split
from pipeline.training.datasets.cells import read_cells

SETS = {"drc": "drc-temperature-cells", "congo": "congo-ledger-cells"}
"""Handwritten cells: binarized ones, compared by digits, and gray ones, compared as numbers."""


def heldout(data: Path) -> dict[str, list[Labelled]]:
    """Return the held-out cells of each set that is in `data`, by the rule of the training."""
    return {name: divided(data, name)[1] for name in SETS if (data / SETS[name]).is_dir()}


def divided(data: Path, name: str) -> tuple[list[Labelled], list[Labelled]]:
    """Return the cells of a set to train on, and those held out."""
    return split(read_cells(data / SETS[name]))
