"""One image, many encodings: the pixels must come out the same, upright, 8 bits deep."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from tests.bad_input.folder import drawing, encoded, png_bomb

LIMITS = ImageLimits()
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
    8: lambda a: np.rot90(a, 1),
}


def pixels(mode: str = "RGB", seed: int = 1) -> np.ndarray:
    return np.asarray(drawing(seed, mode))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG2000", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_lossless_formats_give_the_pixels(kind: str, options: dict[str, object], mode: str) -> None:
    image = decode_image(encoded(drawing(1, mode), kind, **options), LIMITS)
    expected = pixels(mode)
    if (kind, mode) == ("WEBP", "L"):  # WebP knows no gray
        expected = np.repeat(expected[..., None], 3, 2)
    assert image.dtype == np.uint8
    assert np.array_equal(image, expected)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_is_close_and_gray_stays_gray(mode: str) -> None:
    image = decode_image(encoded(drawing(1, mode), "JPEG", quality=95, subsampling=0), LIMITS)
    expected = pixels("L" if mode == "L" else "RGB")
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).mean() < 8


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_one_bit_is_black_and_white(kind: str) -> None:
    options = {"compression": "group4"} if kind == "TIFF" else {}
    image = decode_image(encoded(drawing(1, "1"), kind, **options), LIMITS)
    assert np.array_equal(image, pixels("1").astype(np.uint8) * 255)


@pytest.mark.parametrize(("bits", "kind"), [(16, "PNG"), (16, "TIFF"), (12, "TIFF"), (8, "PNG")])
def test_sixteen_bits_keep_the_highest_in_use(bits: int, kind: str) -> None:
    deep = (np.arange(64 * 64).reshape(64, 64) * 17 % 2**bits).astype(np.uint16)
    deep[0, 0] = 2**bits - 1
    image = decode_image(encoded(Image.fromarray(deep), kind), LIMITS)
    assert np.array_equal(image, (deep >> (bits - 8)).astype(np.uint8))


def test_big_endian_sixteen_bits() -> None:
    deep = np.full((4, 4), 0x1234, np.uint16)
    deep[0, 0] = 0xFFFF
    data = bytearray(encoded(Image.fromarray(deep), "TIFF"))
    big = Image.frombytes("I;16B", (4, 4), deep.astype(">u2").tobytes())
    file = io.BytesIO()
    big.save(file, "TIFF")
    assert np.array_equal(decode_image(file.getvalue(), LIMITS), decode_image(bytes(data), LIMITS))


def test_floats_are_scaled() -> None:
    image = Image.fromarray(np.array([[0.0, 0.5], [1.0, -3.0]], np.float32))
    assert decode_image(encoded(image, "TIFF"), LIMITS).tolist() == [[0, 127], [255, 0]]


def test_cmyk_tiff_is_rgb() -> None:
    image = decode_image(encoded(drawing(1, "CMYK"), "TIFF"), LIMITS)
    assert np.abs(image.astype(int) - pixels()).max() <= 1


def test_what_is_transparent_is_white() -> None:
    layers = np.zeros((2, 2, 4), np.uint8)
    layers[0, :, 3] = 255
    image = decode_image(encoded(Image.fromarray(layers), "PNG"), LIMITS)
    assert image.tolist() == [[[0] * 3] * 2, [[255] * 3] * 2]


def test_gray_palette_is_gray() -> None:
    image = drawing(1, "L").convert("P")
    assert decode_image(encoded(image, "PNG"), LIMITS).ndim == 2
    assert decode_image(encoded(drawing(1).quantize(8), "PNG"), LIMITS).ndim == 3


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_honoured(turn: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode_image(encoded(drawing(1), kind, exif=exif, **options), LIMITS)
    assert np.array_equal(image, TURNS[turn](pixels()))


def test_sixteen_bits_are_turned_too() -> None:
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) << 8
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode_image(encoded(Image.fromarray(deep), "PNG", exif=exif), LIMITS)
    assert np.array_equal(image, np.rot90(deep >> 4, -1))


@pytest.mark.parametrize("exif", [b"II*\0\xff\xff\xff\xff", b"garbage", b""])
def test_spoilt_exif_is_no_spoilt_page(exif: bytes) -> None:
    image = decode_image(encoded(drawing(1), "JPEG", exif=b"Exif\0\0" + exif), LIMITS)
    assert image.shape == (240, 320, 3)


def test_limit_is_checked_on_the_header() -> None:
    with pytest.raises(BadInput, match="3,600,000,000 pixels, more than the limit"):
        decode_image(png_bomb(), LIMITS)
    with pytest.raises(BadInput, match="320 x 240 pixels, more than the limit of 76,799"):
        decode_image(encoded(drawing(1), "PNG"), ImageLimits(76_799))
    assert decode_image(encoded(drawing(1), "PNG"), ImageLimits(76_800)).size


def test_a_side_may_not_be_too_long_for_opencv() -> None:
    image = Image.new("1", (32_767, 1))
    with pytest.raises(BadInput, match="a side may have 32,766"):
        decode_image(encoded(image, "PNG"), LIMITS)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "JPEG2000", "TIFF"])
@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 0.98))
def test_a_part_of_a_file_is_refused(kind: str, share: float) -> None:
    data = encoded(drawing(1, size=(64, 48)), kind)
    with pytest.raises(BadInput):
        decode_image(data[: int(len(data) * share)], LIMITS)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP", "JPEG2000", "TIFF"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
)
def test_changed_bytes_give_an_image_or_bad_input(
    kind: str, changes: list[tuple[float, int]]
) -> None:
    data = bytearray(encoded(drawing(1, size=(64, 48)), kind))
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        image = decode_image(bytes(data), ImageLimits(1_000_000))
    except BadInput:
        return
    assert image.dtype == np.uint8
    assert image.ndim in (2, 3)
