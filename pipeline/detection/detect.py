"""Find the text of a page with the detection network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.detection.geometry import widened
from pipeline.detection.network import COARSEST, STRIDE, DetectorConfig
from pipeline.detection.network import Detector as Network
from pipeline.detection.nms import find_boxes
from pipeline.errors import BadInput
from pipeline.models.load import read
from pipeline.precision import half_precision
from pipeline.preprocess import Gray
from pipeline.profiles import Detection

LONGEST = 1600
"""The longer side of a page unless a profile says otherwise: such pages the network learnt."""

MARGINS = (0.35, 0.25)
"""What is added at the ends of a text, and above and below it, in parts of its height: the network
learns where ink is, but a recognizer reads better with some paper around (measured: CER of letters
19 % instead of 26 %)."""

LEAST_HEIGHT = 3.0
"""Boxes flatter than this, in pixels of the network's input, are no text."""


class Detector:
    """The network with what it takes from pages to boxes."""

    def __init__(self, network: Network, settings: Detection) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.settings = settings
        self.device = next(network.parameters()).device

    def detect(self, gray: Gray) -> NDArray[np.float32]:
        """Return the corners (N x 4 x 2) of the text on an H x W page, clockwise from top left.

        They have `MARGINS` around the ink, and may reach a little beyond the page.
        """
        longest = self.settings.longest_side or LONGEST
        scale = min(1.0, longest / max(gray.shape))
        maps = self.maps(reduced(gray, scale))
        boxes, _ = find_boxes(maps[0], maps[1:], self.settings.least_score)
        tall = np.linalg.norm(boxes[:, 3] - boxes[:, 0], axis=1)
        wide = np.linalg.norm(boxes[:, 1] - boxes[:, 0], axis=1)
        kept = widened(boxes[np.minimum(tall, wide) >= LEAST_HEIGHT] / scale, *MARGINS)
        order = np.lexsort((kept[:, 0, 0], kept[:, 0, 1]))
        return np.asarray(kept[order], np.float32)

    def maps(self, gray: Gray) -> NDArray[np.float32]:
        """Return 6 x h/4 x w/4: the probability of text, and its sides and angle."""
        height, width = gray.shape
        pixels = torch.from_numpy(padded(ink(gray)))[None, None].to(self.device)
        with torch.inference_mode(), half_precision(self.device):
            maps = self.network(pixels)[0]
            maps[0] = maps[0].sigmoid()
        found: NDArray[np.float32] = maps.float().cpu().numpy()
        return found[:, : -(-height // STRIDE), : -(-width // STRIDE)]


def reduced(gray: Gray, scale: float) -> Gray:
    """Return the page at `scale`, at least a pixel each way."""
    if scale >= 1:
        return gray
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def ink(gray: Gray) -> NDArray[np.float32]:
    """Return what the network sees: paper 0, ink 1."""
    return np.asarray(1 - gray.astype(np.float32) / 255, np.float32)


def padded(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the pixels with paper at the right and below, to sides that the network takes."""
    below, beside = (-side % COARSEST for side in pixels.shape)
    return np.pad(pixels, ((0, below), (0, beside)))


def load_detector(path: Path, device: str, settings: Detection) -> Detector:
    """Return the detector of a file of weights. Raises `BadInput`."""
    tensors, config = read(path, device)
    try:
        fields = config["detector"]
        network = Network(
            DetectorConfig(tuple(fields["channels"]), tuple(fields["merged"]), fields["reach"])
        )
        network.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor
                                 for name, tensor in tensors.items()})  # fmt: skip
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise BadInput(
            str(path), "holds no detector", "give weights of ledgermill train detector"
        ) from error
    return Detector(network.to(device).eval(), settings)
