"""PAGE XML of 2019-07-15: `NAME.xml`, which `pipeline.transcribed` reads back without a loss.

A table is a `TableRegion`, each of its cells a `TextRegion` with the role `TableCellRole`. The best
reading is the `TextEquiv` of index 0, its alternatives those from 1. What the schema has no place
for stands in `UserAttribute`s whose names begin with `ledgermill:`. Regions are such of the schema,
in the reading order; lines of none are in a region called `lines`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from lxml import etree

from pipeline.page import Alternative, Cell, Line, Polygon, Region, Table, tag_as_json
from pipeline.transcribed.languages import LANGUAGES, SCRIPTS
from pipeline.transcribed.model import polygon_of
from pipeline.transcribed.page_xml import LINES, LOGPROB, OWN, REGIONS, points
from storage.exports.blocks import Block, blocks
from storage.exports.files import write as write_file
from storage.exports.markup.xml import (
    CREATOR,
    SOFTWARE,
    add,
    around,
    baseline,
    begin,
    document,
    stamp,
)
from storage.exports.pages import PublishedPage

SPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.xml`; return the file."""
    path = out / f"{stem}.xml"
    write_file(path, to_page_xml(page, stem))
    return [path]


def to_page_xml(page: PublishedPage, stem: str) -> bytes:
    """Return a page as PAGE XML; its image is called `STEM` and as its type is usually called."""
    whole = page.transcription
    root = begin(SPACE, "PcGts", f"{SPACE}/pagecontent.xsd")
    meta = add(root, "Metadata")
    add(meta, "Creator", CREATOR)
    add(meta, "Created", stamp(page.created))
    add(meta, "LastChange", stamp(page.created))
    add(meta, "MetadataItem", type="processingStep", name=SOFTWARE, value=page.run)
    sheet = add(
        root,
        "Page",
        imageFilename=page.image_name(stem),
        imageWidth=whole.width,
        imageHeight=whole.height,
        orientation=repr(float(whole.angle)),
    )
    parts = blocks(whole)
    if parts:
        order = add(add(sheet, "ReadingOrder"), "OrderedGroup", id="reading_order")
        for index, block in enumerate(parts):
            add(order, "RegionRefIndexed", index=index, regionRef=_name(block))
    for block in parts:
        _add_block(sheet, block)
    return document(root)


def _name(block: Block) -> str:
    if block.table is not None:
        return f"table_{block.table[0]}"
    return LINES if block.region is None else f"region_{block.region[0]}"


def _add_block(sheet: etree._Element, block: Block) -> None:
    name = _name(block)
    region = None if block.region is None else block.region[1]
    if block.table is not None:
        _add_table(sheet, block.table[1], name, region)
        return
    if region is None:
        made = add(sheet, "TextRegion", id=name)
        add(made, "Coords", points=points(around([line.polygon for _, line in block.lines])))
    else:
        element, kind = REGIONS[region.kind]
        made = add(sheet, element, id=name, type=kind)
        add(made, "Coords", points=points(region.polygon))
        said = _place_of(region.polygon)
        _add_own(made, {**said, "ignored": str(region.ignored)} if region.ignored else said)
        if element != "TextRegion" and block.lines:
            made = add(made, "TextRegion", id=f"{name}_text")
            add(made, "Coords", points=points(around([line.polygon for _, line in block.lines])))
    for number, line in block.lines:
        _add_line(made, line, f"line_{number}")


def _add_line(block: etree._Element, line: Line, name: str) -> None:
    made = add(
        block,
        "TextLine",
        id=name,
        primaryLanguage=LANGUAGES.get((line.language or "").partition("-")[0]),
        primaryScript=SCRIPTS.get(line.script or ""),
    )
    _add_place(made, line.polygon)
    _add_readings(made, line.text, line.confidence, line.alternatives)
    said = _place_of(line.polygon)
    known = {"raw": line.raw, "joined": line.joined} | {
        "language": line.language,
        "script": line.script,
    }
    own = {name: value for name, value in known.items() if value is not None}
    if line.tagged:
        own["tagged"] = _json([tag_as_json(tag) for tag in line.tagged])
    if line.status != "plain" or not line.text or own:
        said |= {"text": line.text, "status": line.status, **own}
    if line.corrected:
        said["corrected"] = line.text
    _add_own(made, said)


def _add_table(sheet: etree._Element, table: Table, name: str, region: Region | None) -> None:
    made = add(sheet, "TableRegion", id=name, rows=table.rows, columns=table.columns)
    add(made, "Coords", points=points(table.polygon))
    said = {**_place_of(table.polygon), "header_rows": str(table.header_rows)}
    if table.relations:
        said["relations"] = _json([dict(relation) for relation in table.relations])
    if region is not None:
        said["region"] = _exact(region.polygon)
    _add_own(made, said)
    for cell in table.cells:
        _add_cell(made, cell, cell.row < table.header_rows, name)


def _add_cell(table: etree._Element, cell: Cell, header: bool, name: str) -> None:
    identity = f"{name}_{cell.row}_{cell.column}"
    made = add(table, "TextRegion", id=identity)
    add(made, "Coords", points=points(cell.polygon))
    said = {**_place_of(cell.polygon), "text": cell.text}
    if cell.raw != cell.text:
        said["raw"] = cell.raw
    if cell.value is not None:
        said["value"] = repr(float(cell.value))
    if cell.unit is not None:
        said["unit"] = cell.unit
    if cell.status != "plain":
        said["status"] = cell.status
    if cell.checks:
        said["checks"] = _json(list(cell.checks))
    if cell.corrected:
        said["corrected"] = "true"
    _add_own(made, said)
    add(
        add(made, "Roles"),
        "TableCellRole",
        rowIndex=cell.row,
        columnIndex=cell.column,
        rowSpan=cell.row_span,
        colSpan=cell.column_span,
        header="true" if header else None,
    )
    if cell.text:
        line = add(made, "TextLine", id=f"{identity}_line")
        _add_place(line, cell.polygon)
        _add_readings(line, cell.text, cell.confidence, cell.alternatives)
    else:
        _add_readings(made, cell.text, cell.confidence, cell.alternatives)


def _add_place(element: etree._Element, polygon: Polygon) -> None:
    add(element, "Coords", points=points(polygon))
    start, end = baseline(polygon)
    add(element, "Baseline", points=points((start, end, end, end)).rsplit(" ", 2)[0])


def _add_readings(
    element: etree._Element, text: str, confidence: float, others: tuple[Alternative, ...]
) -> None:
    add(add(element, "TextEquiv", index=0, conf=repr(float(confidence))), "Unicode", text)
    for index, other in enumerate(others, 1):
        reading = add(
            element,
            "TextEquiv",
            index=index,
            conf=f"{min(1.0, math.exp(other.logprob)):.4f}",
            comments=f"{LOGPROB}{float(other.logprob)!r}",
        )
        add(reading, "Unicode", other.text)


def _place_of(polygon: Polygon) -> dict[str, str]:
    """Return the exact polygon where whole pixels do not say it, or not where it begins."""
    exact = _exact(polygon)
    plain = all(polygon_of(polygon, along) == polygon for along in ((), baseline(polygon)))
    return {} if plain and exact == points(polygon) else {"polygon": exact}


def _exact(polygon: Polygon) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in polygon)


def _add_own(element: etree._Element, said: dict[str, str]) -> None:
    if said:
        own = add(element, "UserDefined")
        for name, value in said.items():
            add(own, "UserAttribute", name=f"{OWN}{name}", type="xsd:string", value=value)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
