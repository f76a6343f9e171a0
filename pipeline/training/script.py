"""Train the script classifier on the samples of the three recognizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.recognition.alphabets import NUMERIC
from pipeline.recognition.crops import batch
from pipeline.recognition.script import SCRIPTS, ScriptNetwork, ScriptRouter, fit_script, script_of
from pipeline.training.augment import Rng
from pipeline.training.datasets import Labelled
from pipeline.training.loop import Progress, Schedule, Scores, fit
from pipeline.training.recognizer import Lesson

CROPS = 64

Batch = tuple[Tensor, Tensor, Tensor]
"""Pixels N x 1 x 48 x W, widths N, classes N."""


@dataclass(frozen=True, slots=True)
class ScriptLesson:
    """The samples of each recognizer, in equal shares, and named sets to validate on."""

    samples: Sequence[Callable[[Rng], Labelled]]
    validation: Mapping[str, Sequence[Labelled]]


def lesson_of(lessons: Sequence[Lesson]) -> ScriptLesson:
    """Return the lesson that the recognizers' lessons make up."""
    validation = {name: items for part in lessons for name, items in part.validation.items()}
    return ScriptLesson([part.sample for part in lessons], validation)


def train_script(
    lesson: ScriptLesson,
    schedule: Schedule,
    folder: Path,
    report: Callable[[Progress], None] | None = None,
) -> float:
    """Train and return the best score: the mean over scripts of the part that is told rightly."""
    torch.manual_seed(schedule.seed)

    def sample(step: int) -> Batch:
        rng = np.random.default_rng((schedule.seed, step))
        items = [lesson.samples[i % len(lesson.samples)](rng) for i in range(CROPS)]
        pixels, widths = batch([fit_script(item.gray) for item in items])
        classes = [SCRIPTS.index(script_of(item.texts[0], NUMERIC)) for item in items]
        return pixels, widths, torch.tensor(classes)

    return fit(
        ScriptNetwork(),
        sample,
        _loss,
        lambda network: validate(network, lesson.validation),
        schedule,
        folder,
        report,
    )


def _loss(network: ScriptNetwork, members: Batch) -> Tensor:
    pixels, widths, classes = members
    return functional.cross_entropy(network(pixels, widths).float(), classes)


def validate(network: ScriptNetwork, sets: Mapping[str, Sequence[Labelled]]) -> Scores:
    """Return the part of each set that is told rightly, and the mean over scripts as `score`."""
    router = ScriptRouter(network, "cpu")
    scores: Scores = {}
    right: dict[str, list[bool]] = {}
    for name, items in sets.items():
        told = router.route([item.gray for item in items])
        truth = [script_of(item.texts[0], NUMERIC) for item in items]
        found = [a == b for a, b in zip(told, truth, strict=True)]
        scores[name] = float(np.mean(found))
        for script, correct in zip(truth, found, strict=True):
            right.setdefault(script, []).append(correct)
    return {"score": float(np.mean([np.mean(found) for found in right.values()])), **scores}
