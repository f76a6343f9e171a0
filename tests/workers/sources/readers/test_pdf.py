"""Pages of PDF files, with poppler hidden: PDFium alone must do everything."""

from __future__ import annotations

import io
import shutil
import zlib
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
from numpy.typing import NDArray
from PIL import Image

from pipeline.decode import ImageLimits, decode_image
from pipeline.errors import BadInput
from tests.bad_input.folder import drawing, encoded, locked_pdf, pdf, tiff, zipped
from workers.sources import Limits, PageImage, RefusedSource
from workers.sources.readers import Blob, read
from workers.sources.readers import pdf as module
from workers.sources.readers.step import At, Position

LIMITS = Limits()
SIZE = (600, 400)
BOX = "0 0 300 200"
FULL = "q 300 0 0 200 0 0 cm /I Do Q"
FONT = "/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"


@pytest.fixture(autouse=True)
def no_poppler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_poppler", lambda: False)


def image_object(
    data: bytes,
    filters: str,
    space: str = "/DeviceRGB",
    bits: int = 8,
    more: str = "",
    size: tuple[int, int] = SIZE,
) -> bytes:
    return (
        (
            f"<< /Type /XObject /Subtype /Image /Width {size[0]} /Height {size[1]}"
            f" /ColorSpace {space} /BitsPerComponent {bits} /Filter {filters} {more}"
            f" /Length {len(data)} >>\nstream\n"
        ).encode()
        + data
        + b"\nendstream"
    )


def scan(seed: int = 1) -> bytes:
    return encoded(drawing(seed, size=SIZE), "JPEG", quality=90)


JPEG = image_object(scan(), "/DCTDecode")


def with_image(
    image: bytes = JPEG, content: str = FULL, box: str = BOX, page: str = "", more: str = ""
) -> bytes:
    resources = f"/Resources << /XObject << /I 4 0 R >> {more} >>"
    return pdf(box=box, content=content.encode(), objects=(image,), page=f"{resources} {page}")


def parts(
    data: bytes, limits: Limits = LIMITS, after: Position = ()
) -> list[PageImage | RefusedSource]:
    return [s for s in read(Blob.of(data), "a.pdf", limits, after) if not isinstance(s, At)]


def only(data: bytes, limits: Limits = LIMITS) -> PageImage:
    (page,) = parts(data, limits)
    assert isinstance(page, PageImage), page
    return page


def pixels(page: PageImage) -> NDArray[np.uint8]:
    return decode_image(page.data, ImageLimits())


def as_shown(data: bytes, width: int) -> NDArray[np.uint8]:
    """Return the page of a PDF as PDFium shows it, at this width."""
    page = pdfium.PdfDocument(data)[0]
    return np.asarray(page.render(scale=width / page.get_width()).to_pil().convert("RGB"))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    one, other = (a if a.ndim == 3 else np.repeat(a[..., None], 3, 2) for a in (one, other))
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


# --- a page that is one scan --------------------------------------------------------------------


def test_the_jpeg_of_a_scan_is_taken_as_it_is() -> None:
    page = only(with_image())
    assert page == PageImage("a", scan(), "image/jpeg", *SIZE)


def test_a_packed_jpeg_too() -> None:
    packed = image_object(zlib.compress(scan()), "[/FlateDecode /DCTDecode]")
    assert only(with_image(packed)).data == scan()


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "matrix",
    [
        "300 0 0 200 0 0",
        "-300 0 0 200 300 0",
        "300 0 0 -200 0 200",
        "-300 0 0 -200 300 200",
        "0 300 200 0 0 0",
        "0 300 -200 0 200 0",
        "0 -300 200 0 0 300",
        "0 -300 -200 0 200 300",
    ],
)
def test_a_turned_scan_is_turned_without_touching_its_pixels(matrix: str, rotate: int) -> None:
    box = "0 0 200 300" if matrix.startswith("0") else BOX
    data = with_image(content=f"q {matrix} cm /I Do Q", box=box, page=f"/Rotate {rotate}")
    page = only(data)
    assert page.media_type == "image/jpeg"
    assert page.data[-1000:] == scan()[-1000:]
    assert difference(pixels(page), as_shown(data, page.width)) == 0


