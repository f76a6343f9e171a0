"""Train the detector: EAST's losses on windows of pages, at the sizes that pages are read in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.detection.detect import ink, padded, reduced
from pipeline.detection.geometry import draw_maps
from pipeline.detection.network import Detector, DetectorConfig
from pipeline.detection.nms import find_boxes
from pipeline.errors import LedgermillError
from pipeline.models.load import digest, read, write
from pipeline.precision import half_precision
from pipeline.preprocess import Gray
from pipeline.training import augment
from pipeline.training.augment import Rng, chance
from pipeline.training.loop import BEST, Progress, Schedule, Scores, fit
from pipeline.training.pages import MarkedPage
from pipeline.version import CODE_VERSION

CONFIG = DetectorConfig()
WINDOW = 384
WINDOWS = 8
LOWEST, HIGHEST = 7.0, 44.0
"""Texts are shown in heights between these, in pixels."""

SPECKLED = 0.6
"""A page that is made smaller than this is blurred first, or it would become speckled."""

PAPER = 235

SIDES = 1.0
ANGLE = 10.0
IOU = 0.5


@dataclass(frozen=True, slots=True)
class Batch:
    """N windows: `pixels` N x 1 x H x W, `text` N x h x w (-1, 0, 1), `maps` N x 5 x h x w."""

    pixels: Tensor
    text: Tensor
    maps: Tensor
    counts: Tensor


SHARES = {"tables": 0.28, "drawn": 0.12, "scenes": 0.24}
"""How much of the training is of table pages and of drawn ones; the others share the rest."""


def train(
    train_on: Sequence[MarkedPage],
    held: Sequence[MarkedPage],
    schedule: Schedule,
    folder: Path,
    device: str = "cpu",
    start: Mapping[str, Tensor] | None = None,
    report: Callable[[Progress], None] | None = None,
) -> float:
    """Train on pages and return the best score; `pipeline.training.loop.fit` says what is written.

    `start` are weights to go on from.
    """
    torch.manual_seed(schedule.seed)
    network = Detector(CONFIG).to(device)
    if start is not None:
        network.load_state_dict(dict(start))
    windows = Windows(train_on, shares(train_on), CONFIG.reach, schedule.seed)
    return fit(
        network,
        lambda step: to_device(windows(step), device),
        loss,
        lambda trained: validate(trained, held),
        schedule,
        folder,
        report,
    )


def shares(pages: Sequence[MarkedPage]) -> NDArray[np.float64]:
    """Return how often each page is shown (N, summing to 1)."""
    counts = Counter(page.kind for page in pages)
    others = [kind for kind in counts if kind not in SHARES]
    rest = (1 - sum(SHARES.values())) / max(1, len(others))
    weights = np.array([SHARES.get(page.kind, rest) / counts[page.kind] for page in pages])
    return np.asarray(weights / weights.sum(), np.float64)


def to_device(batch: Batch, device: str) -> Batch:
    """Return the batch on `device`."""
    if device == "cpu":
        return batch
    return Batch(
        *(part.to(device) for part in (batch.pixels, batch.text, batch.maps, batch.counts))
    )


def finish(
    held: Sequence[MarkedPage], schedule: Schedule, folder: Path, command: str
) -> tuple[Path, Path, Scores]:
    """Make `detector.safetensors` and its card `detector.md` of the training in `folder`.

    Returns both files and the scores of the weights as they are kept, in half precision. Raises
    `LedgermillError` where the training has not come to its first validation.
    """
    if not (folder / BEST).exists():
        raise LedgermillError(f"{folder}: no validation was reached; train for more steps")
    tensors, notes = read(folder / BEST)
    halves = {n: t.half() if t.is_floating_point() else t for n, t in tensors.items()}
    network = Detector(CONFIG)
    network.load_state_dict(
        {n: t.float() if t.is_floating_point() else t for n, t in halves.items()}
    )
    with torch.no_grad():
        scores = validate(network.eval(), held)
    kept = {"detector": asdict(CONFIG), "name": "detector", "step": notes["step"], "f1": scores}
    path = folder / "detector.safetensors"
    write(path, halves, kept)
    digest.cache_clear()
    count = sum(parameter.numel() for parameter in network.parameters())
    counts = Counter(page.kind for page in held)
    rows = [f"| {kind} | {n} | {scores[kind]:.3f} |" for kind, n in counts.items()]
    lines = [
        "# detector", "",
        f"Finds the lines of a page and the cells of its tables: {count:,} parameters, "
        f"{path.stat().st_size / 1e6:.1f} MB in half precision.", "",
        f"- Recipe: windows of {WINDOW} pixels, {WINDOWS} a step, step {notes['step']} of "
        f"{schedule.steps}, rate {schedule.rate}, seed {schedule.seed}; code {CODE_VERSION}",
        f"- Command: `{command}`",
        "- Data: drawn pages; where the data is there, transcribed pages and pages of tables whose "
        "cells the pipeline found. What is validated on is of writers and books not trained on.",
        "", "| held out | pages | F1 at IoU 0.5 |", "| --- | ---: | ---: |", *rows, "",
    ]  # fmt: skip
    card = path.with_suffix(".md")
    card.write_text("\n".join(lines), "utf-8")
    return path, card, scores


class Windows:
    """Makes the batch of a step, from the seed and the step's number alone."""

    def __init__(
        self, pages: Sequence[MarkedPage], shares: NDArray[np.float64], reach: float, seed: int
    ) -> None:
        self.pages, self.shares, self.reach, self.seed = pages, shares / shares.sum(), reach, seed

    def __call__(self, step: int) -> Batch:
        """Return the batch of `step`."""
        rng = np.random.default_rng((self.seed, step))
        made = [self.window(rng) for _ in range(WINDOWS)]
        pixels, text, maps, counts = zip(*made, strict=True)
        return Batch(
            torch.from_numpy(np.stack(pixels))[:, None],
            torch.from_numpy(np.stack(text)),
            torch.from_numpy(np.stack(maps)),
            torch.from_numpy(np.stack(counts)),
        )

    def window(self, rng: Rng) -> tuple[NDArray[np.float32], ...]:
        """Return the pixels of a window somewhere on some page, and its maps."""
        page = self.pages[int(rng.choice(len(self.pages), p=self.shares))]
        gray, boxes = cut(page, rng)
        if chance(rng, 0.15):
            gray = augment.binarize(gray, rng)
        elif chance(rng, 0.7):
            gray = augment.tone(gray, rng)
        if chance(rng, 0.1):
            gray = augment.jpeg(gray, rng)
        return (ink(gray), *draw_maps(boxes, WINDOW, WINDOW, self.reach))


