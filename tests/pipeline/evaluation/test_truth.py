"""Every kind of ground truth file, and those that are none."""

import json
from pathlib import Path

import pytest

from pipeline.errors import BadInput
from pipeline.evaluation.cells import CellTruth, score_cells
from pipeline.evaluation.pages import read_results, score_page, score_pages, total
from pipeline.evaluation.tables import score_table
from pipeline.evaluation.trust import Says
from pipeline.evaluation.truth import read_cells, read_lines, read_truth, read_visible

SAMPLES = Path(__file__).parents[3] / "samples"
SHARED = Path(__file__).parents[4] / "shared" / "data"

ALTO = """<?xml version="1.0"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Description>
<MeasurementUnit>pixel</MeasurementUnit></Description><Layout><Page><PrintSpace><TextBlock>
<TextLine HPOS="1" VPOS="2" WIDTH="30" HEIGHT="10"><String CONTENT="du"/><SP/>
<String CONTENT="vent"/></TextLine>
<TextLine HPOS="1" VPOS="20" WIDTH="30" HEIGHT="10"><Shape><Polygon POINTS="1 20 31 22 31 30 1 28"/>
</Shape><String CONTENT="calme"/></TextLine>
<TextLine HPOS="0" VPOS="0" WIDTH="1" HEIGHT="1"><String CONTENT=""/></TextLine>
</TextBlock></PrintSpace></Page></Layout></alto>"""

PAGE = """<?xml version="1.0"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page>
<TextRegion><TextLine><Coords points="1,2 31,2 31,12 1,12"/><Word><TextEquiv><Unicode>not me
</Unicode></TextEquiv></Word><TextEquiv index="1"><Unicode>second</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode>first</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"""


def test_quoted_and_padded_grids(tmp_path: Path) -> None:
    (tmp_path / "1898-01.csv").write_text("'  ','  1',' Mean'\n'  1','9.093','9.093'\n")
    page = read_truth(tmp_path)["1898-01"]
    assert page.tables[0].grid == (("", "1", "Mean"), ("1", "9.093", "9.093"))
    assert page.texts == ()


def test_samples_against_themselves() -> None:
    scores = score_pages(read_truth(SAMPLES), read_results(SAMPLES))
    assert [score.name for score in scores] == [
        "barometer-comparison",
        "daily-ledger",
        "hourly-pressure",
    ]
    whole = total(scores)
    assert whole.read
    assert whole.text is not None
    assert whole.table is not None
    assert whole.text.kinds.edits == 0
    assert whole.table.placed == whole.table.values > 600


def test_a_page_without_result_is_lost_not_forgotten() -> None:
    truth = read_truth(SAMPLES)
    score = score_page(truth["daily-ledger"], None)
    assert not score.read
    assert score.table is not None
    assert score.table.placed == 0
    assert score.text is not None
    assert score.text.cer == 1
    assert not total([score]).read


