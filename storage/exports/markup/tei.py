"""TEI P5: `NAME.tei.xml`, what stands on a page as text, with the places of it as a facsimile.

Basic: `p` of lines, `table`, `row`, `cell`; every `lb` and `cell` points to its `zone`. A heading
is the `head` of a `div`, what stands in the margin a `note`, figures and stamps are `figure`. A
corrected text is a `corr` beside the `sic` that was first read, a doubtful one is `unclear`.
"""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from pipeline.page import Cell, Line, Polygon, Table
from storage.exports.blocks import Block, blocks
from storage.exports.files import write as write_file
from storage.exports.markup.xml import CREATOR, add, begin, box, clean, document, stamp
from storage.exports.pages import PublishedPage

SPACE = "http://www.tei-c.org/ns/1.0"
_ID = "{http://www.w3.org/XML/1998/namespace}id"
UNCLEAR = ("doubtful", "rejected")


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.tei.xml`; return the file."""
    path = out / f"{stem}.tei.xml"
    write_file(path, to_tei(page, stem))
    return [path]


def to_tei(page: PublishedPage, stem: str) -> bytes:
    """Return a page as TEI; its image is called `STEM` and as its type is usually called."""
    whole = page.transcription
    root = begin(SPACE, "TEI")
    header = add(root, "teiHeader")
    file = add(header, "fileDesc")
    add(add(file, "titleStmt"), "title", page.name)
    add(add(file, "publicationStmt"), "p", "Unpublished transcription.")
    add(add(file, "sourceDesc"), "p", f"{page.collection} {page.name}".strip())
    software = add(
        add(add(header, "encodingDesc"), "appInfo"),
        "application",
        ident="ledgermill",
        version=CREATOR.rpartition(" ")[2],
    )
    add(software, "label", page.run)
    add(add(header, "revisionDesc"), "change", "Transcribed.", when=stamp(page.created))
    surface = add(
        add(root, "facsimile"), "surface", ulx=0, uly=0, lrx=whole.width, lry=whole.height
    )
    surface.set(_ID, "page")
    add(surface, "graphic", url=page.image_name(stem))
    body = add(add(root, "text"), "body")
    add(body, "pb", facs="#page")
    here = body
    for block in blocks(whole):
        if block.region is not None and block.table is None:
            _add_zone(surface, f"region_{block.region[0]}", block.region[1].polygon)
        if block.kind == "heading" and block.lines:
            here = add(body, "div")
        if block.table is not None:
            _add_table(here, surface, *block.table)
        elif block.lines or block.kind in ("figure", "stamp"):
            _add_lines(_made(here, block), surface, block.lines)
    if len(body) == 1:
        add(body, "p")
    return document(root)


def _made(parent: etree._Element, block: Block) -> etree._Element:
    """Add the element of a block; return what its lines go into."""
    facs = None if block.region is None else f"#region_{block.region[0]}"
    if block.kind == "heading":
        return add(parent, "head", facs=facs)
    if block.kind == "margin":
        return add(parent, "note", place="margin", facs=facs)
    if block.kind in ("figure", "stamp"):
        made = add(parent, "figure", type=block.kind, facs=facs)
        return add(made, "p") if block.lines else made
    return add(parent, "p", facs=facs)


def _add_lines(
    parent: etree._Element, surface: etree._Element, lines: tuple[tuple[int, Line], ...]
) -> None:
    for number, line in lines:
        name = f"line_{number}"
        _add_zone(surface, name, line.polygon)
        start = add(parent, "lb", facs=f"#{name}")
        if line.status in UNCLEAR:
            add(parent, "unclear", line.text, cert=_certainty(line.confidence))
        else:
            start.tail = clean(line.text)


def _add_table(parent: etree._Element, surface: etree._Element, number: int, table: Table) -> None:
    name = f"table_{number}"
    _add_zone(surface, name, table.polygon)
    grid = add(parent, "table", facs=f"#{name}", rows=table.rows, cols=table.columns)
    rows = [
        add(grid, "row", role="label" if row < table.header_rows else "data")
        for row in range(table.rows)
    ]
    for cell in table.cells:
        place = f"{name}_{cell.row}_{cell.column}"
        _add_zone(surface, place, cell.polygon)
        _add_cell(rows[cell.row], cell, place)


def _add_cell(row: etree._Element, cell: Cell, place: str) -> None:
    made = add(
        row,
        "cell",
        facs=f"#{place}",
        rows=cell.row_span if cell.row_span > 1 else None,
        cols=cell.column_span if cell.column_span > 1 else None,
    )
    if cell.raw != cell.text:
        choice = add(made, "choice")
        add(choice, "sic", cell.raw)
        who = "person" if cell.corrected else None
        add(choice, "corr", cell.text, cert=_certainty(cell.confidence), type=who)
    elif cell.status in UNCLEAR and cell.text:
        add(made, "unclear", cell.text, cert=_certainty(cell.confidence))
    else:
        made.text = clean(cell.text)


def _certainty(confidence: float) -> str:
    """Return TEI's word for a confidence."""
    return "high" if confidence >= 0.9 else "medium" if confidence >= 0.6 else "low"


def _add_zone(surface: etree._Element, name: str, polygon: Polygon) -> None:
    left, top, right, bottom = (round(side) for side in box(polygon))
    points = " ".join(f"{max(0, round(x))},{max(0, round(y))}" for x, y in polygon)
    zone = add(
        surface,
        "zone",
        ulx=max(0, left),
        uly=max(0, top),
        lrx=max(0, right),
        lry=max(0, bottom),
        points=points,
    )
    zone.set(_ID, name)
