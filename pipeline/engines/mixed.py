"""Each network for what it measures best at: ours for numbers, PP-OCRv6 for words.

The native recognizer reads what is a number, in tables most of a page; PP-OCRv6 reads the rest.
`benchmarks/engines.py` and `benchmarks/lines.py` say how each measures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.engines import native, rapidocr
from pipeline.page import Reading
from pipeline.preprocess import Gray
from pipeline.profiles import Profile
from pipeline.recognition.decoding import is_numeric


def load(profile: Profile, device: str, threads: int | None) -> Mixed:
    """Load the networks of both; see `pipeline.engines.load_engine`."""
    return Mixed(profile, device, threads)


def weights_digest(profile: Profile) -> str:
    """Return the SHA-256 of both engines' digests."""
    both = native.weights_digest(profile) + rapidocr.weights_digest(profile)
    return hashlib.sha256(both.encode()).hexdigest()


class Mixed:
    """An `Engine`; see there."""

    def __init__(self, profile: Profile, device: str, threads: int | None) -> None:
        self.digest = weights_digest(profile)
        self.own = native.Native(profile, device, threads)
        self.words = rapidocr.RapidOcr(profile, device, threads)

    def detect(self, gray: Gray) -> NDArray[np.float32]:
        return self.own.detect(gray)

    def recognize(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        if is_numeric(charset):
            return self.own.recognize(crops, charset)
        return self.own.routed(crops, self.words.recognize, charset)
