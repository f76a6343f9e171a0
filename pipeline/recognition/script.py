"""Which recognizer a crop is for: a tiny convolutional classifier of numeric, latin and korean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.errors import BadInput
from pipeline.models.load import read
from pipeline.preprocess import Gray
from pipeline.recognition.crops import batch, bucket, fit_crop
from pipeline.transfer import Fetch, fetch, one_ahead, send

SCRIPTS = ("numeric", "latin", "korean")
HEIGHT, LEAST, AREA = 48, 24, 3840
"""How crops are fitted: see `pipeline.recognition.crops.fit_crop`."""

LONGEST = 160
"""Longer lines are seen from their beginning to here, in pixels of the scaled crop."""

STRIDE = 8
CHANNELS = (12, 24, 48, 48)
CROPS = 256


class ScriptNetwork(nn.Module):
    """Tells the script of lines: N x 1 x 48 x W ink (paper 0, W any multiple of 8) to logits."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, fourth = CHANNELS
        self.features = nn.Sequential(
            nn.Conv2d(1, first, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(third, fourth, 3, padding=1),
            nn.ReLU(),
        )
        self.mixed = nn.Linear(fourth * HEIGHT // STRIDE, fourth)
        self.classes = nn.Linear(2 * fourth, len(SCRIPTS))

    def forward(self, pixels: Tensor, widths: Tensor) -> Tensor:
        """Return N x 3 logits; `widths` (N, int64) says how many columns are the crop's own."""
        features = self.features(pixels).permute(0, 3, 1, 2).flatten(2)
        columns = torch.relu(self.mixed(features))
        steps = torch.div(widths + STRIDE - 1, STRIDE, rounding_mode="floor")
        valid = (torch.arange(columns.shape[1], device=columns.device)[None] < steps[:, None])[
            ..., None
        ]
        mean = (columns * valid).sum(1) / valid.sum(1)
        most = (columns * valid).amax(1)
        return self.classes(torch.cat([mean, most], 1))  # type: ignore[no-any-return]


def fit_script(gray: Gray) -> NDArray[np.float32]:
    """Return the beginning of a crop (h x w, dark on light) as 48 x W ink, W at most 160."""
    seen = round(LONGEST * gray.shape[0] / LEAST)
    return fit_crop(gray[:, :seen], HEIGHT, LEAST, AREA)[:, :LONGEST]


def script_of(text: str, numeric: str) -> str:
    """Return the script of a text: korean with any Hangul, numeric if all are in `numeric`."""
    if any("가" <= c <= "힣" or "ㄱ" <= c <= "ㅣ" for c in text):
        return "korean"
    return "numeric" if all(c in numeric for c in text) else "latin"


class ScriptRouter:
    """Sends each crop to a recognizer."""

    def __init__(self, network: ScriptNetwork, device: str) -> None:
        self.network = network.to(device).eval()
        self.device = torch.device(device)

    def route(self, crops: Sequence[Gray]) -> list[str]:
        """Return the likeliest script of each crop (h x w, gray), in their order."""
        return [SCRIPTS[best] for best in self.weigh(crops).argmax(axis=1).tolist()]

    def weigh(self, crops: Sequence[Gray]) -> NDArray[np.float32]:
        """Return how likely each of N crops (h x w, gray) is of each of `SCRIPTS` (N x 3)."""
        fitted = [fit_script(crop) for crop in crops]
        buckets: dict[int, list[int]] = {}
        for i, crop in enumerate(fitted):
            buckets.setdefault(bucket(crop.shape[1]), []).append(i)
        chances = np.zeros((len(crops), len(SCRIPTS)), np.float32)
        for part, found in one_ahead(self._queue(fitted, buckets)):
            chances[part] = found
        return chances

    def _queue(
        self, fitted: Sequence[NDArray[np.float32]], buckets: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[Sequence[int], Fetch]]:
        """Have batches of like width weighed: which crops, and their chances."""
        for wide, members in buckets.items():
            for first in range(0, len(members), CROPS):
                part = members[first : first + CROPS]
                pixels, widths = batch([fitted[i] for i in part], wide)
                with torch.inference_mode():
                    logits = self.network(send(pixels, self.device), send(widths, self.device))
                    found = fetch(logits.softmax(1))
                yield part, found


def load_router(path: Path, device: str = "cpu") -> ScriptRouter:
    """Return the router whose weights `path` holds. Raises `BadInput`."""
    tensors, _ = read(path, device)
    network = ScriptNetwork()
    try:
        network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise BadInput(
            str(path), "holds no script classifier", "give script.safetensors"
        ) from error
    return ScriptRouter(network, device)
