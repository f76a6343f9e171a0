"""What a training leaves behind: weights ready to read, calibrated, and the card that goes along.

The card (Mitchell et al. 2019, "Model cards for model reporting") says what was learnt from what,
and how well it reads what it has not learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import LedgermillError
from pipeline.evaluation.confidence import accuracy_at, calibration_error, equal_count, equal_width
from pipeline.evaluation.tables import key
from pipeline.models.load import digest, load_recognizer, read, write_recognizer
from pipeline.page import Reading
from pipeline.recognition.calibration import (
    Calibration,
    calibrate,
    fit,
    fit_characters,
    is_binary,
)
from pipeline.recognition.network import Recognizer
from pipeline.recognition.reader import load_reader, second_of
from pipeline.training.datasets import Labelled
from pipeline.training.loop import BEST, Schedule
from pipeline.training.recognizer import Lesson
from pipeline.version import CODE_VERSION

FOLDS = 5
ENOUGH = 500
"""Held-out samples from which on a calibration is better learnt than taken over."""

CROPS = 64
COVERAGE = 0.9
Sets = Mapping[str, Sequence[Labelled]]


@dataclass(frozen=True, slots=True)
class Judged:
    """A held-out set as it was read: `right` (N, bool), the readings and their crops' truths."""

    readings: tuple[Reading, ...]
    right: NDArray[np.bool_]
    samples: tuple[Labelled, ...]

    @property
    def accuracy(self) -> float:
        """The part that is exactly right."""
        return float(self.right.mean())


@dataclass(frozen=True, slots=True)
class Finished:
    """The file of weights and what its readings of the held-out sets are worth."""

    weights: Path
    card: Path
    accuracy: Mapping[str, float]


def finish(
    name: str,
    lesson: Lesson,
    schedule: Schedule,
    folder: Path,
    command: str,
    before: Calibration | None = None,
    second: str | None = None,
) -> Finished:
    """Make `NAME.safetensors` and its card `NAME.md` in `folder` of the training that ended there.

    `command` is what trains the like again. `before` is the calibration of the weights that were
    started from; it stays where too little was held out to learn another. `second` names the
    shipped weights that are asked for a second opinion. The weights are kept in half precision, and
    judged so. Raises `LedgermillError` where the training has not come to its
    first validation.
    """
    if not (folder / BEST).exists():
        raise LedgermillError(f"{folder}: no validation was reached; train for more steps")
    tensors, notes = read(folder / BEST)
    network = Recognizer(lesson.config)
    network.load_state_dict(tensors)
    path = folder / f"{name}.safetensors"
    said = {"name": name, "step": notes["step"], **({"second": second} if second else {})}
    write_recognizer(path, network, tensors, **said)
    judged = judge(path, lesson.validation)
    calibration = learn_calibration(list(judged.values()))
    if calibration is None or sum(len(found.right) for found in judged.values()) < ENOUGH:
        calibration = before or calibration
    kept = {"calibration": calibration.to_config()} if calibration else {}
    accuracy = {each: round(found.accuracy, 4) for each, found in judged.items()}
    write_recognizer(path, network, tensors, **said, accuracy=accuracy, **kept)
    digest.cache_clear()
    card = path.with_suffix(".md")
    card.write_text(_card(name, lesson, schedule, path, judged, calibration, command), "utf-8")
    return Finished(path, card, accuracy)


def judge(path: Path, sets: Sets) -> dict[str, Judged]:
    """Read held-out sets with weights, without calibration, and compare with their truths."""
    reader = load_reader(path, "cpu", CROPS, calibrated=False)
    judged = {}
    for name, samples in sets.items():
        readings = reader.read([sample.gray for sample in samples], None)
        right = [
            any(key(reading.text, s.compare) == key(text, s.compare) for text in s.texts)
            for reading, s in zip(readings, samples, strict=True)
        ]
        judged[name] = Judged(tuple(readings), np.array(right, bool), tuple(samples))
    return judged


def learn_calibration(sets: Sequence[Judged]) -> Calibration | None:
    """Return the calibration over held-out sets, each counting as much as any other.

    `None` where everything, or nothing, was read rightly: then there is nothing to learn.
    """
    readings = [reading for judged in sets for reading in judged.readings]
    right = np.concatenate([judged.right for judged in sets])
    weight = np.concatenate([np.full(len(j.right), 1 / max(1, len(j.right))) for j in sets])
    if right.all() or not right.any():
        return None
    binary = [is_binary(sample.gray) for judged in sets for sample in judged.samples]
    line = fit(readings, right, weight, binary).line
    odds, good = character_odds_of(sets)
    if good.all() or not good.any():
        return Calibration(line)
    return Calibration(line, fit_characters(odds, good))


