"""ALTO 1 to 4, in pixels. Tables are read where Ledgermill wrote them: ALTO itself has none."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from lxml import etree

from pipeline.page import (
    Alternative,
    Cell,
    Line,
    Point,
    Polygon,
    Region,
    RegionKind,
    Status,
    Table,
    Transcription,
)
from pipeline.tables.values import parse_value
from pipeline.transcribed.languages import language_of
from pipeline.transcribed.model import (
    MarkedLine,
    Transcribed,
    covering,
    number,
    numbered,
    polygon_of,
    probability,
    size_of,
)

RAW = "raw"
"""Purpose of the alternative that is what was read before any check."""

REGION = "region"
"""Type of the tags that name a block's kind as we do."""

ZONES: Mapping[str, RegionKind] = {
    "MainZone": "text",
    "MarginTextZone": "margin",
    "NumberingZone": "margin",
    "GraphicZone": "figure",
    "DropCapitalZone": "figure",
    "StampZone": "stamp",
    "SealZone": "stamp",
    "TableZone": "table",
}
"""Kinds by the vocabulary of SegmOnto (https://segmonto.github.io)."""

_KINDS = frozenset(get_args(RegionKind))
_STATUSES = frozenset(get_args(Status))
_Tags = Mapping[str, tuple[str, str]]
"""By the tags' ID their type and label."""


def lines(root: etree._Element) -> Iterator[MarkedLine]:
    """Yield every text line of a document, in its order. Raises `ValueError`."""
    _check_unit(root)
    tags = _tags(root)
    return (_marked(line, tags) for line in root.iterfind(".//{*}TextLine"))


def read(root: etree._Element) -> Transcribed:
    """Return the first page of a document. Raises `ValueError`."""
    _check_unit(root)
    tags = _tags(root)
    page = root.find("{*}Layout/{*}Page")
    if page is None:
        raise ValueError("it has no page")
    found: list[Line] = []
    tables: list[tuple[str, Table]] = []
    regions: list[Region] = []
    _collect(page, tags, found, tables, regions)
    grids, placed = numbered(tables, regions)
    width, height = (round(number(page.get(name, "0"))) for name in ("WIDTH", "HEIGHT"))
    if width < 1 or height < 1:
        width, height = size_of(found, grids)
    angle = number(page.get("ROTATION", "0"))
    return Transcribed(
        Transcription(width, height, angle, tuple(found), grids, placed),
        image=(root.findtext(".//{*}sourceImageInformation/{*}fileName") or "").strip(),
        software=_software(root),
        created=(root.findtext(".//{*}processingDateTime") or "").strip(),
    )


def _check_unit(root: etree._Element) -> None:
    unit = root.findtext(".//{*}MeasurementUnit") or "pixel"
    if unit != "pixel":
        raise ValueError(f"measured in {unit}, not in pixels")


def _tags(root: etree._Element) -> _Tags:
    return {
        tag.get("ID", ""): (tag.get("TYPE", ""), tag.get("LABEL", ""))
        for tag in root.iterfind("{*}Tags/*")
    }


def _tagged(element: etree._Element, tags: _Tags) -> list[tuple[str, str]]:
    return [tags[name] for name in element.get("TAGREFS", "").split() if name in tags]


def _software(root: etree._Element) -> str:
    step = root.find(".//{*}processingSoftware")
    if step is None:
        return ""
    parts = (step.findtext(f"{{*}}software{name}") or "" for name in ("Name", "Version"))
    return " ".join(part.strip() for part in parts if part.strip())


def _collect(
    block: etree._Element,
    tags: _Tags,
    found: list[Line],
    tables: list[tuple[str, Table]],
    regions: list[Region],
    region: int | None = None,
) -> None:
    """Add what is in a block, which is in a region or in none."""
    for part in block.iterchildren("*"):
        kind = etree.QName(part).localname
        if kind == "TextLine":
            line = _marked(part, tags)
            if line.text:
                place = polygon_of(line.outline, line.baseline)
                language = language_of(part.get("LANG"))
                found.append(
                    Line(
                        line.text,
                        line.confidence,
                        place,
                        line.alternatives,
                        language=language,
                        region=region,
                    )
                )
            continue
        inside = region
        is_table = kind == "ComposedBlock" and _is_table(part, tags)
        if region is None and (known := _region_kind(part, tags)):
            inside = len(regions)
            regions.append(Region(known, _place(part), len(tables) if is_table else None))
        if is_table:
            tables.append((part.get("ID", ""), _table(part, tags)))
        else:
            _collect(part, tags, found, tables, regions, inside)


