"""Ledgermill's own networks, trained here: the detector, a recognizer for each alphabet, a router.

`pipeline/models` holds the weights, each with a card that says what they were trained on and how
well they read. What is known to be a number is read by the `numeric` recognizer; other crops are
routed by their script.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.detection.detect import load_detector
from pipeline.errors import BadInput, LedgermillError
from pipeline.models.load import digest, model_path, read
from pipeline.page import Reading
from pipeline.preprocess import Gray
from pipeline.profiles import Profile
from pipeline.recognition.decoding import is_numeric
from pipeline.recognition.reader import load_reader, second_of
from pipeline.recognition.script import SCRIPTS, load_router

POSSIBLE, LIKELY, SURE = 0.02, 0.9, 0.95
"""A crop is read as a number from the first chance on, and is one from the second on, or where its
reading's confidence is the third."""

RECOGNIZERS = ("numeric", "latin", "korean")

Words = Callable[[Sequence[Gray], str | None], list[Reading]]
"""Reads crops within a charset, as `Engine.recognize` does."""


def load(profile: Profile, device: str, threads: int | None) -> Native:
    """Load all networks; see `pipeline.engines.load_engine`."""
    return Native(profile, device, threads)


def weights_digest(profile: Profile) -> str:
    """Return the SHA-256 of all weights' digests, in the order that they are used."""
    files = [detector(profile), model_path("script")]
    for path in recognizers(profile).values():
        files += [path, *filter(None, [second_of(path)])]
    return hashlib.sha256("".join(map(digest, files)).encode()).hexdigest()


def detector(profile: Profile) -> Path:
    """Return the weights of the detector, the profile's own where it names some."""
    own = profile.detection.weights
    return model_path("detector") if own is None else Path(own)


def recognizers(profile: Profile) -> dict[str, Path]:
    """Return the weights of each recognizer; the profile's own take the place of their like.

    A script that no weights are there for is left to the `latin` recognizer.
    """
    files = {name: model_path(name) for name in RECOGNIZERS if model_path(name).exists()}
    own = profile.recognition.weights
    if own is not None:
        path = Path(own)
        name = read(path)[1].get("name")
        if name not in RECOGNIZERS:
            known = ", ".join(RECOGNIZERS)
            raise BadInput(own, f"holds no recognizer of {known}", "train one with that profile")
        files[name] = path
    return files


class Native:
    """An `Engine`; see there."""

    def __init__(self, profile: Profile, device: str, threads: int | None) -> None:
        self.digest = weights_digest(profile)
        self.device = choose_device(device)
        if threads is not None:
            torch.set_num_threads(threads)
        self.detector = load_detector(detector(profile), self.device, profile.detection)
        self.router = load_router(model_path("script"), self.device)
        self.readers = {
            name: load_reader(path, self.device, profile.recognition.crops)
            for name, path in recognizers(profile).items()
        }

    def detect(self, gray: Gray) -> NDArray[np.float32]:
        return self.detector.detect(gray)

    def recognize(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        if is_numeric(charset):
            return self.readers["numeric"].read(crops, charset)
        return self.routed(crops, self.readers["latin"].read, charset)

    def routed(self, crops: Sequence[Gray], words: Words, charset: str | None) -> list[Reading]:
        """Read crops, each as what it looks like; `words` reads what is no number."""
        chances = self.router.weigh(crops)
        readings = self._numbers(crops, chances, charset)
        members = [i for i in range(len(crops)) if i not in readings]
        found = words([crops[i] for i in members], charset)
        others = dict(zip(members, found, strict=True))
        readings |= others | self._hangul(crops, chances, others, charset)
        return [readings[i] for i in range(len(crops))]

    def _numbers(
        self, crops: Sequence[Gray], chances: NDArray[np.float32], charset: str | None
    ) -> dict[int, Reading]:
        """Return the readings of those crops that are numbers.

        What may be one, as the router's `chances` (N x 3) say, is read as one; and is one where the
        reading is sure, or else the router is.
        """
        number = chances[:, SCRIPTS.index("numeric")]
        members = np.flatnonzero(number >= POSSIBLE).tolist()
        found = self.readers["numeric"].read([crops[i] for i in members], charset)
        return {
            i: reading
            for i, reading in zip(members, found, strict=True)
            if reading.confidence >= SURE or number[i] >= LIKELY
        }

    def _hangul(
        self,
        crops: Sequence[Gray],
        chances: NDArray[np.float32],
        others: Mapping[int, Reading],
        charset: str | None,
    ) -> dict[int, Reading]:
        """Return the readings of those crops that are Korean, of those that `others` have read.

        What looks so, as the router's `chances` (N x 3) say, is read as Korean; and is it where
        that reading is the surer one: blackletter looks like it, too. None where a charset says
        what may be read.
        """
        if charset is not None or "korean" not in self.readers:
            return {}
        looks = chances[:, SCRIPTS.index("korean")] > chances[:, SCRIPTS.index("latin")]
        members = [i for i in others if looks[i]]
        found = self.readers["korean"].read([crops[i] for i in members], charset)
        return {
            i: reading
            for i, reading in zip(members, found, strict=True)
            if reading.confidence > others[i].confidence
        }


def choose_device(device: str) -> str:
    """Return the torch device for `auto`, `cpu` or `cuda:N`. Raises `LedgermillError`."""
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise LedgermillError(
            f"device {device}: torch sees no CUDA here; install a CUDA build of torch, "
            "or set LEDGERMILL_DEVICE=cpu"
        )
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    return device
