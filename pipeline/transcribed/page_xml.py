"""PAGE XML: the schema of 2019-07-15, older ones, and tables as Transkribus writes them.

Pletschacher, Antonacopoulos: The PAGE (Page Analysis and Ground-truth Elements) Format Framework,
ICPR 2010. What the schema has no place for, Ledgermill writes as `UserAttribute`s whose names
begin with `OWN`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args

from lxml import etree

from pipeline.page import (
    Alternative,
    Cell,
    Line,
    LineStatus,
    Point,
    Polygon,
    Region,
    RegionKind,
    Status,
    Table,
    Tag,
    TagKind,
    Transcription,
    as_polygon,
    as_tag,
)
from pipeline.tables.values import parse_value
from pipeline.transcribed.languages import OF_NAME, SCRIPTS, language_of
from pipeline.transcribed.model import (
    MarkedLine,
    Transcribed,
    covering,
    number,
    numbered,
    polygon_of,
    probability,
    size_of,
    slices,
)

OWN = "ledgermill:"
LOGPROB = "logprob="
"""Begins the comment of an alternative, before what its rounded `conf` cannot say."""

LINES = "lines"
"""What we call the region of lines of which no region is known."""

REGIONS: Mapping[RegionKind, tuple[str, str | None]] = {
    "table": ("TableRegion", None),
    "text": ("TextRegion", "paragraph"),
    "heading": ("TextRegion", "heading"),
    "margin": ("TextRegion", "marginalia"),
    "figure": ("ImageRegion", None),
    "stamp": ("GraphicRegion", "stamp"),
}
"""Element and type of each kind of region."""

_KINDS: Mapping[tuple[str, str | None], RegionKind] = {
    **{said: kind for kind, said in REGIONS.items()},
    ("TextRegion", "page-number"): "margin",
}
_DRAWN = ("ImageRegion", "LineDrawingRegion", "GraphicRegion", "ChartRegion", "MapRegion")
_STATUSES = frozenset(get_args(Status))
_TAG_KINDS = frozenset(get_args(TagKind))
_LINE_STATUSES = frozenset(get_args(LineStatus))
_ORDER = re.compile(r"readingOrder\s*\{[^}]*index:\s*(\d+)")


def points(polygon: Polygon) -> str:
    """Return a polygon as the schema writes it: whole pixels, none of them negative."""
    return " ".join(f"{max(0, round(x))},{max(0, round(y))}" for x, y in polygon)


def lines(root: etree._Element) -> Iterator[MarkedLine]:
    """Yield every text line of a document, in its order. Raises `ValueError`."""
    return (_marked(line) for line in root.iterfind(".//{*}TextLine"))


def read(root: etree._Element) -> Transcribed:
    """Return the page of a document. Raises `ValueError` where it is not as the schema says."""
    page = root.find("{*}Page")
    if page is None:
        raise ValueError("it has no page")
    found: list[Line] = []
    tables: list[tuple[str, Table]] = []
    regions: list[Region] = []
    for element in _in_reading_order(page):
        region = _region(element)
        if etree.QName(element).localname != "TableRegion":
            here = None if region is None else len(regions)
            found += (replace(line, region=here) for line in _lines_of(element))
        elif region is None or not region.ignored:
            region = region and replace(region, table=len(tables))
            tables.append((element.get("id", ""), _table(element)))
        if region is not None:
            regions.append(region)
    grids, placed = numbered(tables, regions)
    width, height = (int(page.get(name, "0")) for name in ("imageWidth", "imageHeight"))
    if width < 1 or height < 1:
        width, height = size_of(found, grids)
    meta = root.find("{*}Metadata")
    angle = number(page.get("orientation", "0"))
    return Transcribed(
        Transcription(width, height, angle, tuple(found), grids, placed),
        image=page.get("imageFilename", ""),
        software="" if meta is None else (meta.findtext("{*}Creator") or "").strip(),
        created="" if meta is None else (meta.findtext("{*}Created") or "").strip(),
    )


def _region(element: etree._Element) -> Region | None:
    """Return an outermost region; `None` where we wrote what was in none, or it is nowhere."""
    if element.find("{*}Coords") is None:
        return None
    name, kind = etree.QName(element).localname, element.get("type")
    said = _said(element)
    if (name == "TableRegion" and "header_rows" in said and "region" not in said) or (
        element.get("id") == LINES and kind is None
    ):
        return None
    known = _KINDS.get((name, kind)) or _KINDS.get((name, None))
    if name == "TextRegion":
        known = known or "text"
    elif name in _DRAWN:
        known = known or "figure"
    place = _place(element, said)
    if known is None:
        return None
    if "region" in said:
        exact = as_polygon(_points(said["region"]))
        near = all(math.dist(one, other) < 1 for one, other in zip(exact, place, strict=True))
        place = exact if near else place
    return Region(known, place, ignored=int(said.get("ignored", 0)))


def _in_reading_order(page: etree._Element) -> list[etree._Element]:
    """Return the outermost regions: those in the reading order by it, then the others."""
    regions = [each for each in page.iterchildren("*") if _is_region(each)]
    order = page.find("{*}ReadingOrder")
    known = {each.get("id"): each for each in regions}
    first = []
    if order is not None:
        for reference in _references(order):
            region = known.pop(reference, None)
            if region is not None:
                first.append(region)
    return first + [each for each in regions if each.get("id") in known]


def _references(group: etree._Element) -> Iterator[str]:
    for member in sorted(group.iterchildren("*"), key=lambda each: int(each.get("index", "0"))):
        reference = member.get("regionRef")
        if reference is not None:
            yield reference
        yield from _references(member)


def _is_region(element: etree._Element) -> bool:
    return etree.QName(element).localname.endswith("Region")


def _lines_of(region: etree._Element) -> Iterator[Line]:
    """Yield a region's lines and those of the regions within it, tables' too.

    A region that has a text and no lines is cut into as many as its text has.
    """
    marked = list(_region_lines(region))
    within = [each for each in region.iterchildren("*") if _is_region(each)]
    if not marked and not within:
        said = _readings(region)
        texts = [text for text in said.text.split("\n") if text.strip()]
        if texts:
            place = _place(region, {})
            for text, polygon in zip(texts, slices(place, len(texts)), strict=True):
                yield Line(text, said.confidence, polygon)
    for line in marked:
        if line.text or line.said:
            yield _line(line)
    for each in within:
        yield from _lines_of(each)


def _region_lines(region: etree._Element) -> list[MarkedLine]:
    """Return a region's own lines, by the order that all of them name or as they stand."""
    found = region.findall("{*}TextLine")
    orders = [_ORDER.search(line.get("custom", "")) for line in found]
    if found and all(orders):
        places = {
            id(line): int(order[1]) for line, order in zip(found, orders, strict=True) if order
        }
        found.sort(key=lambda line: places[id(line)])
    return [_marked(line) for line in found]


