"""Train a recognizer: CTC over every spelling that a sample's truth allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.evaluation.tables import key
from pipeline.evaluation.text import score_text
from pipeline.models.load import load_recognizer, model_path
from pipeline.precision import half_precision
from pipeline.recognition.crops import batch, fit_crop
from pipeline.recognition.network import STRIDE, Recognizer, RecognizerConfig
from pipeline.training.augment import Rng
from pipeline.training.datasets import Labelled
from pipeline.training.loop import Progress, Schedule, Scores, fit

POOL = 4
"""So many batches are drawn together and sorted by width: little is padding then."""

DISBELIEF = 2.0
"""A spelling that is not sure is learnt only if its negative log-probability is below this."""


NO_PATH = 1000.0
"""The negative log-probability of a spelling that does not fit into the crop."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops of similar width and the classes of their spellings.

    `pixels` N x 1 x H x W, `widths` N; `labels` are the classes of all spellings one after the
    other, `lengths` (M) theirs, `owner` (M) the crop of each; `sure` (N, bool).
    """

    pixels: Tensor
    widths: Tensor
    labels: Tensor
    lengths: Tensor
    owner: Tensor
    sure: Tensor


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a recognizer is to learn: how one training crop is made, and what it is judged by.

    `validation` are named sets; the score is the mean over them of the part that is exactly right,
    for sets of free text 1 - CER. `begins_with` names shipped weights to start from, as far as
    they fit, where no others are given: what has learnt one script sees the strokes of another.
    """

    config: RecognizerConfig
    sample: Callable[[Rng], Labelled]
    validation: Mapping[str, Sequence[Labelled]]
    crops: int = 64
    begins_with: str | None = None


def train(
    lesson: Lesson,
    schedule: Schedule,
    folder: Path,
    device: str = "cpu",
    start: Mapping[str, Tensor] | None = None,
    report: Callable[[Progress], None] | None = None,
) -> float:
    """Train and return the best score; see `pipeline.training.loop.fit` for what is written.

    `start` are weights to go on from, or else those that the lesson begins with: those whose names
    and shapes are the network's.
    """
    if start is None and lesson.begins_with is not None:
        start = load_recognizer(model_path(lesson.begins_with))[0].state_dict()
    torch.manual_seed(schedule.seed)
    network = Recognizer(lesson.config).to(device)
    if start is not None:
        own = network.state_dict()
        fitting = {n: t for n, t in start.items() if n in own and own[n].shape == t.shape}
        network.load_state_dict(own | fitting)
    batches = Batches(lesson, schedule.seed)
    return fit(
        network,
        lambda step: to_device(batches(step), device),
        loss,
        lambda trained: validate(trained, lesson.validation),
        schedule,
        folder,
        report,
    )