def cut(page: MarkedPage, rng: Rng) -> tuple[Gray, NDArray[np.float32]]:
    """Return a turned and scaled window of a page, and its boxes in the window's pixels."""
    tall = float(np.median(np.linalg.norm(page.boxes[:, 3] - page.boxes[:, 0], axis=1)))
    usual = tall * min(1.0, 1600 / max(page.gray.shape))
    wanted = float(np.clip(usual * np.exp(rng.normal(0, 0.3)), LOWEST, HIGHEST))
    scale = min(1.6, wanted / tall)
    turn = float(rng.normal(0, 1.5))
    if chance(rng, 0.12):
        turn = float(rng.uniform(-45, 45))
    elif chance(rng, 0.05):  # as headings of narrow columns are
        turn += 90 if chance(rng, 0.7) else -90
    centre = page.boxes[int(rng.integers(len(page.boxes)))].mean(0)
    centre = centre + rng.uniform(-0.45, 0.45, 2) * WINDOW / scale
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), turn, scale)
    matrix[:, 2] += WINDOW / 2 - centre
    boxes = page.boxes @ matrix[:, :2].T.astype(np.float32) + matrix[:, 2].astype(np.float32)
    low, high = boxes.min(axis=1), boxes.max(axis=1)
    near = (high > 0).all(axis=1) & (low < WINDOW).all(axis=1)
    return seen_through(page.gray, np.asarray(matrix, np.float64), scale), boxes[near]


