"""METS as libraries, OCR-D and Transkribus write it."""

from __future__ import annotations

import pytest

from pipeline.errors import BadInput
from workers.sources.entry import Entry
from workers.sources.lists import read_list
from workers.sources.lists.mets import read_mets

_HEAD = (
    '<mets:mets xmlns:mets="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:mods="http://www.loc.gov/mods/v3" xmlns:dv="http://dfg-viewer.de/">'
)


def mets(body: str, about: str = "") -> bytes:
    return f"{_HEAD}{about}{body}</mets:mets>".encode()


def group(use: str, *files: tuple[str, str, str]) -> str:
    inner = "".join(
        f'<mets:file ID="{key}" MIMETYPE="{kind}"><mets:FLocat LOCTYPE="URL" xlink:href="{href}"/>'
        "</mets:file>"
        for key, kind, href in files
    )
    return f'<mets:fileGrp USE="{use}">{inner}</mets:fileGrp>'


def pages(*those: tuple[str, str, str]) -> str:
    """Return a physical structure of (order, label, file keys)."""
    inner = "".join(
        f'<mets:div TYPE="page" ORDER="{order}" ORDERLABEL="{label}">'
        + "".join(f'<mets:fptr FILEID="{key}"/>' for key in keys.split())
        + "</mets:div>"
        for order, label, keys in those
    )
    return (
        '<mets:structMap TYPE="LOGICAL"><mets:div TYPE="book"/></mets:structMap>'
        f'<mets:structMap TYPE="PHYSICAL"><mets:div TYPE="physSequence">{inner}</mets:div>'
        "</mets:structMap>"
    )


LIBRARY = mets(
    "<mets:fileSec>"
    + group("THUMBS", ("t1", "image/jpeg", "t1.jpg"), ("t2", "image/jpeg", "t2.jpg"))
    + group("DEFAULT", ("d1", "image/jpeg", "d1.jpg"), ("d2", "image/jpeg", "d2.jpg"))
    + group("FULLTEXT", ("a1", "application/alto+xml", "a1.xml"))
    + "</mets:fileSec>"
    + pages(("2", "2", "t2 d2"), ("1", "[1]", "t1 d1 a1")),
    '<mets:dmdSec ID="d"><mets:mdWrap MDTYPE="MODS"><mets:xmlData><mods:mods><mods:titleInfo>'
    "<mods:title>Wetter</mods:title></mods:titleInfo><mods:originInfo>"
    "<mods:dateIssued>1851</mods:dateIssued></mods:originInfo></mods:mods></mets:xmlData>"
    "</mets:mdWrap></mets:dmdSec><mets:amdSec><mets:rightsMD ID='r'><mets:mdWrap><mets:xmlData>"
    "<dv:rights><dv:owner>Landesbibliothek</dv:owner></dv:rights></mets:xmlData></mets:mdWrap>"
    "</mets:rightsMD></mets:amdSec>",
)
URL = "https://library.example.org/x/mets.xml"


def read(data: bytes, base: str = "", group: str = "") -> list[Entry]:
    return list(read_mets(data, "mets.xml", base, group))


def test_a_library_s_pages_come_in_their_order_from_the_best_group() -> None:
    first, second = read(LIBRARY, URL)
    assert first.address == "https://library.example.org/x/d1.jpg"
    assert first.transcription == "https://library.example.org/x/a1.xml"
    assert (first.name, second.name) == ("Wetter-0001", "Wetter-0002")
    assert first.told == {
        "title": "Wetter",
        "date": "1851",
        "rights": "Landesbibliothek",
        "mets": URL,
        "label": "[1]",
    }
    assert second.transcription is None


def test_another_group_can_be_chosen() -> None:
    assert [each.address for each in read(LIBRARY, group="THUMBS")] == ["t1.jpg", "t2.jpg"]
    with pytest.raises(BadInput, match=r"no group of files MAX; choose from DEFAULT, FULLTEXT, T"):
        read(LIBRARY, group="MAX")


