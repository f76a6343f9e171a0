"""A charset is a name or a pattern, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.page import Alternative, Reading
from pipeline.recognition.ctc import decode_all
from pipeline.recognition.decoding import Decoder, is_numeric, keep_allowed, pattern_of

LETTERS = "0123456789.x"


def crops() -> list[np.ndarray]:
    draw = np.random.default_rng(2)
    return [draw.dirichlet(np.full(13, 0.3), 20).astype(np.float32) for _ in range(4)]


def test_names_decode_as_before_and_patterns_as_they_say() -> None:
    decoder = Decoder(LETTERS)
    assert decoder.decode(crops()) == decode_all(crops(), LETTERS)
    assert all("x" not in reading.text for reading in decoder.decode(crops(), "numeric"))
    for reading in decoder.decode(crops(), r"/\d\d\.\d/"):
        assert [len(a.text) for a in reading.alternatives] == [4] * 5
        assert all(a.text[2] == "." for a in reading.alternatives)
        assert len(reading.characters) == 4


@pytest.mark.parametrize("charset", ["roman", "/", "//", r"\d", "/(/", ""])
def test_what_is_neither_is_refused(charset: str) -> None:
    with pytest.raises(BadInput):
        Decoder(LETTERS).decode([], charset)


def test_what_has_no_letters_is_numeric() -> None:
    assert is_numeric("numeric")
    assert is_numeric(r"/-?\d+(\.\d)?/")
    assert not is_numeric("/(rain|[0-9]*)/")
    assert not is_numeric("narrow")
    assert not is_numeric(None)
    assert pattern_of("narrow") is None


def test_engines_that_cannot_decode_so_choose_among_what_they_read() -> None:
    listed = (Alternative("2o.1", -0.1), Alternative("20.1", -2.5))
    reading = Reading("2o.1", math.exp(-0.1), listed)
    assert keep_allowed(reading, "numeric") is reading
    kept = keep_allowed(reading, r"/\d\d\.\d/")
    assert (kept.text, kept.alternatives) == ("20.1", listed[1:])
    assert kept.confidence == pytest.approx(math.exp(-2.5))
    assert keep_allowed(reading, r"/\d/") == Reading("", 0.0)
