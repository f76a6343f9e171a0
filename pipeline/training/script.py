"""Train the script classifier: `python -m pipeline.training.script OUT --data FOLDER`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.models.load import read, write
from pipeline.recognition.alphabets import NUMERIC
from pipeline.recognition.crops import batch
from pipeline.recognition.script import (
    SCRIPTS,
    ScriptNetwork,
    ScriptRouter,
    fit_script,
    load_router,
    script_of,
)
from pipeline.training.augment import Rng
from pipeline.training.datasets import Labelled
from pipeline.training.loop import BEST, Progress, Schedule, Scores, fit
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


def finish_script(folder: Path, lesson: ScriptLesson, schedule: Schedule, command: str) -> Path:
    """Write `script.safetensors` and its card `script.md` of the training in `folder`."""
    tensors, notes = read(folder / BEST)
    path = folder / "script.safetensors"
    halves = {name: tensor.to(torch.float16) for name, tensor in tensors.items()}
    write(path, halves, {"name": "script", "step": notes["step"]})
    network = load_router(path).network
    scores = validate(network, lesson.validation)
    count = sum(parameter.numel() for parameter in network.parameters())
    rows = [f"| {name} | {len(items)} | {scores[name]:.2%} |"
            for name, items in lesson.validation.items()]  # fmt: skip
    card = [
        "# script", "",
        f"Tells which recognizer a crop is for ({', '.join(SCRIPTS)}): {count:,} parameters, "
        f"{path.stat().st_size / 1e6:.2f} MB in half precision.", "",
        f"    {command}", "",
        "Learnt from the samples of the three recognizers in equal shares, drawn and real; a "
        "sample's script is that of its text: korean with any Hangul, numeric if the numeric "
        f"alphabet can write all of it. Up to {schedule.steps} steps of {CROPS} crops, rate "
        f"{schedule.rate:g}, seed {schedule.seed}; kept: step {notes['step']}.", "",
        "## What it tells rightly of what it has not learnt from", "",
        "| set | crops | right |", "| --- | ---: | ---: |", *rows, "",
        f"Mean over scripts: {scores['score']:.2%}. The step was chosen by these sets.", "",
    ]  # fmt: skip
    path.with_suffix(".md").write_text("\n".join(card), "utf-8")
    return path


def main() -> None:
    """Train on the folder that the command line names, and write weights and card."""
    from pipeline.training.lessons import LESSONS

    parser = argparse.ArgumentParser(description="Train the classifier of scripts.")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the training")
    parser.add_argument("--data", type=Path, help="folder of the real lines and cells")
    parser.add_argument("--steps", type=int, default=1500)
    options = parser.parse_args()
    parts = [LESSONS[name](options.data, options.out) for name in SCRIPTS]
    schedule = Schedule(options.steps, rate=2e-3, warmup=100, validate_every=300, patience=20)
    lesson = lesson_of(parts)
    train_script(lesson, schedule, options.out, _say)
    command = f"python -m pipeline.training.script OUT --steps {options.steps}"
    if options.data is not None:
        command += f" --data {options.data}"
    sys.stdout.write(f"{finish_script(options.out, lesson, schedule, command)}\n")


def _say(progress: Progress) -> None:
    score = progress.scores["score"]
    sys.stderr.write(f"step {progress.step}: loss {progress.loss:.3f}, score {score:.4f}\n")


if __name__ == "__main__":
    main()