def character_odds_of(sets: Sequence[Judged]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the odds of all characters up to the first wrong one of a reading, and which it is.

    A character's probability supposes that those before it are right: what follows a wrong one
    has no truth.
    """
    odds: list[float] = []
    good: list[bool] = []
    for judged in sets:
        for reading, sample in zip(judged.readings, judged.samples, strict=True):
            truth = max(sample.texts, key=lambda text: _shared(reading.text, text))
            shared = _shared(reading.text, truth)
            odds += reading.characters[: shared + 1]
            good += [True] * shared + [False] * (len(reading.characters) > shared)
    return np.array(odds), np.array(good, bool)


def _shared(text: str, truth: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(text, truth, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(text), len(truth)))


def held_out(judged: Judged, others: Sequence[Judged]) -> list[Reading]:
    """Return a set's readings as calibrated by what did not include them, in `FOLDS` parts."""
    place = np.arange(len(judged.right)) % FOLDS
    calibrated: dict[int, Reading] = {}
    for fold in range(FOLDS):
        rest = part(judged, place != fold)
        mended = as_calibrated(part(judged, place == fold), learn_calibration([rest, *others]))
        calibrated |= zip(np.flatnonzero(place == fold).tolist(), mended, strict=True)
    return [calibrated[i] for i in range(len(judged.right))]


def as_calibrated(judged: Judged, calibration: Calibration | None) -> list[Reading]:
    """Return a set's readings with a calibration, unchanged without one."""
    if calibration is None:
        return list(judged.readings)
    return [
        calibrate(reading, calibration, is_binary(sample.gray))
        for reading, sample in zip(judged.readings, judged.samples, strict=True)
    ]


def part(judged: Judged, which: NDArray[np.bool_]) -> Judged:
    """Return the readings of a set that `which` (N, bool) says."""
    chosen = np.flatnonzero(which).tolist()
    return Judged(
        tuple(judged.readings[i] for i in chosen),
        judged.right[which],
        tuple(judged.samples[i] for i in chosen),
    )


def _card(
    name: str,
    lesson: Lesson,
    schedule: Schedule,
    path: Path,
    judged: Mapping[str, Judged],
    calibration: Calibration | None,
    command: str,
) -> str:
    config = lesson.config
    network, notes = load_recognizer(path)
    second = second_of(path)
    count = sum(parameter.numel() for parameter in network.parameters())
    rows = ["| set | groups | samples | exactly right | ECE as read | ECE | 90 % kept |"]
    rows.append("| --- " + "| ---: " * 6 + "|")
    for each, found in judged.items():
        others = [other for other in judged.values() if other is not found]
        mended = [r.confidence for r in held_out(found, others)]
        raw = [r.confidence for r in found.readings]
        kept, _ = accuracy_at(mended, found.right, COVERAGE)
        groups = len({sample.group for sample in found.samples})
        before = calibration_error(equal_width(raw, found.right))
        after = calibration_error(equal_count(mended, found.right))
        rows.append(
            f"| {each} | {groups} | {len(found.right)} | {found.accuracy:.2%} | {before:.3f} "
            f"| {after:.3f} | {kept:.2%} |"
        )
    mended_note = (
        "Confidence is calibrated on these sets, or as it was where they are too small."
        if calibration
        else "Confidence is the network's own: nothing held out could calibrate it."
    )
    return "\n".join(
        [
            f"# {name}",
            "",
            f"Reads one line or cell of {len(config.alphabet)} characters: "
            f"{count:,} parameters, {config.sequence}, height {config.height}, "
            f"{path.stat().st_size / 1e6:.1f} MB in half precision.",
            "",
            f"    {command}",
            "",
            f"Up to {schedule.steps} steps of {lesson.crops} crops, rate {schedule.rate:g}, "
            f"seed {schedule.seed}; kept: step {notes['step']}. Code {CODE_VERSION}, "
            f"torch {torch.__version__}."
            + (f" Gray crops that it is unsure of, {second.stem} reads, too." if second else ""),
            "",
            "## What it reads of what it has not learnt from",
            "",
            *rows,
            "",
            "The step was chosen by these sets, whose groups (folders, writers, books) are in no "
            f"training sample. {mended_note} ECE: as read over 15 bins of equal width, then "
            "calibrated, by five parts of which each is judged by the other four, over 15 bins of "
            "equal count. Last column: what is right of the surest 90 %.",
            "",
            "## Characters",
            "",
            f"    {config.alphabet}",
            "",
        ]
    )