def seen_through(gray: Gray, matrix: NDArray[np.float64], scale: float) -> Gray:
    """Return the window that a 2 x 3 matrix from page to window shows; beyond the page is paper."""
    corners = np.array([[0, 0], [WINDOW, 0], [WINDOW, WINDOW], [0, WINDOW]], np.float64)
    seen = (corners - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    low = np.maximum(np.floor(seen.min(0)).astype(int) - 8, 0)
    high = np.minimum(np.ceil(seen.max(0)).astype(int) + 8, gray.shape[::-1])
    part = gray[low[1] : max(high[1], low[1] + 1), low[0] : max(high[0], low[0] + 1)]
    if scale < SPECKLED:
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), 0.35 / scale), np.uint8)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ low
    window = cv2.warpAffine(
        part, moved, (WINDOW, WINDOW), borderMode=cv2.BORDER_CONSTANT, borderValue=PAPER
    )
    return np.asarray(window, np.uint8)


def loss(network: Detector, batch: Batch) -> Tensor:
    """Return EAST's loss: dice loss for the text, IoU of the sides, cosine of the angle's error."""
    maps = network(batch.pixels.to(memory_format=torch.channels_last)).float()
    known = (batch.text >= 0).float()
    truth = batch.text.clamp_min(0)
    logits = maps[:, 0]
    text = logits.sigmoid() * known
    dice = 1 - 2 * (text * truth).sum() / (text.sum() + truth.sum() + 1)
    cross = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth, known)
    top, right, bottom, left = maps[:, 1:5].unbind(1)
    top_, right_, bottom_, left_ = batch.maps[:, :4].unbind(1)
    wide = torch.minimum(left, left_) + torch.minimum(right, right_)
    high = torch.minimum(top, top_) + torch.minimum(bottom, bottom_)
    shared = wide * high
    either = (left + right) * (top + bottom) + (left_ + right_) * (top_ + bottom_) - shared
    sides = -torch.log((shared + 1) / (either + 1))
    angle = 1 - torch.cos(maps[:, 5] - batch.maps[:, 4])
    total = batch.counts.sum() + 1
    return dice + cross + ((SIDES * sides + ANGLE * angle) * batch.counts).sum() / total  # type: ignore[no-any-return]


def match(found: NDArray[np.float32], truth: NDArray[np.float32]) -> tuple[int, int, int]:
    """Return how many boxes are matched one to one at an IoU of `IOU`, found, and true."""
    if len(found) == 0 or len(truth) == 0:
        return 0, len(found), len(truth)
    a, b = _upright(found), _upright(truth)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    area_a = np.prod(a[:, 2:] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:] - b[:, :2], axis=1)
    iou = shared / (area_a[:, None] + area_b[None] - shared + 1e-9)
    matched = 0
    taken: set[int] = set()
    for i in np.argsort(-iou.max(axis=1)):
        j = int(iou[i].argmax())
        if iou[i, j] >= IOU and j not in taken:
            taken.add(j)
            matched += 1
    return matched, len(found), len(truth)


def _upright(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([boxes.min(axis=1), boxes.max(axis=1)], axis=1)


def validate(network: Detector, pages: Sequence[MarkedPage], least: float = 0.5) -> Scores:
    """Return F1 at an IoU of 0.5 over pages read at 1600 pixels, by kind; `score` is the mean."""
    counts: dict[str, NDArray[Any]] = {}
    device = next(network.parameters()).device
    for page in pages:
        scale = min(1.0, 1600 / max(page.gray.shape))
        gray = reduced(page.gray, scale)
        pixels = padded(ink(gray))
        with half_precision(device):
            maps = network(torch.from_numpy(pixels)[None, None].to(device))[0].float().cpu()
        boxes, _ = find_boxes(maps[0].sigmoid().numpy(), maps[1:].numpy(), least)
        counts.setdefault(page.kind, np.zeros(3)).__iadd__(match(boxes / scale, page.boxes))
    scores = {name: float(2 * n[0] / max(n[1] + n[2], 1)) for name, n in counts.items()}
    return {"score": float(np.mean(list(scores.values()))), **scores}