def test_an_ocr_d_workspace_prefers_what_lies_in_it() -> None:
    both = (
        '<mets:fileGrp USE="OCR-D-IMG"><mets:file ID="i" MIMETYPE="image/tiff">'
        '<mets:FLocat LOCTYPE="URL" xlink:href="https://far.example.org/1.tif"/>'
        '<mets:FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE" xlink:href="OCR-D-IMG/1.tif"/>'
        "</mets:file></mets:fileGrp>"
    )
    page = ("p", "application/vnd.prima.page+xml", "OCR-D-GT-SEG-LINE/1.xml")
    bin_ = group("OCR-D-BIN", ("b", "image/png", "OCR-D-BIN/1.png"))
    data = mets(
        f"<mets:fileSec>{bin_}{both}{group('OCR-D-GT-SEG-LINE', page)}</mets:fileSec>"
        + pages(("", "", "b i p"))
    )
    (found,) = read(data)
    assert (found.name, found.address, found.transcription) == (
        "",
        "OCR-D-IMG/1.tif",
        "OCR-D-GT-SEG-LINE/1.xml",
    )


def test_a_transkribus_export_has_groups_within_groups() -> None:
    def file(key: str, kind: str, href: str) -> str:
        return (
            f'<file ID="{key}" MIMETYPE="{kind}"><FLocat LOCTYPE="OTHER" OTHERLOCTYPE="FILE"'
            f' xlink:href="{href}"/></file>'
        )

    data = (
        '<mets xmlns="http://www.loc.gov/METS/" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<amdSec><sourceMD ID="s"><mdWrap><xmlData><trpDocMetadata xmlns=""><title>Diary</title>'
        "</trpDocMetadata></xmlData></mdWrap></sourceMD></amdSec>"
        '<fileSec><fileGrp ID="MASTER"><fileGrp ID="IMG">'
        + file("IMG_1", "image/jpeg", "0001.jpg")
        + '</fileGrp><fileGrp ID="PAGEXML">'
        + file("PAGEXML_1", "application/xml", "page/0001.xml")
        + '</fileGrp></fileGrp></fileSec><structMap TYPE="MANUSCRIPT"><div ID="TRP_DOC_DIV">'
        '<div ID="PAGE_1" ORDER="1" TYPE="SINGLE_PAGE"><fptr><area FILEID="IMG_1"/></fptr>'
        '<fptr><area FILEID="PAGEXML_1"/></fptr></div></div></structMap></mets>'
    ).encode()
    (found,) = read(data)
    assert (found.address, found.transcription) == ("0001.jpg", "page/0001.xml")
    assert found.told == {"title": "Diary"}


def test_a_page_that_the_group_lacks_is_listed_all_the_same() -> None:
    data = mets(
        "<mets:fileSec>"
        + group("MAX", ("m1", "image/jpeg", "m1.jpg"))
        + group("FULLTEXT", ("a2", "text/xml", "a2.xml"))
        + "</mets:fileSec>"
        + pages(("1", "", "m1"), ("2", "", "a2"))
    )
    assert [each.address for each in read(data)] == ["m1.jpg", ""]


@pytest.mark.parametrize(
    "data",
    [
        b"<mets",
        b"<PcGts/>",
        mets(""),
        b'<!DOCTYPE m [<!ENTITY a "b">]><mets>&a;</mets>',
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/passwd"'
        ">]><mets>&a;</mets>".encode("utf-16"),
    ],
)
def test_what_is_no_mets_or_does_harm_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^mets\.xml: "):
        read(data)


def test_a_list_of_csv_says_more() -> None:
    data = (
        "Source;Station;Date;Title;Rights;Shelf mark\r\n"
        "a/1.jpg;Ben Nevis;1898-01;Log;CC0;X 12\r\n\r\n"
        '"b;2.jpg";;;;;\r\n'
    )
    first, second = read_list(("\ufeff" + data).encode(), "l.csv", "", "")
    assert first.address == "a/1.jpg"
    assert first.told == {
        "station": "Ben Nevis",
        "date": "1898-01",
        "title": "Log",
        "rights": "CC0",
        "shelf mark": "X 12",
    }
    assert (second.address, second.told) == ("b;2.jpg", {})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"file,date\n1,2\n", "it is text, but no list of sources"),
        (b"source,date\na.jpg\n", "line 2 has 1 fields, not 2"),
        (b"source,date\n,1898\n", "line 2 names no source"),
        (b"source,source\na,b\n", "two of its columns have the same name"),
        (b"source\nb\xe9.jpg\n", "line 2 is no UTF-8"),
    ],
)
def test_a_list_that_is_wrong_says_where(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        list(read_list(data, "l.csv", "", ""))