class Batches:
    """Makes the batch of a step, from the seed and the step's number alone."""

    def __init__(self, lesson: Lesson, seed: int) -> None:
        self.lesson = lesson
        self.seed = seed
        self.classes = {c: i for i, c in enumerate(lesson.config.alphabet, 1)}
        self.pool = lru_cache(2)(self._pool)

    def __call__(self, step: int) -> Batch:
        """Return the batch of `step`."""
        order = np.random.default_rng((self.seed, step // POOL, 1)).permutation(POOL)
        pool = self.pool(step // POOL)
        part = int(order[step % POOL])
        members = pool[part * self.lesson.crops : (part + 1) * self.lesson.crops]
        return collate(members, self.classes)

    def _pool(self, number: int) -> list[tuple[np.ndarray, Labelled]]:
        rng = np.random.default_rng((self.seed, number))
        config = self.lesson.config
        found = []
        for _ in range(POOL * self.lesson.crops):
            item = self.lesson.sample(rng)
            crop = fit_crop(item.gray, config.height, config.least, config.area)
            found.append((crop, item))
        return sorted(found, key=lambda pair: pair[0].shape[1])


def collate(
    members: Sequence[tuple[np.ndarray, Labelled]],
    classes: Mapping[str, int],
) -> Batch:
    """Return a batch of fitted crops (H x W) and what they say; unknown characters are left out."""
    pixels, widths = batch([crop for crop, _ in members])
    spelt = [
        (owner, [classes[c] for c in text if c in classes])
        for owner, (_, item) in enumerate(members)
        for text in item.texts
    ]
    return Batch(
        pixels,
        widths,
        torch.tensor([label for _, labels in spelt for label in labels]),
        torch.tensor([len(labels) for _, labels in spelt]),
        torch.tensor([owner for owner, _ in spelt]),
        torch.tensor([item.sure for _, item in members]),
    )


def to_device(members: Batch, device: str) -> Batch:
    """Return the batch with its pixels and widths on `device`."""
    if device == "cpu":
        return members
    return Batch(
        members.pixels.to(device),
        members.widths.to(device),
        members.labels,
        members.lengths,
        members.owner.to(device),
        members.sure.to(device),
    )


def loss(network: Recognizer, members: Batch) -> Tensor:
    """Return the mean cost of a batch; what is unsure counts where the network comes to agree."""
    cost = costs(network, members)
    counts = members.sure | (cost.detach() < DISBELIEF)
    return (cost * counts).sum() / counts.sum().clamp_min(1)


def costs(network: Recognizer, members: Batch) -> Tensor:
    """Return the negative log-probability of the spellings of each crop (N), summed over them."""
    logits = network(members.pixels, members.widths)
    rows = functional.log_softmax(logits.float(), dim=2)[members.owner].transpose(0, 1)
    steps = torch.div(members.widths + STRIDE - 1, STRIDE, rounding_mode="floor")
    each = functional.ctc_loss(
        rows,
        members.labels.to(rows.device),
        steps[members.owner],
        members.lengths.to(rows.device),
        reduction="none",
        zero_infinity=False,
    )
    each = each.clamp(max=NO_PATH)  # a crop too narrow for its text has no path at all
    # log-sum-exp over the spellings of one crop
    count = len(members.widths)
    best = torch.full((count,), NO_PATH, device=each.device)
    best = best.scatter_reduce(0, members.owner, each.detach(), "amin")
    mass = torch.zeros(count, device=each.device)
    mass = mass.index_add(0, members.owner, torch.exp(best[members.owner] - each))
    return best - torch.log(mass)


def costs_of(network: Recognizer, samples: Sequence[Labelled]) -> NDArray[np.float64]:
    """Return the negative log-probability of what each sample says (N), on the host."""
    config = network.config
    classes = {c: i for i, c in enumerate(config.alphabet, 1)}
    found = np.zeros(len(samples))
    with torch.inference_mode():
        for i, sample in enumerate(samples):
            crop = fit_crop(sample.gray, config.height, config.least, config.area)
            found[i] = float(costs(network, collate([(crop, sample)], classes)))
    return found


def validate(network: Recognizer, sets: Mapping[str, Sequence[Labelled]]) -> Scores:
    """Return the part of each set that is read exactly right, its CER, and their mean `score`."""
    scores: Scores = {}
    counted = []
    for name, items in sets.items():
        texts = read_all(network, [item.gray for item in items])
        right = [
            any(key(text, item.compare) == key(truth, item.compare) for truth in item.texts)
            for text, item in zip(texts, items, strict=True)
        ]
        pairs = zip(texts, items, strict=True)
        errors = [min((score_text(t, text) for t in item.texts), key=lambda s: s.cer or 0.0)
                  for text, item in pairs]  # fmt: skip
        scores[name] = float(np.mean(right))
        scores[f"{name}_cer"] = cer = float(sum(errors[1:], errors[0]).cer or 0.0)
        counted.append(1 - cer if items[0].compare == "text" else scores[name])
    return {"score": float(np.mean(counted)), **scores}


def read_all(network: Recognizer, crops: Sequence[np.ndarray], size: int = 64) -> list[str]:
    """Return the greedy readings of gray crops, in their order."""
    config = network.config
    device = next(network.parameters()).device
    fitted = [fit_crop(crop, config.height, config.least, config.area) for crop in crops]
    order = sorted(range(len(fitted)), key=lambda i: fitted[i].shape[1])
    texts = [""] * len(fitted)
    for first in range(0, len(order), size):
        members = order[first : first + size]
        pixels, widths = batch([fitted[i] for i in members])
        with half_precision(device):
            logits = network(pixels.to(device), widths.to(device))
        steps = (widths + STRIDE - 1) // STRIDE
        for i, best, length in zip(members, logits.argmax(2).tolist(), steps, strict=True):
            texts[i] = greedy(best[: int(length)], config.alphabet)
    return texts


def greedy(best: Sequence[int], alphabet: str) -> str:
    """Return the text of the likeliest class of every step (T)."""
    kept = [c for i, c in enumerate(best) if c and (i == 0 or best[i - 1] != c)]
    return "".join(alphabet[c - 1] for c in kept)
