from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.training.datasets.lines import (
    corners,
    placed_lines,
    read_pages,
    read_pairs,
    transcribed,
)

ALTO = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#">
<Description><MeasurementUnit>pixel</MeasurementUnit></Description>
<Tags><OtherTag ID="T1" LABEL="DefaultLine:Typewritten"/></Tags>
<Layout><Page><PrintSpace><TextBlock>
<TextLine TAGREFS="T1" BASELINE="20 60 180 60" HPOS="20" VPOS="40" WIDTH="160" HEIGHT="30">
<Shape><Polygon POINTS="20 40 180 40 180 70 20 70"/></Shape><String CONTENT="Dear M^r"/></TextLine>
<TextLine HPOS="20" VPOS="90" WIDTH="100" HEIGHT="20"><String CONTENT="a &amp;amp; b"/></TextLine>
<TextLine HPOS="20" VPOS="120" WIDTH="100" HEIGHT="20"><String CONTENT="XXX b"/></TextLine>
<TextLine HPOS="20" VPOS="150" WIDTH="100" HEIGHT="20"><String CONTENT=" "/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""

PAGE = """<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page>
<TextRegion><TextLine custom="structure {type:print;}"><Coords points="10,10 90,10 90,30 10,30"/>
<Baseline points="10,25 90,25"/><TextEquiv><Unicode>lu</Unicode></TextEquiv></TextLine>
</TextRegion></Page></PcGts>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.xml").write_text(ALTO, "utf-8")
    cv2.imwrite(str(tmp_path / "a.png"), np.full((200, 200), 230, np.uint8))
    return tmp_path


def test_alto_lines_with_their_type(folder: Path) -> None:
    lines = list(read_pages(folder, lambda stem: f"w/{stem}"))
    assert [line.labelled.texts[0] for line in lines] == ["Dear Mr", "a & b"]
    assert [line.style for line in lines] == ["print", "hand"]
    assert {line.labelled.group for line in lines} == {"w/a"}
    assert lines[0].labelled.gray.shape[1] > 160


def test_page_lines(tmp_path: Path) -> None:
    file = tmp_path / "b.xml"
    file.write_text(PAGE, "utf-8")
    (line,) = placed_lines(file)
    assert (line.text, line.style) == ("lu", "print")


def test_a_slanting_line_is_cut_along_its_baseline() -> None:
    base = np.array([[100, 100], [200, 200]], np.float32)
    across = np.array([[7, -7]], np.float32)
    outline = np.concatenate([base + across, (base - across)[::-1]])
    box = corners(outline, base)
    along = box[1] - box[0]
    assert along[0] == pytest.approx(along[1], rel=0.02)
    height = float(np.linalg.norm(box[3] - box[0]))
    assert 14 < height < 26


def test_a_long_descender_does_not_make_the_line_taller() -> None:
    outline = np.array(
        [[0, 0], [200, 0], [200, 20], [110, 20], [105, 60], [100, 20], [0, 20]], np.float32
    )
    box = corners(outline, np.array([[0, 16], [200, 16]], np.float32))
    assert np.linalg.norm(box[3] - box[0]) < 30


def test_a_line_nowhere_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.xml"
    file.write_text(PAGE.replace("10,10 90,10 90,30 10,30", ""), "utf-8")
    with pytest.raises(BadInput, match=r"c\.xml"):
        placed_lines(file)


@pytest.mark.parametrize("content", ["<html/>", "no XML"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "d.xml"
    file.write_text(content, "utf-8")
    with pytest.raises(BadInput, match="neither ALTO nor PAGE"):
        placed_lines(file)


def test_a_page_without_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "e.xml").write_text(PAGE, "utf-8")
    with pytest.raises(BadInput, match="no image"):
        list(read_pages(tmp_path, str))


def test_pairs(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "f.png"), np.full((150, 300), 200, np.uint8))
    (tmp_path / "f.txt").write_text("der  Fluß \n", "utf-8")
    (line,) = read_pairs(tmp_path, str, "print")
    assert line.labelled.texts == ("der Fluß",)
    assert line.labelled.gray.shape[0] == 72
    (tmp_path / "g.txt").write_text("x", "utf-8")
    with pytest.raises(BadInput, match=r"g\.png"):
        list(read_pairs(tmp_path, str, "print"))


def test_what_the_ink_shows() -> None:
    assert transcribed(" 1^ere  l&#39;an ") == "1ere l'an"
