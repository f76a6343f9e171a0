from __future__ import annotations

import math
from html import escape
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.transcribed import pages_in, read_transcribed
from pipeline.transcribed.languages import language_of
from pipeline.transcribed.model import polygon_of

SPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"
TEXTS = """
<TextRegion id="second"><Coords points="0,200 90,200 90,260 0,260"/>
 <TextLine custom="readingOrder {index:1;}"><Coords points="0,230 90,230 90,250 0,250"/>
  <TextEquiv conf="0.4"><Unicode>four</Unicode></TextEquiv></TextLine>
 <TextLine custom="readingOrder {index:0;}"><Coords points="0,200 90,200 90,220 0,220"/>
  <Word><Coords points="0,0 9,9"/><TextEquiv conf="0.5"><Unicode>thr</Unicode></TextEquiv></Word>
  <Word><Coords points="0,0 9,9"/><TextEquiv conf="0.5"><Unicode>ee</Unicode></TextEquiv></Word>
 </TextLine>
</TextRegion>
<TextRegion id="first"><Coords points="0,0 90,0 90,40 0,40"/>
 <TextEquiv><Unicode>one
two</Unicode></TextEquiv></TextRegion>
<TextRegion id="loose"><Coords points="0,300 90,300 90,340 0,340"/>
 <TextLine><Coords points="0,300 90,300 90,320 0,320"/><TextEquiv index="2"><Unicode>siz</Unicode>
 </TextEquiv><TextEquiv index="1" conf="0.7"><Unicode>five</Unicode></TextEquiv></TextLine>
</TextRegion>"""
PLACE = '<Coords points="0,0 90,0 90,20 0,20"/>'
ORDER = """<ReadingOrder><OrderedGroup id="o"><RegionRefIndexed index="1" regionRef="second"/>
<RegionRefIndexed index="0" regionRef="first"/></OrderedGroup></ReadingOrder>"""


def _page(content: str, size: str = 'imageWidth="500" imageHeight="400"') -> bytes:
    return f"""<?xml version="1.0"?><PcGts xmlns="{SPACE}"><Metadata><Creator>Transkribus</Creator>
<Created>2019-01-02T03:04:05Z</Created></Metadata><Page imageFilename="a.tif" {size}>
{content}</Page></PcGts>""".encode()


def _cell(row: int, column: int, text: str, rest: str = "") -> str:
    points = f"{100 * column},{50 * row} {100 * column + 99},{50 * row + 49}"
    return f"""<TableCell row="{row}" col="{column}" {rest}><Coords points="{points}"/>
<TextLine><Coords points="{points}"/><TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine>
</TableCell>"""


def _table(*cells: str) -> bytes:
    return _page(
        f'<TableRegion><Coords points="0,0 200,0 200,100 0,100"/>{"".join(cells)}</TableRegion>'
    )


def test_page_lines_come_in_reading_order_with_what_is_known_of_them() -> None:
    read = read_transcribed(_page(ORDER + TEXTS), "a.xml")
    assert (read.image, read.software) == ("a.tif", "Transkribus")
    whole = read.transcription
    assert (whole.width, whole.height) == (500, 400)
    assert [line.text for line in whole.lines] == ["one", "two", "thr ee", "four", "five"]
    assert [line.confidence for line in whole.lines] == [1.0, 1.0, 0.25, 0.4, 0.7]
    assert whole.lines[1].polygon == ((0, 20), (90, 20), (90, 40), (0, 40))
    assert [other.text for other in whole.lines[4].alternatives] == ["siz"]


def test_cells_as_transkribus_writes_them_make_a_whole_grid() -> None:
    (table,) = read_transcribed(
        _table(_cell(0, 0, "Head", 'colSpan="2"'), _cell(1, 1, "9,5")), "a.xml"
    ).transcription.tables
    assert table.grid() == [["Head", ""], ["", "9,5"]]
    assert [cell.value for cell in table.cells] == [None, None, 9.5]
    assert table.cells[1].polygon == ((0, 50), (100, 50), (100, 100), (0, 100))


def test_no_text_of_a_table_is_lost() -> None:
    region = '<TextRegion><Coords points="0,9 9,9"/><TextEquiv><Unicode>note</Unicode></TextEquiv>'
    (table,) = read_transcribed(
        _table(_cell(0, 0, "a"), _cell(0, 0, "b"), f"{region}</TextRegion>"), "a.xml"
    ).transcription.tables
    assert table.grid() == [["a b"], ["note"]]


def test_a_polygon_begins_at_its_text_s_top_left() -> None:
    box = [(0.0, 10.0), (50.0, 10.0), (50.0, 20.0), (0.0, 20.0)]
    assert polygon_of(box[2:] + box[:2]) == tuple(box)
    assert polygon_of(box[::-1]) == tuple(box)
    upwards = polygon_of([(0, 100), (20, 100), (20, 0), (0, 0)], [(18, 100), (18, 0)])
    assert upwards == ((0, 100), (0, 0), (20, 0), (20, 100))
    slope = math.radians(10)
    along = [(0.0, 0.0), (100 * math.cos(slope), 100 * math.sin(slope))]
    outline = [(x, y + d) for x, y in along for d in (-9, 9, 0)]
    a, b, _, _ = polygon_of(outline, along)
    assert math.degrees(math.atan2(b[1] - a[1], b[0] - a[0])) == pytest.approx(10, abs=0.01)