def _line(line: MarkedLine) -> Line:
    unchanged = line.said.get("text") == line.text
    # What somebody else makes of the text leaves nothing of what we said of it but its language.
    ours = line.said if unchanged else {}
    status: Any = ours.get("status", "plain")
    return Line(
        line.text,
        line.confidence,
        _exact(line.said) or polygon_of(line.outline, line.baseline),
        line.alternatives,
        status if status in _LINE_STATUSES else "plain",
        line.said.get("corrected") == line.text,
        ours.get("raw"),
        ours.get("joined"),
        language_of(line.said.get("language")),
        script if (script := line.said.get("script")) in SCRIPTS else None,
        _tags(ours.get("tagged", "[]"), line.text),
    )


def _tags(said: str, text: str) -> tuple[Tag, ...]:
    try:
        tags = tuple(map(as_tag, json.loads(said)))
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("what is tagged in a line is not said as it should be") from error
    end = 0
    for tag in tags:
        if tag.kind not in _TAG_KINDS or not end <= tag.start < tag.end <= len(text):
            raise ValueError(f"a {tag.kind} at {tag.start} to {tag.end} of a line")
        end = tag.end
    return tags


def _marked(line: etree._Element) -> MarkedLine:
    coords, base = line.find("{*}Coords"), line.find("{*}Baseline")
    outline = _points("" if coords is None else coords.get("points", ""))
    if len(outline) < 2:
        raise ValueError("a line without coordinates")
    said = _said(line)
    if (exact := _exact(said)) and points(exact) != (coords is not None and coords.get("points")):
        said = {key: value for key, value in said.items() if key != "polygon"}  # moved since
    if (language := OF_NAME.get(line.get("primaryLanguage", ""))) is not None:
        said = {"language": language, **said}
    if (script := line.get("primaryScript", "").partition(" ")[0]) in SCRIPTS:
        said = {"script": script, **said}
    readings = _readings(line)
    if not readings.text and not line.findall("{*}TextEquiv"):
        words = [_readings(word) for word in line.iterfind("{*}Word")]
        readings = MarkedLine(
            " ".join(word.text for word in words if word.text),
            (),
            confidence=math.prod(word.confidence for word in words),
        )
    along = _points("" if base is None else base.get("points", ""))
    return MarkedLine(
        readings.text,
        outline,
        along,
        line.get("custom", ""),
        readings.confidence,
        readings.alternatives,
        said,
    )


def _readings(element: etree._Element) -> MarkedLine:
    """Return the text of the lowest index, and the others as alternatives to it."""
    said = element.findall("{*}TextEquiv")
    said.sort(key=lambda each: int(each.get("index", "0")))
    if not said:
        return MarkedLine("", ())
    best, *others = said
    return MarkedLine(
        best.findtext("{*}Unicode") or "",
        (),
        confidence=probability(best.get("conf")),
        alternatives=tuple(
            Alternative(each.findtext("{*}Unicode") or "", _logprob(each)) for each in others
        ),
    )


