from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import Phase, given, settings
from lxml import etree

from pipeline.page import (
    Cell,
    Line,
    Region,
    RegionKind,
    Table,
    Transcription,
    from_json,
    to_json,
)
from pipeline.page import schema as page_schema
from pipeline.transcribed import read_transcribed
from storage.exports.blocks import blocks
from storage.exports.markup import alto, hocr, page_xml, tei
from storage.exports.pages import PublishedPage
from storage.exports.texts import markdown
from tests.storage.exports.varied import ledger, schema, transcriptions
from tests.storage.pages import box

QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""To shrink a failing page takes minutes, and says little more."""

MADE = datetime(2026, 11, 21, 12, 30, 5)  # noqa: DTZ001
PAGE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"


@cache
def _schema(name: str) -> etree.XMLSchema:
    return schema(name)


def _page(whole: Transcription) -> PublishedPage:
    return PublishedPage("a & b", "p@0+1", whole, MADE, "ledgers", "0" * 64, "image/png")


@settings(max_examples=40, deadline=None, phases=QUICK)
@given(transcriptions)
def test_all_of_a_page_comes_back_from_page_xml(whole: Transcription) -> None:
    written = page_xml.to_page_xml(_page(whole), "stem")
    _schema("pagecontent-2019-07-15.xsd").assertValid(etree.fromstring(written))
    read = read_transcribed(written, "stem.xml")
    assert read.transcription == whole
    assert (read.image, read.created) == ("stem.png", "2026-11-21T12:30:05Z")
    assert read.software.startswith("ledgermill ")
    assert page_xml.to_page_xml(_page(read.transcription), "stem") == written


@settings(max_examples=20, deadline=None, phases=QUICK)
@given(transcriptions)
def test_alto_follows_its_schema_and_keeps_texts_and_grids(whole: Transcription) -> None:
    written = alto.to_alto(_page(whole), "stem")
    _schema("alto-4-4.xsd").assertValid(etree.fromstring(written))
    read = read_transcribed(written, "stem.alto.xml")
    assert read.image == "stem.png"
    said = [" ".join(line.text.split()) for line in whole.lines]
    assert [line.text for line in read.transcription.lines] == [text for text in said if text]
    for table, same in zip(whole.tables, read.transcription.tables, strict=True):
        assert [(c.row, c.column, c.row_span, c.column_span, c.status) for c in same.cells] == [
            (c.row, c.column, c.row_span, c.column_span, c.status) for c in table.cells
        ]
        assert [c.text for c in same.cells] == [" ".join(c.text.split()) for c in table.cells]
        assert same.header_rows == table.header_rows


@settings(max_examples=20, deadline=None, phases=QUICK)
@given(transcriptions)
def test_hocr_and_tei_hold_every_text(whole: Transcription) -> None:
    texts = []
    for block in blocks(whole):
        texts += [line.text for _, line in block.lines]
        texts += [cell.text for cell in block.table[1].cells] if block.table else []
    words = [word for text in texts for word in text.split()]
    root = etree.fromstring(hocr.to_hocr(_page(whole), "stem"))
    found = root.iterfind(".//{*}span[@class='ocrx_word']")
    assert [word.text for word in found] == words
    body = etree.fromstring(tei.to_tei(_page(whole), "stem")).find("{*}text")
    assert body is not None
    for read in body.iterfind(".//{*}sic"):
        read.text = ""
    assert [w for text in body.itertext() for w in text.split()] == words


def test_hocr_says_where_everything_is() -> None:
    root = ElementTree.fromstring(hocr.to_hocr(_page(ledger()), "stem"))
    space = {"h": "http://www.w3.org/1999/xhtml"}
    page = root.find(".//h:div[@class='ocr_page']", space)
    assert page is not None
    assert page.get("title") == 'image "stem.png"; bbox 0 0 1500 900; ppageno 0'
    assert len(root.findall(".//h:table[@class='ocr_table']/h:tr", space)) == 12
    word = root.find(".//h:td//h:span[@class='ocrx_word']", space)
    assert word is not None
    assert word.get("title") == "bbox 100 260 220 288; x_wconf 90"
    names = {meta.get("name"): meta.get("content") for meta in root.findall(".//h:meta", space)}
    kinds = {str(e.get("class")) for e in root.iter() if str(e.get("class")).startswith("ocr")}
    assert kinds | {"ocrp_wconf"} == set(str(names["ocr-capabilities"]).split())


def test_what_a_person_corrected_is_marked_in_what_can_say_it() -> None:
    cell = Cell(0, 0, "29.874", "29.8?4", 1.0, box(0, 0), value=29.874, corrected=True)
    line = Line("Wind", 1.0, box(0, 50), corrected=True)
    whole = Transcription(500, 500, 0.0, (line,), (Table(box(0, 0), 1, 1, (cell,)),))
    assert read_transcribed(page_xml.to_page_xml(_page(whole), "p"), "p").transcription == whole
    assert b'TYPE="corrected"' in alto.to_alto(_page(whole), "p")
    assert b'data-corrected="true"' in hocr.to_hocr(_page(whole), "p")
    text = tei.to_tei(_page(whole), "p")
    assert b"<sic>29.8?4</sic>" in text
    assert b'type="person">29.874</corr>' in text


def test_what_somebody_changes_in_page_xml_counts() -> None:
    """Another program moves a cell and mends its text: nothing said of the old ones is kept."""
    whole = ledger()
    table = whole.tables[0]
    old = replace(table.cells[7], status="verified", checks=("sum:pass",))
    moved = replace(old, polygon=tuple((x + 0.25, y) for x, y in old.polygon))  # type: ignore[arg-type]
    cells = tuple(moved if cell == table.cells[7] else cell for cell in table.cells)
    page = _page(replace(whole, tables=(replace(table, cells=cells),)))
    root = etree.fromstring(page_xml.to_page_xml(page, "p"))
    region = root.find(f".//{PAGE}TextRegion[@id='table_0_1_2']")
    assert region is not None
    for coords in region.iter(f"{PAGE}Coords"):
        coords.set("points", "10,10 50,10 50,30 10,30")
    (reading,) = region.iter(f"{PAGE}Unicode")
    reading.text = "28.0"
    (read,) = read_transcribed(etree.tostring(root), "p").transcription.tables
    found = read.cells[7]
    assert found.polygon == ((10, 10), (50, 10), (50, 30), (10, 30))
    assert (found.text, found.value, found.status, found.checks) == ("28.0", 28.0, "plain", ())
    assert found.raw == "31.001"
    assert read.cells[8] == cells[8]


@pytest.mark.parametrize("form", ["page", "alto", "hocr", "tei"])
def test_control_characters_do_not_break_xml(tmp_path: Path, form: str) -> None:
    from storage.exports import FORMATS

    line = Line("a\x01b￿", 0.5, box(0, 0))
    name = "p\x02q"
    page = PublishedPage(name, "r", Transcription(100, 100, 0.0, (line,), ()), MADE)
    (path,) = FORMATS[form](page, "stem", tmp_path)
    assert (
        "a�b�" in "".join(map(str, etree.parse(str(path)).getroot().itertext())) or form == "alto"
    )


def test_a_line_says_its_language_and_the_whole_of_a_broken_word() -> None:
    line = Line("der Beob-", 0.9, box(0, 0), language="de", script="Latn", joined="Beobachtung")
    page = _page(Transcription(300, 200, 0.0, (line,), ()))
    [written] = etree.fromstring(page_xml.to_page_xml(page, "a")).iterfind(".//{*}TextLine")
    assert written.get("primaryLanguage") == "German"
    assert written.get("primaryScript") == "Latn - Latin"
    root = etree.fromstring(alto.to_alto(page, "a"))
    [written] = root.iterfind(".//{*}TextLine")
    assert written.get("LANG") == "de"
    words = [(s.get("CONTENT"), s.get("SUBS_CONTENT")) for s in root.iterfind(".//{*}String")]
    assert words == [("der", None), ("Beob-", "Beobachtung")]
    [shown] = etree.fromstring(hocr.to_hocr(page, "a")).iterfind(".//{*}div[@lang]")
    assert shown.get("lang") == "de"


def test_regions_are_called_by_what_each_format_has_for_them() -> None:
    known: tuple[RegionKind, ...] = ("heading", "margin", "text", "figure", "stamp")
    regions = tuple(Region(kind, box(0, 40 * i)) for i, kind in enumerate(known))
    lines = tuple(Line(f"of {kind}", 1.0, box(0, 40 * i), region=i) for i, kind in enumerate(known))
    table = Table(box(0, 300), 1, 1, (Cell(0, 0, "1", "1", 1.0, box(0, 300)),))
    unread = Region("table", box(0, 400), ignored=7)
    first = Region("table", table.polygon, table=0)
    lines = tuple(replace(line, region=i + 1) for i, line in enumerate(lines))
    whole = Transcription(500, 500, 0.0, lines, (table,), (first, *regions, unread))
    page = page_xml.to_page_xml(_page(whole), "p")
    assert read_transcribed(page, "p").transcription == whole
    elements = [etree.QName(each).localname for each in etree.fromstring(page)[1]]
    assert elements == [
        "ReadingOrder", "TableRegion", "TextRegion", "TextRegion", "TextRegion", "ImageRegion",
        "GraphicRegion", "TableRegion",
    ]  # fmt: skip
    assert re.findall(rb'TextRegion id="region_\d" type="(\w+)"', page) == [
        b"heading", b"marginalia", b"paragraph",
    ]  # fmt: skip
    read = read_transcribed(alto.to_alto(_page(whole), "p"), "p").transcription
    assert [region.kind for region in read.regions] == ["table", *known, "table"]
    assert [line.region for line in read.lines] == [1, 2, 3, 4, 5]
    text = hocr.to_hocr(_page(whole), "p").decode()
    assert re.findall(r'class="(ocr_\w+)" id="region_', text) == [
        "ocr_carea", "ocr_textfloat", "ocr_carea", "ocr_image", "ocr_image", "ocr_carea",
    ]  # fmt: skip
    body = tei.to_tei(_page(whole), "p").decode().partition("<body>")[2]
    assert re.findall(r"<(table|head|note|p|figure)\b", body) == [
        "table", "head", "note", "p", "figure", "p", "figure", "p",
    ]  # fmt: skip
    said = markdown.to_markdown(_page(whole)).split("\n\n")
    assert [part.strip() for part in said[2:5]] == ["## of heading", "> of margin", "of text"]


def test_a_profiles_ignored_regions_are_named_in_the_page_object() -> None:
    whole = Transcription(500, 500, 0.0, (), (), (Region("stamp", box(0, 0), ignored=2),))
    said = to_json(whole, "p", "r")
    assert said["regions"][0]["ignored"] == 2
    jsonschema.validate(said, page_schema())
    assert from_json(said) == whole
