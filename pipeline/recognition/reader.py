"""One recognizer, reading crops of any size: fitted, batched, decoded, calibrated.

Beside its weights `NAME.safetensors` may lie `NAME-second.safetensors`: see `second`. Weights that
were adapted to a hand name the shipped network that is asked in its place.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.models.load import load_recognizer, model_path, read, shipped_models
from pipeline.page import Reading
from pipeline.precision import half_precision
from pipeline.preprocess import Gray
from pipeline.recognition.calibration import calibrate, from_config, is_binary
from pipeline.recognition.crops import batch, bucket, fit_crop
from pipeline.recognition.decoding import Decoder
from pipeline.recognition.network import STRIDE, Recognizer
from pipeline.recognition.second import LOOKS, UNSURE, agree, stretched
from pipeline.transfer import Fetch, fetch, one_ahead, send


def second_of(path: Path) -> Path | None:
    """Return the weights that are asked for a second opinion, where there are any.

    They lie beside, or are those of ours that the file names. Raises `BadInput` for no weights.
    """
    beside = path.with_name(f"{path.stem}-second{path.suffix}")
    if beside.exists():
        return beside
    named = read(path)[1].get("second", "")
    return model_path(named) if named in shipped_models() else None


def load_reader(path: Path, device: str, crops: int, calibrated: bool = True) -> LineReader:
    """Return the reader of a file of weights and of its second. Raises `BadInput`."""
    other = second_of(path)
    second = None if other is None else LineReader(load_recognizer(other, device)[0], {}, crops)
    network, config = load_recognizer(path, device)
    return LineReader(network, config if calibrated else {}, crops, second)


class LineReader:
    """One recognizer, reading crops of any size, its confidence calibrated as its file says.

    `second` is asked about gray crops that it is not sure of.
    """

    def __init__(
        self,
        network: Recognizer,
        config: Mapping[str, Any],
        crops: int,
        second: LineReader | None = None,
    ) -> None:
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops = crops
        self.device = next(network.parameters()).device
        self.decoder = Decoder(network.config.alphabet)
        self.calibration = from_config(config)
        self.second = second

    def read(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        """Read crops (h x w, gray), in the order given."""
        readings = self._read(crops, charset)
        if self.second is not None:
            # In black and white, networks see the same and make the same mistakes.
            said = {
                i: [readings[i]]
                for i, crop in enumerate(crops)
                if readings[i].confidence < UNSURE and not is_binary(crop)
            }
            for widths in LOOKS:
                unsure = [i for i in said if readings[i].confidence < UNSURE]
                for reader, wide in itertools.product((self, self.second), widths):
                    if reader is self and wide == 1.0:
                        continue
                    looks = reader._read([stretched(crops[i], wide) for i in unsure], charset)
                    for i, look in zip(unsure, looks, strict=True):
                        said[i].append(look)
                for i in unsure:
                    readings[i] = agree(said[i])
        return [self._calibrated(readings[i], crop) for i, crop in enumerate(crops)]

    def _read(self, crops: Sequence[Gray], charset: str | None) -> list[Reading]:
        """Return what the network itself says."""
        config = self.network.config
        fitted = [fit_crop(crop, config.height, config.least, config.area) for crop in crops]
        buckets: dict[int, list[int]] = {}
        for i, crop in enumerate(fitted):
            buckets.setdefault(bucket(crop.shape[1]), []).append(i)
        readings: dict[int, Reading] = {}
        for (part, steps), found in one_ahead(self._queue(fitted, buckets)):
            rows = [each[:n] for each, n in zip(found, steps, strict=True)]
            readings |= zip(part, self.decoder.decode(rows, charset), strict=True)
        return [readings[i] for i in range(len(crops))]

    def _queue(
        self, fitted: Sequence[NDArray[np.float32]], buckets: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[tuple[Sequence[int], list[int]], Fetch]]:
        """Have batches of like width read: which crops, in how many columns, and the N x T x C
        probabilities of the characters, class 0 the blank.
        """
        for wide, members in buckets.items():
            for start in range(0, len(members), self.crops):
                part = members[start : start + self.crops]
                pixels, widths = batch([fitted[i] for i in part], wide)
                steps = (widths + STRIDE - 1) // STRIDE
                with torch.inference_mode(), half_precision(self.device):
                    logits = self.network(send(pixels, self.device), send(widths, self.device))
                    found = fetch(logits.float().softmax(2))
                yield (part, steps.tolist()), found

    def _calibrated(self, reading: Reading, crop: Gray) -> Reading:
        if self.calibration is None:
            return reading
        return calibrate(reading, self.calibration, is_binary(crop))
