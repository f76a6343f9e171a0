from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipeline.decode import orientation
from tests.bad_input.folder import drawing, encoded, jpeg
from workers.sources.readers.jpeg import components, with_orientation


def turned(turn: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    return jpeg(1, exif=exif)


@pytest.mark.parametrize("was", [None, 1, 6])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_is_set_and_nothing_else(was: int | None, turn: int) -> None:
    data = with_orientation(jpeg(1) if was is None else turned(was), turn)
    image = Image.open(io.BytesIO(data))
    assert orientation(image) == turn
    assert np.array_equal(np.asarray(image), np.asarray(Image.open(io.BytesIO(jpeg(1)))))


def test_a_plain_stream_stays_as_it_is() -> None:
    assert with_orientation(jpeg(1), 1) == jpeg(1)


def test_components() -> None:
    assert components(encoded(drawing(1, "L"), "JPEG")) == 1
    assert components(jpeg(1)) == 3
    assert components(jpeg(1, progressive=True)) == 3
    assert components(encoded(drawing(1, "CMYK"), "JPEG")) == 4
    assert components(b"\xff\xd8") is None


@given(st.binary(max_size=80))
def test_any_bytes_are_walked(data: bytes) -> None:
    components(b"\xff\xd8" + data)
    with_orientation(b"\xff\xd8" + data, 1)