def test_exif_in_a_scan_turns_nothing() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(drawing(1, size=SIZE), "JPEG", quality=90, exif=exif)
    page = only(with_image(image_object(data, "/DCTDecode")))
    assert page.data == scan()
    assert (page.width, page.height) == SIZE


def test_a_scan_within_a_form() -> None:
    form = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 300 200] /Length 28"
        b" /Resources << /XObject << /I 4 0 R >> >> >>"
        b"\nstream\nq 150 0 0 100 0 0 cm /I Do Q\nendstream"
    )
    page = only(
        pdf(
            box=BOX,
            content=b"q 2 0 0 2 0 0 cm /F Do Q",
            objects=(JPEG, form),
            page="/Resources << /XObject << /F 5 0 R >> >>",
        )
    )
    assert page.data == scan()


def test_the_words_of_a_recognizer_do_not_matter() -> None:
    hidden = " BT /F 20 Tf 3 Tr 10 10 Td (hello) Tj ET"
    assert only(with_image(content=FULL + hidden, more=FONT)).data == scan()
    behind = "BT /F 20 Tf 10 10 Td (hello) Tj ET "
    assert only(with_image(content=behind + FULL, more=FONT)).data == scan()


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_pixels_without_loss(mode: str) -> None:
    image = drawing(1, mode, SIZE)
    space = "/DeviceRGB" if mode == "RGB" else "/DeviceGray"
    bits = 1 if mode == "1" else 8
    packed = image_object(zlib.compress(image.tobytes()), "/FlateDecode", space, bits)
    page = only(with_image(packed))
    assert page.media_type == "image/png"
    assert Image.open(io.BytesIO(page.data)).mode == mode
    assert np.array_equal(pixels(page), decode_image(encoded(image, "PNG"), ImageLimits()))


def test_fax() -> None:
    image = drawing(1, "1", SIZE)
    file = tiff(image, compression="group4")
    opened = Image.open(io.BytesIO(file))
    start, length = opened.tag_v2[273][0], opened.tag_v2[279][0]  # type: ignore[attr-defined]
    options = f"/DecodeParms << /K -1 /BlackIs1 true /Columns {SIZE[0]} /Rows {SIZE[1]} >>"
    fax = image_object(file[start : start + length], "/CCITTFaxDecode", "/DeviceGray", 1, options)
    assert np.array_equal(pixels(only(with_image(fax))), np.asarray(image) * np.uint8(255))


def test_jpeg_2000() -> None:
    image = drawing(1, size=SIZE)
    page = only(with_image(image_object(encoded(image, "JPEG2000"), "/JPXDecode")))
    assert difference(pixels(page), np.asarray(image)) < 1


@pytest.mark.parametrize(
    "image",
    [
        image_object(scan(), "/DCTDecode", more="/Decode [1 0 1 0 1 0]"),
        image_object(
            encoded(drawing(1, "CMYK", SIZE), "JPEG"),
            "/DCTDecode",
            "/DeviceCMYK",
            more="/Decode [1 0 1 0 1 0 1 0]",
        ),
    ],
)
def test_colours_are_those_of_the_page(image: bytes) -> None:
    data = with_image(image)
    page = only(data)
    assert page.media_type == "image/png"
    assert (page.width, page.height) == SIZE
    assert difference(pixels(page), as_shown(data, page.width)) < 1


def test_a_damaged_scan_is_refused() -> None:
    (refused,) = parts(with_image(image_object(scan()[:9000], "/DCTDecode")))
    assert isinstance(refused, RefusedSource)
    assert refused.name == "a.pdf!/page 1"
    assert "ends early" in refused.reason


def test_a_scan_over_the_limit_is_refused_undecoded() -> None:
    (refused,) = parts(with_image(), Limits(max_pixels=200_000))
    assert isinstance(refused, RefusedSource)
    assert "600 x 400 pixels, more than the limit" in refused.reason


