"""Learn a hand from a few dozen corrected cells, and tell whether that reads it better.

The network that read the cells goes on from where it is, a few minutes long, on nothing but them,
each time warped, blotted and cut otherwise. A part is held back first: what is not measured to be
better is not used. Where it is, the network learns once more, from all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from pipeline.errors import BadInput
from pipeline.models.load import load_recognizer
from pipeline.recognition.calibration import from_config, is_binary
from pipeline.recognition.crops import fit_crop
from pipeline.recognition.network import Recognizer, RecognizerConfig
from pipeline.recognition.reader import second_of
from pipeline.training.datasets import Labelled, split
from pipeline.training.finish import finish, judge
from pipeline.training.loop import Progress, Schedule
from pipeline.training.numeric import NumericSource, sampler
from pipeline.training.recognizer import Lesson, collate, loss, train

NAME = "numeric"
FEWEST = 20
"""Fewer corrected cells teach less than they may spoil."""

SURER = 0.8
"""To what part the cost of what is held back must fall."""

SCHEDULE = Schedule(
    steps=160, rate=3e-4, warmup=20, validate_every=40, patience=4, decay=0.98, weight_decay=0.0
)
CROPS = 32


@dataclass(frozen=True, slots=True)
class Adapted:
    """What came of it: the part of `held` cells read exactly right `before` and `after`.

    `weights` are those that learnt from all cells, `None` where they are no better.
    """

    learnt: int
    held: int
    before: float
    after: float
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

    `corrected` are divided by their groups (documents, pages) into what is learnt and what is held
    back (`pipeline.training.datasets.split`); `proved` cells, which the table's own arithmetic
    vouches for, are learnt as well, and never measured on. `before` is measured with all networks
    that `start` stands beside, as pages are read. Raises `BadInput` for fewer than `FEWEST`.
    """
    if len(corrected) < FEWEST:
        reason = f"only {len(corrected)} corrected numbers can be learnt from"
        raise BadInput("corrections", reason, f"correct or accept {FEWEST} and more of one hand")
    network, config = load_recognizer(start)
    learnt, held = split(corrected)
    lesson = _lesson(network.config, [*learnt, *proved], held)
    before = judge(start, {"held": held})["held"].accuracy
    first = folder / "held-back"
    train(lesson, SCHEDULE, first, device, network.state_dict(), report)
    command = f"ledgermill learn (from {start.name})"
    asked = second_of(start)
    second = None if asked is None else asked.stem
    done = finish(NAME, lesson, SCHEDULE, first, command, from_config(config), second)
    after = done.accuracy["held"]
    adapted, _ = load_recognizer(done.weights)
    if not is_better((before, after), (_cost(network, held), _cost(adapted, held))):
        return Adapted(len(learnt), len(held), before, after, None)
    everything = _lesson(network.config, [*corrected, *proved], held)
    whole = replace(SCHEDULE, validate_every=SCHEDULE.steps)
    train(everything, whole, folder / "all", device, network.state_dict(), report)
    last = finish(NAME, everything, whole, folder / "all", command, from_config(config), second)
    return Adapted(len(learnt), len(held), before, after, last.weights)


def is_better(right: tuple[float, float], cost: tuple[float, float]) -> bool:
    """Return whether what is held back is read better than before: more of it, and more surely.

    `right` are the parts read rightly before and after, `cost` the mean negative log-likelihoods of
    the truths. Of a dozen cells one more may be luck; that all truths became likelier is not.
    """
    return right[1] > right[0] and cost[1] < SURER * cost[0]


def _cost(network: Recognizer, held: Sequence[Labelled]) -> float:
    config = network.config
    classes = {character: i for i, character in enumerate(config.alphabet, 1)}
    cells = [(fit_crop(c.gray, config.height, config.least, config.area), c) for c in held]
    with torch.no_grad():
        return float(loss(network, collate(cells, classes)))


def _lesson(
    config: RecognizerConfig, learnt: Sequence[Labelled], held: Sequence[Labelled]
) -> Lesson:
    gray = [cell for cell in learnt if not is_binary(cell.gray)]
    binary = [cell for cell in learnt if is_binary(cell.gray)]
    make = sampler(NumericSource(gray=gray, binary=binary))
    return Lesson(config, make, {"held": held}, CROPS)
