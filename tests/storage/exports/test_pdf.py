from __future__ import annotations

import io
import re
import shutil
import subprocess

import cv2
import numpy as np
import pikepdf
import pytest
from PIL import Image

from pipeline.errors import BadInput
from pipeline.page import Line, Transcription
from storage.exports.pages import PublishedPage
from storage.exports.pdf import to_pdf
from storage.exports.pdf.colour import srgb
from tests.storage.exports.varied import ledger
from tests.storage.pages import box

GRAY = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
BLANK = Transcription(60, 40, 0.0, (), ())


def _page(whole: Transcription, scan: bytes, name: str = "page") -> PublishedPage:
    return PublishedPage(name, "r", whole, image="x", fetch=lambda _sha256: scan)


def _file(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    (image or Image.fromarray(GRAY)).save(file, kind, **options)
    return file.getvalue()


def _layout(data: bytes) -> list[str]:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    read = subprocess.run(["pdftotext", "-layout", "-", "-"], input=data, capture_output=True)
    return [" ".join(line.split()) for line in read.stdout.decode().splitlines() if line.strip()]


@pytest.mark.parametrize("angle", [0.0, 0.4, 2.5, -4.0])
def test_the_rows_of_a_table_come_out_in_order(angle: float) -> None:
    whole = ledger(angle)
    data = to_pdf(_page(whole, _file("JPEG")))
    rows = [" ".join(row) for row in whole.tables[0].grid()]
    assert _layout(data)[-len(rows) :] == rows
    assert _layout(data)[0] == "Register of the Weather"


def test_any_script_is_found_again() -> None:
    texts = ["기온 12·5", "Größe № 7", "𝔄 😀", "α β", "  two  blanks "]
    lines = tuple(Line(text, 0.5, box(10, 60 * i, 400, 30)) for i, text in enumerate(texts))
    data = to_pdf(_page(Transcription(500, 400, 0.0, lines, ()), _file("PNG")))
    assert _layout(data) == [" ".join(text.split()) for text in texts]


def test_it_is_what_pdf_a_2u_asks_for() -> None:
    with pikepdf.open(io.BytesIO(to_pdf(_page(ledger(), _file("JPEG"), "a & <b>")))) as pdf:
        packet = pdf.Root.Metadata.read_bytes().decode()
        assert "<pdfaid:part>2<" in packet
        assert "<pdfaid:conformance>U<" in packet
        assert "a &amp; &lt;b&gt;" in packet
        assert str(pdf.docinfo.Title) == "a & <b>"
        (intent,) = pdf.Root.OutputIntents
        assert intent.S == pikepdf.Name.GTS_PDFA1
        assert bytes(intent.DestOutputProfile.read_bytes()) == srgb()
        assert not pdf.is_encrypted
        assert "/ID" in pdf.trailer
        (page,) = pdf.pages
        font = page.Resources.Font.Text
        (letters,) = font.DescendantFonts
        assert letters.FontDescriptor.FontFile2.read_bytes()
        codes = {code for text in _shown(page) for code in re.findall("....", text)}
        known = re.findall(
            r"^<(....)> <(?!FFFF)", font.ToUnicode.read_bytes().decode(), re.MULTILINE
        )
        assert codes == set(known)
        assert letters.CIDToGIDMap.read_bytes() == b"\0\0" + b"\0\1" * len(known)


def _shown(page: pikepdf.Page) -> list[str]:
    steps = pikepdf.parse_content_stream(page)
    assert [int(step.operands[0]) for step in steps if str(step.operator) == "Tr"] == [3]
    return [bytes(s.operands[0]).hex().upper() for s in steps if str(s.operator) == "Tj"]


def _rendered(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    import pypdfium2

    page = pypdfium2.PdfDocument(data)[0]
    image = page.render(scale=shape[1] / page.get_width()).to_numpy()
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    return np.asarray(cv2.resize(gray, (shape[1], shape[0])), np.float64)


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_jpeg_is_taken_as_it_is_and_stands_upright(turn: int) -> None:
    lit = np.full((40, 60), 230, np.uint8)
    lit[:10, :15] = 20  # dark at the upper left
    lit[30:, :15] = 120
    exif = Image.Exif()
    exif[0x0112] = turn
    data = _file("JPEG", Image.fromarray(lit), exif=exif, quality=95)
    from pipeline.decode import ImageLimits, decode_image

    seen = decode_image(data, ImageLimits())
    whole = Transcription(seen.shape[1], seen.shape[0], 0.0, (), ())
    made = to_pdf(_page(whole, data))
    assert data in made
    assert np.abs(_rendered(made, seen.shape) - seen).mean() < 8


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "L"), ("PNG", "RGB"), ("PNG", "1"), ("TIFF", "RGB"), ("PNG", "RGBA")]
)
def test_other_scans_lose_nothing(kind: str, mode: str) -> None:
    image = Image.fromarray(GRAY).convert(mode)
    made = to_pdf(_page(BLANK, _file(kind, image)))
    with pikepdf.open(io.BytesIO(made)) as pdf:
        scan = pdf.pages[0].Resources.XObject.Scan
        assert isinstance(scan, pikepdf.Stream)
        found = pikepdf.PdfImage(scan).as_pil_image()
    assert np.array_equal(np.asarray(found.convert("RGB")), np.asarray(image.convert("RGB")))


def test_cmyk_becomes_rgb() -> None:
    data = _file("JPEG", Image.fromarray(GRAY).convert("CMYK"))
    with pikepdf.open(io.BytesIO(to_pdf(_page(BLANK, data)))) as pdf:
        assert pdf.pages[0].Resources.XObject.Scan.ColorSpace == pikepdf.Name.DeviceRGB


def test_the_same_page_is_the_same_file() -> None:
    page = _page(ledger(1.0), _file("PNG"))
    assert to_pdf(page) == to_pdf(page)


@pytest.mark.parametrize("scan", [b"", b"no image", _file("PNG")[:-30]])
def test_a_damaged_scan_is_named(scan: bytes) -> None:
    with pytest.raises(BadInput):
        to_pdf(_page(BLANK, scan))