def _logprob(reading: etree._Element) -> float:
    comment = reading.get("comments", "")
    if comment.startswith(LOGPROB):
        value = float(comment.removeprefix(LOGPROB))
        if not value <= 0:
            raise ValueError(f"no logarithm of a probability: {comment}")
        return value
    return math.log(max(probability(reading.get("conf")), 1e-9))


def _points(text: str) -> tuple[Point, ...]:
    pairs = [point.split(",") for point in text.split()]
    return tuple((number(x), number(y)) for x, y in pairs)


def _said(element: etree._Element) -> dict[str, str]:
    """Return what Ledgermill wrote of an element."""
    return {
        str(each.get("name")).removeprefix(OWN): each.get("value", "")
        for each in element.iterfind("{*}UserDefined/{*}UserAttribute")
        if each.get("name", "").startswith(OWN)
    }


def _exact(said: Mapping[str, str]) -> Polygon | None:
    return as_polygon(_points(said["polygon"])) if "polygon" in said else None


def _place(element: etree._Element, said: Mapping[str, str]) -> Polygon:
    """Return where an element is: exactly, unless it was moved since that was written."""
    coords = element.find("{*}Coords")
    text = "" if coords is None else coords.get("points", "")
    exact = _exact(said)
    return exact if exact and points(exact) == text else polygon_of(_points(text))


def _table(region: etree._Element) -> Table:
    said = _said(region)
    place = _place(region, said)
    cells = list(_cells(region))
    rows, columns, covered = covering(cells, place)
    relations = json.loads(said.get("relations", "[]"))
    if not isinstance(relations, list) or not all(isinstance(each, dict) for each in relations):
        raise ValueError("relations that are none")
    heads = {row for row, header in _header_rows(region) if header}
    heads -= {row for row, header in _header_rows(region) if not header}
    usual = next((row for row in range(rows) if row not in heads), rows)
    return Table(
        place,
        rows,
        columns,
        covered,
        header_rows=min(rows, int(said.get("header_rows", usual))),
        relations=tuple(relations),
    )


def _header_rows(region: etree._Element) -> Iterator[tuple[int, bool]]:
    for role in region.iterfind("{*}TextRegion/{*}Roles/{*}TableCellRole"):
        yield int(role.get("rowIndex", "0")), role.get("header") in ("true", "1")


def _cells(region: etree._Element) -> Iterator[Cell]:
    """Yield the cells of a table; texts in it that are of no cell have a row each of their own."""
    loose: list[Line] = []
    below = 0
    for part in region.iterchildren("*"):
        kind = etree.QName(part).localname
        role = part.find("{*}Roles/{*}TableCellRole")
        if role is not None:
            cell = _cell(part, role.get, ("rowIndex", "columnIndex", "rowSpan", "colSpan"))
        elif kind == "TableCell":
            cell = _cell(part, part.get, ("row", "col", "rowSpan", "colSpan"))
        else:
            loose += _lines_of(part) if _is_region(part) else ()
            continue
        below = max(below, cell.row + cell.row_span)
        yield cell
    for row, line in enumerate(loose, below):
        yield Cell(row, 0, line.text, line.text, line.confidence, line.polygon)


def _cell(
    element: etree._Element, get: Callable[[str], str | None], names: tuple[str, str, str, str]
) -> Cell:
    row, column, row_span, column_span = (
        int(get(name) or usual) for name, usual in zip(names, "0011", strict=True)
    )
    if min(row, column) < 0 or min(row_span, column_span) < 1:
        raise ValueError(f"a cell at {row}, {column} of {row_span} x {column_span} places")
    if row_span * column_span > 1e6:
        raise ValueError(f"a cell of {row_span} x {column_span} places")
    said = _said(element)
    marked = _region_lines(element) or [_readings(element)]
    text = " ".join(line.text for line in marked if line.text)
    only = len(marked) == 1
    # Of a text that somebody has changed since, nothing is known that was said of the old one.
    settled = said if said.get("text") == text else {}
    status: Any = settled.get("status", "plain")
    checks = json.loads(settled.get("checks", "[]"))
    value = settled.get("value") if settled else None
    return Cell(
        row=row,
        column=column,
        row_span=row_span,
        column_span=column_span,
        text=text,
        raw=said.get("raw", said.get("text", text)),
        confidence=math.prod(line.confidence for line in marked),
        polygon=_place(element, said),
        value=_value(value) if settled else parse_value(text),
        unit=settled.get("unit"),
        status=status if status in _STATUSES else "plain",
        alternatives=marked[0].alternatives if only else (),
        checks=tuple(str(check) for check in checks),
        corrected=settled.get("corrected") == "true",
    )


def _value(text: str | None) -> float | None:
    if text is None:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"no value: {text}")
    return value