def test_grids_of_the_results_go_before_page_objects(tmp_path: Path) -> None:
    for file in SAMPLES.glob("daily-ledger.*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "daily-ledger.table-1.csv").write_text("only,this\n")
    assert read_results(tmp_path)["daily-ledger"].grids == ([["only", "this"]],)


def test_tables_alone_are_results(tmp_path: Path) -> None:
    name = "daily-ledger.table-1.csv"
    (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    score = score_page(read_truth(SAMPLES)["daily-ledger"], read_results(tmp_path)["daily-ledger"])
    assert score.text is None
    assert score.table is not None
    assert score.table.accuracy == 1


def test_a_table_too_many_does_not_displace_the_others(tmp_path: Path) -> None:
    """A title in a frame was found as a table of its own, before the page's only one."""
    ledger = (SAMPLES / "daily-ledger.table-1.csv").read_text("utf-8")
    (tmp_path / "daily-ledger.table-1.csv").write_text("Register of,the Weather\n")
    (tmp_path / "daily-ledger.table-2.csv").write_text(ledger, "utf-8")
    score = score_page(read_truth(SAMPLES)["daily-ledger"], read_results(tmp_path)["daily-ledger"])
    assert score.table is not None
    assert score.table.accuracy == 1
    assert score.trust is None
    assert score.similarity is not None
    assert score.similarity.con.similarity == 1


def test_a_table_too_few_is_lost(tmp_path: Path) -> None:
    for name in ("a.table-1.csv", "a.table-2.csv"):
        (tmp_path / name).write_text(f",1,2\n1,5.0,{len(name)}.{name[8]}\n2,6.0,7.{name[8]}\n")
    truth = read_truth(tmp_path)["a"]
    (tmp_path / "a.table-1.csv").rename(tmp_path / "gone")
    (tmp_path / "a.table-2.csv").rename(tmp_path / "a.table-1.csv")
    score = score_page(truth, read_results(tmp_path)["a"])
    assert score.table is not None
    assert (score.table.values, score.table.placed) == (8, 4)


def test_alto_and_page(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(ALTO)
    (tmp_path / "b.xml").write_text(PAGE)
    pages = read_truth(tmp_path)
    assert [item.text for item in pages["a"].texts] == ["du vent", "calme"]
    assert pages["a"].texts[1].polygon == ((1, 20), (31, 20), (31, 30), (1, 30))
    assert [item.text for item in pages["b"].texts] == ["first"]
    assert pages["b"].texts[0].polygon[2] == (31, 12)


def test_entities_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden words")
    attack = ALTO.replace(
        '<?xml version="1.0"?>', f'<!DOCTYPE alto [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    ).replace('CONTENT="du"', 'CONTENT="&x;"')
    (tmp_path / "a.xml").write_text(attack)
    with pytest.raises(BadInput):
        read_lines(tmp_path / "a.xml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{}"),
        ("a.json", "no"),
        ("a.json", "[]"),
        ("a.xml", "<html/>"),
        ("a.xml", "<alto"),
        ("a.xml", ALTO.replace(">pixel<", ">mm10<")),
        ("a.xml", ALTO.replace('HPOS="1"', "")),
        ("a.csv", ""),
        ("a.txt", "nothing that is looked for"),
    ],
)
def test_files_that_are_no_truth(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=";"):
        read_truth(tmp_path)


def test_folders_without_results(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no results"):
        read_results(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"page": "a"}))
    with pytest.raises(BadInput, match=r"a\.json"):
        read_results(tmp_path)


def test_visible_columns(tmp_path: Path) -> None:
    listed = tmp_path / "visible.csv"
    listed.write_text("page,columns\ndaily-ledger,0-2 4\nunknown,1\n")
    truth = read_truth(SAMPLES)
    seen = read_visible(listed, truth)
    assert seen["daily-ledger"].tables[0].hidden == {3, 5}
    assert seen["hourly-pressure"] == truth["hourly-pressure"]
    for wrong in ("columns\n", "page,columns\na,b\n", "page,columns\na\n", ""):
        listed.write_text(wrong)
        with pytest.raises(BadInput):
            read_visible(listed, truth)


def test_cut_outs(tmp_path: Path) -> None:
    (tmp_path / "cells.csv").write_text(
        "sheet,cell,image,truth,other\ns1,D4,s1/D4.png,27.3,\ns1,D5,s1/D5.png,,\n"
        "s2,D4,s2/D4.png,101,\n"
    )
    truths = read_cells(tmp_path)
    assert [t.image for t in truths] == ["s1/D4.png", "s2/D4.png"]
    readings = {"/some/where/s1/D4.png": Says("273"), "/some/where/s2/D4.png": Says("107")}
    scores = score_cells(truths, readings)
    assert (scores["s1"].right, scores["s1"].cells, scores["s1"].mae) == (1, 1, 0)
    assert (scores["s2"].right, scores["s2"].read, scores["s2"].mae) == (0, 1, 6)
    assert score_cells(truths, {})["s1"].read == 0


def test_numbers_of_cut_outs() -> None:
    truths = [CellTruth("images/a.jpg", "28", "number")]
    assert score_cells(truths, {"images/a.jpg": Says("28,0")})[""].right == 1


def test_lines_of_cut_outs(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("zwei Worte\n")
    scores = score_cells(read_cells(tmp_path), {str(tmp_path / "b.png"): Says("zwei Wortc")})
    assert scores[""].text.cer == 0.1


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the weather-rescue pages")
def test_every_weather_rescue_table_against_itself() -> None:
    for page in read_truth(SHARED / "weather-rescue" / "truth").values():
        (table,) = page.tables
        assert table.columns == 26
        score = score_table(table, table.grid)
        assert score.placed == score.values == 25 * (len(table.grid) - 1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the French registers")
@pytest.mark.parametrize("folder", ["lectaurep/dufour-1", "lectaurep/riant-4", "cremma-20"])
def test_every_alto_page_can_be_read(folder: str) -> None:
    pages = read_truth(SHARED / folder)
    assert all(page.texts for page in pages.values())
