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
from pipeline.recognition.calibration import calibrate, from_config, is_binary
from pipeline.recognition.crops import batch, bucket, fit_crop
from pipeline.recognition.decoding import Decoder
from pipeline.recognition.network import STRIDE, Recognizer


class LineReader:
    """One recognizer, reading crops of any size, its confidence calibrated as its file says."""

    def __init__(self, network: Recognizer, config: Mapping[str, Any], crops: int) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops = crops
        self.device = next(network.parameters()).device
        self.decoder = Decoder(network.config.alphabet)
        self.calibration = from_config(config)

    def read(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        """Read crops (h x w, gray), in the order given."""
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
                found = self.probabilities(pixels, widths)
                readings |= zip(part, self.decoder.decode(found, charset), strict=True)
        return [self._calibrated(readings[i], crop) for i, crop in enumerate(crops)]

    def probabilities(self, pixels: Tensor, widths: Tensor) -> list[NDArray[np.float32]]:
        """Return the T x C probabilities of N x 1 x H x W pixels, class 0 the blank."""
        with torch.inference_mode(), half_precision(self.device):
            logits = self.network(pixels.to(self.device), widths.to(self.device))
            found = logits.float().softmax(2).cpu().numpy()
        steps = (widths + STRIDE - 1) // STRIDE
        return [rows[:n] for rows, n in zip(found, steps.tolist(), strict=True)]

    def _calibrated(self, reading: Reading, crop: Gray) -> Reading:
        if self.calibration is None:
            return reading
        return calibrate(reading, self.calibration, is_binary(crop))