def _region_kind(block: etree._Element, tags: _Tags) -> RegionKind | None:
    """Return what the tags of a block say that it is, by our words or by those of SegmOnto."""
    for kind, label in _tagged(block, tags):
        ours: Any = label if kind == REGION else None
        if ours in _KINDS:
            known: RegionKind = ours
            return known
        if zone := ZONES.get(label.partition(":")[0].partition("#")[0]):
            return zone
    return None


def _is_table(block: etree._Element, tags: _Tags) -> bool:
    return block.get("TYPE") == "table" and any(
        "row" in dict(_tagged(cell, tags)) for cell in block.iterfind("{*}TextBlock")
    )


def _table(block: etree._Element, tags: _Tags) -> Table:
    place = _place(block)
    cells = []
    heads = 0
    for part in block.iterfind("{*}TextBlock"):
        said = dict(_tagged(part, tags))
        marked = [_marked(line, tags) for line in part.iterfind("{*}TextLine")]
        text = " ".join(line.text for line in marked if line.text)
        status: Any = said.get("status", "plain")
        raws = [alt.text or "" for alt in part.iterfind(f".//{{*}}ALTERNATIVE[@PURPOSE='{RAW}']")]
        row, column, row_span, column_span = (
            int(said.get(name, usual))
            for name, usual in (("row", 0), ("column", 0), ("row_span", 1), ("column_span", 1))
        )
        if min(row, column) < 0 or not 1 <= row_span * column_span <= 1e6:
            raise ValueError(f"a cell at {row}, {column} of {row_span} x {column_span} places")
        cells.append(
            Cell(
                row=row,
                column=column,
                row_span=row_span,
                column_span=column_span,
                text=text,
                raw=raws[0] if raws else text,
                confidence=math.prod(line.confidence for line in marked),
                polygon=_place(part),
                value=parse_value(text),
                status=status if status in _STATUSES else "plain",
                alternatives=marked[0].alternatives if len(marked) == 1 else (),
            )
        )
        heads = max(heads, row + 1) if "header" in said else heads
    rows, columns, covered = covering(cells, place)
    return Table(place, rows, columns, covered, header_rows=min(heads, rows))


def _marked(line: etree._Element, tags: _Tags) -> MarkedLine:
    strings = line.findall("{*}String")
    hyphen = line.find("{*}HYP")
    text = " ".join(s.get("CONTENT", "") for s in strings)
    if hyphen is not None:
        text += hyphen.get("CONTENT", "")
    others: tuple[Alternative, ...] = ()
    if len(strings) == 1:
        others = tuple(
            Alternative(each.text or "", _logprob(each.get("PURPOSE", "")))
            for each in strings[0].iterfind("{*}ALTERNATIVE")
            if each.get("PURPOSE") != RAW
        )
    return MarkedLine(
        text,
        _outline(line),
        _points(line.get("BASELINE", "")),
        " ".join(label for _, label in _tagged(line, tags)),
        math.prod(probability(s.get("WC")) for s in strings),
        others,
    )


def _logprob(purpose: str) -> float:
    said = purpose.removeprefix("logprob=")
    return min(0.0, float(said)) if said != purpose else math.log(0.5)


def _outline(element: etree._Element) -> tuple[Point, ...]:
    shape = element.find("{*}Shape/{*}Polygon")
    if shape is not None and (outline := _points(shape.get("POINTS", ""))):
        return outline
    x, y, width, height = (number(element.get(k)) for k in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return ((x, y), (x + width, y + height))


def _place(element: etree._Element) -> Polygon:
    return polygon_of(_outline(element))


def _points(text: str) -> tuple[Point, ...]:
    """Return points; older ALTO gives a baseline's height alone, which is none."""
    numbers = [number(part) for part in re.split(r"[\s,]+", text.strip()) if part]
    if len(numbers) < 4 or len(numbers) % 2:
        return ()
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))
