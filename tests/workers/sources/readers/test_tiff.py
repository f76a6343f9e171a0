from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from tests.bad_input.folder import drawing, encoded, huge_tiff, tiff, tiff_with_a_circle
from workers.sources import Limits, PageImage, RefusedSource
from workers.sources.readers import Blob, read
from workers.sources.readers.step import At, Position

LIMITS = Limits()


def parts(
    data: bytes, limits: Limits = LIMITS, after: Position = ()
) -> list[PageImage | RefusedSource]:
    return [s for s in read(Blob.of(data), "a.tif", limits, after) if not isinstance(s, At)]


def pages(data: bytes, limits: Limits = LIMITS, after: Position = ()) -> list[PageImage]:
    found = parts(data, limits, after)
    assert all(isinstance(part, PageImage) for part in found), found
    return [part for part in found if isinstance(part, PageImage)]


def same(page: PageImage, image: Image.Image) -> bool:
    found = decode_image(page.data, ImageLimits())
    return np.array_equal(found, decode_image(encoded(image, "PNG"), ImageLimits()))


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("1", {"compression": "group4"}),
        ("1", {"compression": "group3"}),
        ("1", {}),
        ("L", {}),
        ("L", {"compression": "tiff_lzw"}),
        ("RGB", {"compression": "tiff_adobe_deflate"}),
        ("RGB", {"big_tiff": True}),
    ],
)
def test_pages_keep_their_pixels(mode: str, options: dict[str, object]) -> None:
    images = [drawing(seed, mode) for seed in range(3)]
    found = pages(tiff(*images, **options))
    assert [page.name for page in found] == ["a-0001", "a-0002", "a-0003"]
    assert all(page.media_type == "image/png" for page in found)
    assert all(same(page, image) for page, image in zip(found, images, strict=True))


def test_one_bit_stays_one_bit() -> None:
    first, _ = pages(tiff(drawing(1, "1"), drawing(2, "1"), compression="group4"))
    assert Image.open(io.BytesIO(first.data)).mode == "1"


def test_sixteen_bits_and_cmyk_in_one_file() -> None:
    deep = Image.fromarray((np.arange(320 * 240).reshape(240, 320) % 65_536).astype(np.uint16))
    first, second = pages(tiff(deep, drawing(1, "CMYK")))
    assert Image.open(io.BytesIO(first.data)).mode == "I;16"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(first.data))), np.asarray(deep))
    assert Image.open(io.BytesIO(second.data)).mode == "RGB"


def test_pages_are_turned_upright() -> None:
    data = tiff(drawing(1), drawing(2), tiffinfo={0x0112: 6})
    first, _ = pages(data)
    assert (first.width, first.height) == (240, 320)
    assert same(first, drawing(1).transpose(Image.Transpose.ROTATE_270))


def test_reading_goes_on_behind_a_position() -> None:
    data = tiff(*(drawing(seed) for seed in range(4)))
    assert [page.name for page in pages(data, after=(1,))] == ["a-0003", "a-0004"]


def with_tag(data: bytes, number: int, tag: int, value: int) -> bytes:
    """Return a TIFF with a tag of one directory set; its tag 305 (software) is given up for it."""
    changed = bytearray(data)
    (directory,) = struct.unpack_from("<I", changed, 4)
    for _ in range(number):
        (count,) = struct.unpack_from("<H", changed, directory)
        (directory,) = struct.unpack_from("<I", changed, directory + 2 + 12 * count)
    (count,) = struct.unpack_from("<H", changed, directory)
    for entry in range(directory + 2, directory + 2 + 12 * count, 12):
        if struct.unpack_from("<H", changed, entry)[0] in (305, tag):
            struct.pack_into("<HHII", changed, entry, tag, 4, 1, value)
            return bytes(changed)
    raise AssertionError("no tag to give up")


def test_reductions_and_masks_are_no_pages() -> None:
    data = tiff(drawing(1), drawing(2), drawing(3), software="x")
    data = with_tag(with_tag(data, 1, 254, 1), 2, 254, 4)
    (page,) = pages(data)
    assert page.name == "a-0001" or page.data == data


def test_a_page_over_the_limit_is_refused_alone() -> None:
    data = tiff(drawing(1), drawing(2, size=(640, 480)), drawing(3))
    first, second, third = parts(data, Limits(max_pixels=100_000))
    assert isinstance(first, PageImage)
    assert isinstance(second, RefusedSource)
    assert second.name == "a.tif!/page 2"
    assert "640 x 480 pixels, more than the limit" in second.reason
    assert isinstance(third, PageImage)
    assert third.name == "a-0003"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff_with_a_circle(), "runs in a circle"),
        (huge_tiff(), "60,000 x 60,000 pixels"),
        (b"II*\0" + bytes(4), "holds no image"),
        (b"II*\0\xff\xff\xff\xff", "ends early"),
        (b"II*\0", "damaged"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=f"^a.tif: .*{reason}"):
        parts(data)


def test_too_many_pages() -> None:
    data = tiff(*(drawing(seed, "1", (8, 8)) for seed in range(5)))
    with pytest.raises(BadInput, match="5 pages, more than the limit of 4"):
        parts(data, Limits(max_pages=4))


@settings(max_examples=80, deadline=None)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6)
)
def test_changed_bytes_give_pages_or_reasons(changes: list[tuple[float, int]]) -> None:
    data = bytearray(tiff(drawing(1, "L", (16, 16)), drawing(2, "L", (16, 16))))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        found = parts(bytes(data), Limits(max_pixels=1_000_000))
    except BadInput:
        return
    assert found
