"""What learning a hand is judged by; the whole of it is in tests/workers/test_learning.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pipeline.models.load import load_recognizer, model_path, read, write
from pipeline.training.adapt import HALF, _go_back, chance, divided
from pipeline.training.datasets import Labelled
from pipeline.training.recognizer import costs_of


def test_gains_are_luck_or_not() -> None:
    rng = np.random.default_rng(1)
    assert chance(np.zeros(20)) == 1
    assert chance(rng.random(20)) < 1e-3
    assert 0.05 < chance(rng.normal(0, 1, 200)) < 0.95
    # Many that gain next to nothing do not outweigh the few that lose.
    assert chance(np.array([0.01] * 50 + [-1.0] * 3)) > 0.5


def test_half_of_the_way_is_kept(tmp_path: Path) -> None:
    start = {"a": torch.tensor([1.0, 2.0]), "n": torch.tensor(3)}
    write(tmp_path / "w", {"a": torch.tensor([2.0, 4.0]), "n": torch.tensor(4)}, {"step": 5})
    _go_back(tmp_path / "w", start)
    tensors, notes = read(tmp_path / "w")
    assert tensors["a"].tolist() == [1 + HALF, 2 + 2 * HALF]
    assert (int(tensors["n"]), notes) == (4, {"step": 5})


def test_what_a_cell_shows_costs_less_than_what_it_does_not() -> None:
    network, _ = load_recognizer(model_path("numeric"))
    gray = np.full((40, 60), 255, np.uint8)
    gray[8:32, 28:32] = 0  # a stroke: a one
    shown, other = costs_of(network, [Labelled(gray, (text,), "g") for text in ("1", "8")])
    assert 0 <= shown < other


def test_no_group_is_in_two_parts() -> None:
    gray = np.zeros((1, 1), np.uint8)
    cells = [Labelled(gray, (str(i),), f"page {i % 7}") for i in range(50)]
    parts = divided(cells)
    assert sum(map(len, parts)) == 50
    groups = [{cell.group for cell in part} for part in parts]
    assert sum(map(len, groups)) == 7