ALTO = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v2#"><Description>
<OCRProcessing ID="o"><ocrProcessingStep><processingSoftware><softwareName>ABBYY</softwareName>
<softwareVersion>11</softwareVersion></processingSoftware></ocrProcessingStep></OCRProcessing>
</Description><Layout><Page WIDTH="300" HEIGHT="200"><PrintSpace><ComposedBlock TYPE="table">
<TextBlock><TextLine HPOS="1" VPOS="2" WIDTH="30" HEIGHT="10" BASELINE="11">
<String CONTENT="du" WC="0.5"/><SP/><String CONTENT="jour" WC="0.5"/></TextLine></TextBlock>
</ComposedBlock></PrintSpace></Page></Layout></alto>"""


def test_alto_of_others() -> None:
    read = read_transcribed(ALTO.encode(), "a.xml")
    (line,) = read.transcription.lines
    assert (read.software, line.text, line.confidence) == ("ABBYY 11", "du jour", 0.25)
    assert line.polygon == ((1, 2), (31, 2), (31, 12), (1, 12))


@pytest.mark.parametrize(
    "data",
    [
        b"<html/>",
        b"\x00\xff",
        b"<!DOCTYPE PcGts [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><PcGts><Page>&x;</Page></PcGts>",
        _page(TEXTS.replace("0,300 90,300 90,320 0,320", "")),
        _page(TEXTS.replace("0,300 90,300 90,320 0,320", "1e9,0 5,5")),
        _page(TEXTS.replace("0,300 90,300 90,320 0,320", "a,b c,d")),
        _page(TEXTS.replace('conf="0.4"', 'conf="nan"')),
        _page("", ""),
        _table(_cell(99999, 99999, "far")),
        _table(_cell(0, 0, "wide", 'colSpan="999999999"')),
        _table(_cell(0, -1, "before")),
        ALTO.replace(
            "<Description>", "<Description><MeasurementUnit>mm10</MeasurementUnit>"
        ).encode(),
    ],
)
def test_what_cannot_be_read_is_one_line(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^a\.xml: .*; "):
        read_transcribed(data, "a.xml")


def test_a_billion_laughs_are_not_laughed() -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    data = f'<!DOCTYPE PcGts [<!ENTITY l0 "ha">{laughs}]><PcGts><Page>&l11;</Page></PcGts>'
    with pytest.raises(BadInput):
        read_transcribed(data.encode(), "a.xml")


def test_a_page_is_found_once(tmp_path: Path) -> None:
    for name in ("a.xml", "a.alto.xml", "a.tei.xml", "b.alto.xml", "c.1.xml"):
        (tmp_path / name).touch()
    found = [(name, file.name) for name, file in pages_in(tmp_path)]
    assert found == [("a", "a.xml"), ("b", "b.alto.xml"), ("c.1", "c.1.xml")]


@pytest.mark.parametrize(
    ("said", "language"), [("Korean", "ko"), ("French", "fr"), ("Klingon", None), ("other", None)]
)
def test_languages_as_page_xml_names_them(said: str, language: str | None) -> None:
    line = (
        f'<TextLine primaryLanguage="{said}"'
        ' primaryScript="Kore - Korean (alias for Hangul + Han)">'
        f"{PLACE}<TextEquiv><Unicode>a</Unicode></TextEquiv></TextLine>"
    )
    region = f'<TextRegion id="a">{PLACE}{line}</TextRegion>'
    [read] = read_transcribed(_page(region), "a.xml").transcription.lines
    assert (read.language, read.script) == (language, "Kore")


@pytest.mark.parametrize(
    ("said", "language"),
    [
        ("fre", "fr"),
        ("ko", "ko"),
        ("en-GB", "en-GB"),
        ("a b", None),
        ("'; drop", None),
        (None, None),
    ],
)
def test_languages_as_other_documents_name_them(said: str | None, language: str | None) -> None:
    assert language_of(said) == language


@pytest.mark.parametrize(
    "tagged",
    ["{", "[1]", '[{"kind": "date", "start": 0, "end": 9, "value": "1898"}]', '[{"end": 1}]'],
)
def test_tags_that_no_line_can_have_are_refused(tagged: str) -> None:
    own = "".join(
        f'<UserAttribute name="ledgermill:{name}" type="xsd:string" value="{escape(value)}"/>'
        for name, value in (("text", "abc"), ("tagged", tagged))
    )
    line = (
        f"<TextLine>{PLACE}<TextEquiv><Unicode>abc</Unicode></TextEquiv>"
        f"<UserDefined>{own}</UserDefined></TextLine>"
    )
    region = f'<TextRegion id="a">{PLACE}{line}</TextRegion>'
    with pytest.raises(BadInput):
        read_transcribed(_page(region), "a.xml")
