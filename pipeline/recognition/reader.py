"""One recognizer, reading crops of any size: fitted, batched, decoded, calibrated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.page import Reading
from pipeline.precision import half_precision
from pipeline.preprocess import Gray
from pipeline.recognition.calibration import calibrate, from_config
from pipeline.recognition.crops import batch, bucket, fit_crop
from pipeline.recognition.decoding import Decoder
from pipeline.recognition.network import STRIDE, Recognizer


class LineReader:
    """Reads with a network; `config` is its file's, whose calibration is applied if it has one."""

    def __init__(self, network: Recognizer, config: Mapping[str, Any], crops: int) -> None:
        self.network = network
        self.decoder = Decoder(network.config.alphabet)
        self.calibration = from_config(config)
        self.crops = crops
        self.device = next(network.parameters()).device

    def read(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        """Read crops (h x w, gray), in the order given; `charset` as `Decoder.decode` takes it."""
        config = self.network.config
        fitted = [fit_crop(crop, config.height, config.least, config.area) for crop in crops]
        buckets: dict[int, list[int]] = {}
        for i, crop in enumerate(fitted):
            buckets.setdefault(bucket(crop.shape[1]), []).append(i)
        readings: dict[int, Reading] = {}
        for wide, members in buckets.items():
            for start in range(0, len(members), self.crops):
                part = members[start : start + self.crops]
                pixels, widths = batch([fitted[i] for i in part], wide)
                steps = torch.div(widths + STRIDE - 1, STRIDE, rounding_mode="floor").tolist()
                rows = self.probabilities(pixels, widths)
                own = [row[:count] for row, count in zip(rows, steps, strict=True)]
                readings |= zip(part, self.decoder.decode(own, charset), strict=True)
        found = [readings[i] for i in range(len(crops))]
        if self.calibration is None:
            return found
        return [calibrate(reading, self.calibration) for reading in found]

    def probabilities(self, pixels: Tensor, widths: Tensor) -> NDArray[np.float32]:
        """Return N x T x C probabilities of N x 1 x H x W pixels, class 0 the blank."""
        with torch.inference_mode(), half_precision(self.device):
            logits = self.network(pixels.to(self.device), widths.to(self.device))
            found: NDArray[np.float32] = logits.float().softmax(2).cpu().numpy()
        return found
