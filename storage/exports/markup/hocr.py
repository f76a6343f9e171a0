"""hOCR 1.2: `NAME.hocr`, an XHTML page with the places of tables, lines and words.

A table is an HTML table of class `ocr_table`: joined cells, heads and all its texts show in any
browser. `x_wconf` is the confidence in per cent; status, raw reading and value of a cell, for which
hOCR has no property, are `data-` attributes, and so is the kind of a region.
"""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from pipeline.page import Polygon, Table
from storage.exports.blocks import blocks
from storage.exports.files import write as write_file
from storage.exports.markup.words import words_of
from storage.exports.markup.xml import (
    CREATOR,
    add,
    around,
    baseline,
    begin,
    box,
    clean,
    document,
)
from storage.exports.pages import PublishedPage

SPACE = "http://www.w3.org/1999/xhtml"
_TYPE = "<!DOCTYPE html>\n"
_CAPABILITIES = "ocr_page ocr_carea ocr_table ocr_line ocrx_word ocrp_wconf"
CLASSES = {"margin": "ocr_textfloat", "figure": "ocr_image", "stamp": "ocr_image"}
"""Of regions that are no area of the running text."""


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.hocr`; return the file."""
    path = out / f"{stem}.hocr"
    write_file(path, to_hocr(page, stem))
    return [path]


def to_hocr(page: PublishedPage, stem: str) -> bytes:
    """Return a page as hOCR; its image is called `STEM` and as its type is usually called."""
    whole = page.transcription
    root = begin(SPACE, "html")
    head = add(root, "head")
    add(head, "title", page.name)
    add(head, "meta", charset="utf-8")
    add(head, "meta", name="ocr-system", content=CREATOR)
    floats = {CLASSES[region.kind] for region in whole.regions if region.kind in CLASSES}
    capabilities = " ".join([_CAPABILITIES, *sorted(floats)])
    add(head, "meta", name="ocr-capabilities", content=capabilities)
    add(head, "meta", name="ocr-number-of-pages", content="1")
    image = page.image_name(stem).replace('"', "_")
    title = f'image "{image}"; bbox 0 0 {whole.width} {whole.height}; ppageno 0'
    sheet = _add(add(root, "body"), "div", "ocr_page", "page", title)
    for block in blocks(whole):
        if block.table is not None:
            number, table = block.table
            _add_table(sheet, table, f"table_{number}")
            continue
        if block.region is None:
            name, polygon = "lines", around([line.polygon for _, line in block.lines])
        else:
            name, polygon = f"region_{block.region[0]}", block.region[1].polygon
        area = _add(sheet, "div", CLASSES.get(block.kind, "ocr_carea"), name, _box(polygon))
        if block.region is not None:
            area.set("data-kind", block.kind)
        for number, line in block.lines:
            row = add(area, "div")
            _add_line(row, f"line_{number}", line.text, line.polygon, line.confidence)
            _mark(row, line.status, line.corrected)
            if line.language is not None:
                row.set("lang", clean(line.language))
            if line.raw is not None:
                row.set("data-raw", clean(line.raw))
    return document(root).replace(b"?>\n", b"?>\n" + _TYPE.encode(), 1)


def _add_table(sheet: etree._Element, table: Table, name: str) -> None:
    made = _add(sheet, "table", "ocr_table", name, _box(table.polygon))
    rows = [add(made, "tr") for _ in range(table.rows)]
    for cell in table.cells:
        place = add(
            rows[cell.row],
            "th" if cell.row < table.header_rows else "td",
            rowspan=cell.row_span if cell.row_span > 1 else None,
            colspan=cell.column_span if cell.column_span > 1 else None,
        )
        _mark(place, cell.status, cell.corrected)
        if cell.raw != cell.text:
            place.set("data-raw", clean(cell.raw))
        if cell.value is not None:
            place.set("data-value", repr(float(cell.value)))
        _add_line(
            place, f"{name}_{cell.row}_{cell.column}", cell.text, cell.polygon, cell.confidence
        )


def _add_line(
    parent: etree._Element, name: str, text: str, polygon: Polygon, confidence: float
) -> None:
    words = words_of(text, polygon, confidence)
    if not words:
        return
    line = _add(parent, "span", "ocr_line", name, f"{_box(polygon)}; {_baseline(polygon)}")
    for number, word in enumerate(words):
        title = f"{_box(word.polygon)}; x_wconf {round(100 * word.confidence)}"
        made = _add(line, "span", "ocrx_word", f"{name}_word_{number}", title)
        made.text = clean(word.text)
        if number + 1 < len(words):
            made.tail = " "


def _add(parent: etree._Element, tag: str, kind: str, name: str, title: str) -> etree._Element:
    return add(parent, tag, None, **{"class": kind, "id": name, "title": title})


def _mark(element: etree._Element, status: str, corrected: bool) -> None:
    if status != "plain":
        element.set("data-status", status)
    if corrected:
        element.set("data-corrected", "true")


def _box(polygon: Polygon) -> str:
    left, top, right, bottom = (max(0, round(side)) for side in box(polygon))
    return f"bbox {left} {top} {right} {bottom}"


def _baseline(polygon: Polygon) -> str:
    """Return the property `baseline`: slope, and offset from the box's lower left corner."""
    (x0, y0), (x1, y1) = baseline(polygon)
    left, _, _, bottom = box(polygon)
    slope = (y1 - y0) / (x1 - x0) if abs(x1 - x0) > 1 else 0.0
    return f"baseline {slope:.4f} {round(y0 + slope * (left - x0) - bottom)}"
