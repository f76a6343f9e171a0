from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from tests.bad_input.folder import changed_png, drawing, encoded, jpeg, png_bomb
from workers.sources import Limits, PageImage
from workers.sources.readers import Blob, read

LIMITS = Limits()

SCANS = Path(__file__).resolve().parents[5] / "shared/data/weather-rescue/images"


def page(data: bytes, limits: Limits = LIMITS) -> PageImage:
    (found,) = read(Blob.of(data), "folder/a.b.jpg", limits, ())
    assert isinstance(found, PageImage)
    return found


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("JPEG2000", "image/jp2"),
        ("TIFF", "image/tiff"),
    ],
)
def test_an_image_is_kept_as_it_is(kind: str, media_type: str) -> None:
    data = encoded(drawing(1), kind)
    assert page(data) == PageImage("a.b", data, media_type, 320, 240)


def test_size_is_that_of_the_upright_page() -> None:
    exif = drawing(1).getexif()
    exif[0x0112] = 8
    found = page(jpeg(1, exif=exif))
    assert (found.width, found.height) == (240, 320)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "JPEG2000", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_file_cut_short_says_where(kind: str, share: float) -> None:
    data = encoded(drawing(1), kind)
    length = int(len(data) * share)
    with pytest.raises(BadInput, match=f"^folder/a.b.jpg: the file ends early, at byte {length:,}"):
        page(data[:length])


def test_bytes_behind_the_end_do_no_harm() -> None:
    for data in (jpeg(1), encoded(drawing(1), "PNG")):
        assert page(data + b"trailer").width == 320


def test_a_changed_byte_of_a_png_is_found() -> None:
    with pytest.raises(BadInput, match="checksum"):
        page(changed_png())


@pytest.mark.parametrize("kind", ["WEBP", "PNG"])
def test_an_animation_is_no_page(kind: str) -> None:
    data = encoded(drawing(1), kind, save_all=True, append_images=[drawing(2)])
    with pytest.raises(BadInput, match="animation"):
        page(data)


def test_the_canvas_of_a_webp_is_checked_before_it_is_claimed() -> None:
    data = bytearray(encoded(drawing(1), "WEBP", exif=b"Exif"))
    assert data[12:16] == b"VP8X"
    data[24:30] = struct.pack("<I", 59_999)[:3] * 2
    with pytest.raises(BadInput, match="60,000 x 60,000"):
        page(bytes(data))


def test_a_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(BadInput, match="3,600,000,000 pixels"):
        page(png_bomb())


@pytest.mark.skipif(not SCANS.exists(), reason="no real scans here")
def test_real_scans_are_read() -> None:
    paths = sorted(SCANS.glob("*.jpg"))[:3]
    assert paths
    for path in paths:
        data = path.read_bytes()
        assert page(data).data == data
