"""Read cut-out lines and cells, without looking for text on them first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from pipeline.engines import Engine
from pipeline.page import Reading
from pipeline.preprocess import grayscale
from pipeline.profiles import Profile

BATCH = 256


def recognize(
    images: Iterable[NDArray[np.uint8]],
    profile: Profile,
    engine: Engine,
    charset: str | None = None,
) -> Iterator[Reading]:
    """Read each image (h x w gray or h x w x 3 RGB, one line or cell, dark on light), in order.

    `charset` overrides the profile's; see `pipeline.recognition.ctc.CHARSETS`.
    """
    source = iter(images)
    while crops := [grayscale(image) for image in islice(source, BATCH)]:
        yield from engine.recognize(crops, charset or profile.recognition.charset)