# --- a page that is rendered --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "width"),
    [
        (FULL + " BT /F 20 Tf 10 10 Td (stamp) Tj ET", 600),  # at the scan's own resolution
        (FULL + " 10 10 100 50 re f", 600),
        ("q 300 0 0 100 0 0 cm /I Do Q q 300 0 0 100 0 100 cm /I Do Q", 1200),  # strips
        ("q 0 0 150 200 re W n 300 0 0 200 0 0 cm /I Do Q", 600),  # clipped
        ("q 298 20 -20 198 10 0 cm /I Do Q", 600),  # askew
        ("q 60 0 0 40 10 10 cm /I Do Q", 1250),  # a small picture on a page of 300 dpi
        ("10 10 100 50 re f", 1250),
    ],
)
def test_other_pages_look_as_they_should(content: str, width: int) -> None:
    data = with_image(content=content, more=FONT)
    page = only(data)
    assert page.media_type == "image/png"
    assert page.width == pytest.approx(width, abs=6)
    shown = as_shown(data, page.width)[: page.height]
    assert difference(pixels(page), shown) < 2


def test_oblong_pixels_are_made_square() -> None:
    data = with_image(box="0 0 300 400", content="q 300 0 0 400 0 0 cm /I Do Q")
    page = only(data)
    assert (page.width, page.height) == (600, 800)


def test_a_page_without_colour_is_gray_or_black_and_white() -> None:
    page = only(with_image(content="0.5 g 10 10 100 50 re f"))
    assert Image.open(io.BytesIO(page.data)).mode == "L"
    page = only(with_image(content="0 0 300 100 re f"))
    assert pixels(page).ndim == 2


def test_large_pages_are_rendered_smaller_but_not_useless() -> None:
    big = with_image(content="10 10 100 50 re f", box="0 0 3000 2000")
    page = only(big, Limits(max_pixels=10_000_000))
    assert 9_900_000 < page.width * page.height <= 10_000_000
    (refused,) = parts(big, Limits(max_pixels=5_000_000))
    assert isinstance(refused, RefusedSource)
    assert "1.1 m by 0.7 m" in refused.reason


def test_javascript_is_not_run() -> None:
    data = pdf(catalog="/OpenAction << /S /JavaScript /JS (while(1){}) >>")
    assert only(data).width == 833


# --- the document -------------------------------------------------------------------------------


def test_pages_are_numbered_and_reading_goes_on_behind_a_position() -> None:
    data = pdf(pages=3)
    assert [page.name for page in parts(data)] == ["a-0001", "a-0002", "a-0003"]
    assert [page.name for page in parts(data, after=(1,))] == ["a-0003"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (locked_pdf(), "asks for a password"),
        (pdf()[:-60], "ends early"),
        (b"%PDF-1.7\n%%EOF\n", "the PDF is damaged"),
        (pdf(pages=0), "damaged"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=f"^a.pdf: .*{reason}"):
        parts(data)


def test_too_many_pages() -> None:
    with pytest.raises(BadInput, match="10,000 pages, more than the limit of 5,000"):
        parts(pdf(pages=10_000))


@pytest.mark.skipif(shutil.which("pdftoppm") is None, reason="poppler is not installed")
def test_poppler_renders_where_it_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    data = with_image(content="0.5 g 10 10 100 50 re f")
    (tmp_path / "a.pdf").write_bytes(data)
    with (tmp_path / "a.pdf").open("rb") as file:
        image = module._render_poppler(Blob(file, len(data)), 0, *SIZE)
        assert image is not None
        assert difference(np.asarray(image.convert("RGB")), as_shown(data, SIZE[0])) < 1
        alone = list(read(Blob(file, len(data)), "a.pdf", LIMITS, ()))
    packed = list(read(Blob.of(zipped(("a.pdf", data))), "b.zip", LIMITS, ()))
    assert packed[-1] == alone[-1], "a PDF is rendered the same within a ZIP"
