"""Learn a hand from a few dozen corrected cells, and tell whether that reads it better.

The network that read the cells goes on from where it is, a few minutes long, on nothing but them,
each time warped, blotted and cut otherwise, and then half the way back to where it was, which keeps
what it knew of other hands (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models"). First
each part is read by what learnt from the others: what is not measured to be better is not used.
Where it is, the network learns from all of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.errors import BadInput
from pipeline.models.load import load_recognizer, read, write
from pipeline.recognition.calibration import from_config, is_binary
from pipeline.recognition.reader import second_of
from pipeline.training.datasets import Labelled
from pipeline.training.finish import finish, judge
from pipeline.training.loop import BEST, Progress, Schedule
from pipeline.training.numeric import NumericSource, sampler
from pipeline.training.recognizer import Lesson, costs_of, train

NAME = "numeric"
FEWEST = 20
"""Fewer corrected cells teach less than they may spoil."""

PARTS = 4
"""In so many the corrections are divided to measure."""

LUCK = 0.05
"""So rarely may it be luck that what the cells say became so much likelier.

How many are read rightly tells too little: of sixty cells few are wrong, and some do not show what
they say. For how many it became likelier tells too much: of what is sure already, nearly all.
"""

DOUBTED = math.log(20)
"""What is given less than one chance in twenty may be no more than what somebody typed; that costs
so much, and no more.
"""

HALF = 0.5
"""How much of the way from the weights it went on from is kept."""

SCHEDULE = Schedule(
    steps=160, rate=3e-4, warmup=20, validate_every=160, decay=0.98, weight_decay=0.0
)
CROPS = 32


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of it: of `cells` corrected ones, how many are read rightly `before` and `after`.

    `gain` says by how much what they say became likelier, in nats over all cells, and `luck` how
    often that is so by chance. They and `after` are what the network made of each part that had
    learnt from the others. `weights` are those that learnt from all cells, `None` where it is no
    better.
    """

    cells: int
    before: int
    after: int
    gain: float
    luck: float
    weights: Path | None


def adapt(
    start: Path,
    corrected: Sequence[Labelled],
    proved: Sequence[Labelled],
    folder: Path,
    device: str = "cpu",
    report: Callable[[Progress], None] | None = None,
) -> Adapted:
    """Go on from the weights `start` with cells that people corrected, in `folder`.

    `corrected` are divided into parts by their groups (documents, pages), of which each is read by
    what learnt from the others; `proved` cells, which the table's own arithmetic vouches for, are
    learnt as well, and never measured on. `before` is measured as pages are read. Raises
    `BadInput` for fewer than `FEWEST`.
    """
    if len(corrected) < FEWEST:
        reason = f"only {len(corrected)} corrected numbers can be learnt from"
        raise BadInput("corrections", reason, f"correct or accept {FEWEST} and more of one hand")
    before = int(judge(start, {"held": corrected})["held"].right.sum())
    after = 0
    gains: list[NDArray[np.float64]] = []
    parts = divided(corrected)
    for i, held in enumerate(parts):
        learnt = [cell for part in parts if part is not held for cell in part]
        weights = _learn(start, [*learnt, *proved], held, folder / f"part-{i}", device, report)
        after += int(judge(weights, {"held": held})["held"].right.sum())
        gains.append(_costs(start, held) - _costs(weights, held))
    gained = np.concatenate(gains)
    luck = chance(gained)
    last = None
    if after >= before and luck < LUCK:
        last = _learn(start, [*corrected, *proved], corrected, folder / "all", device, report)
    return Adapted(len(corrected), before, after, float(gained.sum()), luck, last)


def chance(gains: NDArray[np.float64]) -> float:
    """Return how often gains are in sum as large where each may as well be a loss.

    A permutation test (Fisher 1935): the sign of each is drawn 20,000 times.
    """
    signs = np.random.default_rng(0).choice((-1.0, 1.0), (20_000, gains.size))
    return float((signs @ gains >= gains.sum()).mean())


def _costs(weights: Path, cells: Sequence[Labelled]) -> NDArray[np.float64]:
    """Return the cost of each cell's truth, in nats, where it is not beyond belief."""
    return np.minimum(costs_of(load_recognizer(weights)[0], cells), DOUBTED)


def divided(samples: Sequence[Labelled]) -> list[list[Labelled]]:
    """Divide samples into at most `PARTS` of about the same size, no group in two of them.

    Those of a single group are dealt out by turns.
    """
    counts = Counter(sample.group for sample in samples)
    if len(counts) == 1:
        return [list(samples[i::PARTS]) for i in range(min(PARTS, len(samples)))]
    sizes = [0] * min(PARTS, len(counts))
    home: dict[str, int] = {}
    for group, count in counts.most_common():
        home[group] = sizes.index(min(sizes))
        sizes[home[group]] += count
    return [[s for s in samples if home[s.group] == part] for part in range(len(sizes))]


def _learn(
    start: Path,
    learnt: Sequence[Labelled],
    held: Sequence[Labelled],
    folder: Path,
    device: str,
    report: Callable[[Progress], None] | None,
) -> Path:
    """Return the weights that went on from `start` with what is `learnt`."""
    network, config = load_recognizer(start)
    gray = [cell for cell in learnt if not is_binary(cell.gray)]
    binary = [cell for cell in learnt if is_binary(cell.gray)]
    make = sampler(NumericSource(gray=gray, binary=binary))
    lesson = Lesson(network.config, make, {"held": held}, CROPS)
    train(lesson, SCHEDULE, folder, device, network.state_dict(), report)
    _go_back(folder / BEST, network.state_dict())
    asked = second_of(start)
    return finish(
        NAME,
        lesson,
        SCHEDULE,
        folder,
        "ledgermill learn",
        from_config(config),
        None if asked is None else asked.stem,
    ).weights


def _go_back(path: Path, start: Mapping[str, Tensor]) -> None:
    """Leave of the way from the weights `start` to those in a file only `HALF`."""
    tensors, notes = read(path)
    mixed = {
        name: torch.lerp(start[name].float(), tensor.float(), HALF)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in tensors.items()
    }
    write(path, mixed, notes)
