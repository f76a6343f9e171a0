"""Searchable PDF/A-2u: `NAME.pdf`, the scan with its text lying invisibly on the ink.

ISO 19005-2, level U. A scan that is a JPEG is taken over byte for byte, any other without a loss.
The text of a table stands in the order of its rows. Of what nothing is known but that it is there,
such as confidences, a PDF says nothing.
"""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage
from storage.exports.pdf.font import add_font, codes_of
from storage.exports.pdf.metadata import add_metadata
from storage.exports.pdf.picture import add_picture
from storage.exports.pdf.placing import placed

MOST_UNITS = 14_400
"""Points of a page's side at most; the least is 3."""


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.pdf`; return the file. Raises `BadInput` for a damaged scan."""
    path = out / f"{stem}.pdf"
    write_file(path, to_pdf(page))
    return [path]


def to_pdf(page: PublishedPage) -> bytes:
    """Return a page as PDF/A. Raises `BadInput` where its scan is lost or damaged."""
    whole = page.transcription
    with Pdf.new() as pdf:
        picture = add_picture(pdf, page.scan())
        scale = min(72 / picture.dpi, MOST_UNITS / max(whole.width, whole.height))
        scale = max(scale, 3 / min(whole.width, whole.height))
        texts, turn = placed(whole)
        codes = codes_of(text.text for text in texts)
        # From page pixels to points, straightened by `turn`: y grows upwards in a PDF.
        left, top, right, bottom = turn.bounds(whole.width, whole.height)
        width, height = (right - left) * scale, (bottom - top) * scale
        cosine, sine = turn.cosine * scale, turn.sine * scale
        matrix = (cosine, -sine, -sine, -cosine, -left * scale, height + top * scale)
        image = (whole.width, 0, 0, -whole.height, 0, whole.height)
        content = [
            "q",
            f"{_numbers(matrix)} cm",
            f"{_numbers(image)} cm",
            f"{_numbers(picture.matrix)} cm",
            "/Scan Do",
            "Q",
        ]
        fonts = Dictionary()
        if texts:
            fonts = Dictionary(Text=add_font(pdf, codes))
            content += ["BT", "3 Tr"]
            for text in texts:
                x = (text.x - left) * scale
                y = height - (text.y - top) * scale
                place = (text.cosine, -text.sine, text.sine, text.cosine, x, y)
                spelt = "".join(f"{codes[character]:04X}" for character in text.text)
                content += [
                    f"/Text {text.size * scale:.3f} Tf {text.stretch:.3f} Tz",
                    f"{_numbers(place)} Tm <{spelt}> Tj",
                ]
            content.append("ET")
        leaf = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, round(width, 3), round(height, 3)]),
            Resources=Dictionary(Font=fonts, XObject=Dictionary(Scan=picture.image)),
            Contents=Stream(pdf, "\n".join(content).encode("ascii")),
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
        add_metadata(pdf, page)
        file = io.BytesIO()
        pdf.save(
            file,
            deterministic_id=True,
            min_version="1.7",
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            compress_streams=True,
            recompress_flate=False,
        )
    return file.getvalue()


def _numbers(numbers: tuple[float, ...]) -> str:
    return " ".join(f"{number:.6f}".rstrip("0").rstrip(".") for number in numbers)
