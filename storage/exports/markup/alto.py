"""ALTO 4.4: `NAME.alto.xml`, measured in pixels.

A table is a `ComposedBlock` of type `table`, each of its cells a `TextBlock`; ALTO has no places in
a grid, so tags say row, column, spans, header, status and whether a person corrected it. Regions
are blocks with a tag that says their kind, in reading order. Words are parted by white space and
share their line's polygon.
"""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from pipeline.page import Alternative, Cell, Polygon
from pipeline.transcribed.alto import RAW, REGION
from pipeline.version import CODE_VERSION
from storage.exports.blocks import Block, blocks
from storage.exports.files import write as write_file
from storage.exports.markup.words import words_of
from storage.exports.markup.xml import (
    SOFTWARE,
    add,
    around,
    baseline,
    begin,
    box,
    clean,
    document,
    stamp,
)
from storage.exports.pages import PublishedPage

SPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_ELEMENTS = {"status": "OtherTag", "corrected": "OtherTag", REGION: "LayoutTag"}
"""What a kind of tag is, where it is no `StructureTag`."""

DRAWN = {"figure": "Illustration", "stamp": "GraphicalElement", "table": "GraphicalElement"}
"""What is in a block of this kind; of a table only where its cells were not read."""

_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write one page to `out/STEM.alto.xml`; return the file."""
    path = out / f"{stem}.alto.xml"
    write_file(path, to_alto(page, stem))
    return [path]


def to_alto(page: PublishedPage, stem: str) -> bytes:
    """Return a page as ALTO; its image is called `STEM` and as its type is usually called."""
    whole = page.transcription
    root = begin(SPACE, "alto", _SCHEMA)
    root.set("SCHEMAVERSION", "4.4")
    about = add(root, "Description")
    add(about, "MeasurementUnit", "pixel")
    add(add(about, "sourceImageInformation"), "fileName", page.image_name(stem))
    step = add(about, "Processing", ID="processing")
    add(step, "processingCategory", "contentGeneration")
    add(step, "processingDateTime", stamp(page.created))
    add(step, "processingStepDescription", page.run)
    software = add(step, "processingSoftware")
    add(software, "softwareName", SOFTWARE)
    add(software, "softwareVersion", CODE_VERSION)
    tags = _Tags()
    layout = begin(SPACE, "Layout")
    sheet = add(
        layout,
        "Page",
        ID="page",
        WIDTH=whole.width,
        HEIGHT=whole.height,
        PHYSICAL_IMG_NR=1,
        ROTATION=repr(float(whole.angle)),
    )
    space = add(sheet, "PrintSpace", HPOS=0, VPOS=0, WIDTH=whole.width, HEIGHT=whole.height)
    for block in blocks(whole):
        _add_block(space, block, tags)
    if tags.known:
        tags.add_to(root)
    root.append(layout)
    return document(root)


def _add_block(space: etree._Element, block: Block, tags: _Tags) -> None:
    said = None if block.region is None else tags.of(REGION, block.kind)
    if block.table is not None:
        number, table = block.table
        name = f"table_{number}"
        grid = _block(space, "ComposedBlock", name, table.polygon, TYPE="table", TAGREFS=said)
        for cell in table.cells:
            _add_cell(grid, f"{name}_{cell.row}_{cell.column}", cell, table.header_rows, tags)
        return
    if block.region is None:
        place = around([line.polygon for _, line in block.lines])
        made = _block(space, "TextBlock", "lines", place)
    else:
        name, place = f"region_{block.region[0]}", block.region[1].polygon
        drawn = DRAWN.get(block.kind)
        made = _block(space, "ComposedBlock" if drawn else "TextBlock", name, place, TAGREFS=said)
        if drawn:
            _block(made, drawn, f"{name}_{block.kind}", place)
            if block.lines:
                place = around([line.polygon for _, line in block.lines])
                made = _block(made, "TextBlock", f"{name}_text", place)
    for number, line in block.lines:
        marks = [tags.of("status", line.status)] if line.status != "plain" else []
        marks += [tags.of("corrected", "yes")] if line.corrected else []
        _add_line(
            made, f"line_{number}", line.text, line.polygon, line.confidence,
            line.alternatives, line.raw, " ".join(marks) or None, line.language, line.joined,
        )  # fmt: skip


class _Tags:
    """The tags of a document, each made when it is first used."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], str] = {}

    def of(self, kind: str, label: object) -> str:
        """Return the ID of a tag."""
        return self.known.setdefault((kind, str(label)), f"{kind}_{label}")

    def add_to(self, root: etree._Element) -> None:
        tags = add(root, "Tags")
        for (kind, label), name in self.known.items():
            tag = _ELEMENTS.get(kind, "StructureTag")
            add(tags, tag, ID=name, TYPE=kind, LABEL=label)


def _add_cell(grid: etree._Element, name: str, cell: Cell, header_rows: int, tags: _Tags) -> None:
    said = [tags.of("row", cell.row), tags.of("column", cell.column)]
    if cell.row_span > 1:
        said.append(tags.of("row_span", cell.row_span))
    if cell.column_span > 1:
        said.append(tags.of("column_span", cell.column_span))
    if cell.row < header_rows:
        said.append(tags.of("header", "yes"))
    said.append(tags.of("status", cell.status))
    if cell.corrected:
        said.append(tags.of("corrected", "yes"))
    block = _block(grid, "TextBlock", name, cell.polygon, TAGREFS=" ".join(said))
    raw = cell.raw if cell.raw != cell.text else None
    _add_line(
        block, f"{name}_line", cell.text, cell.polygon, cell.confidence, cell.alternatives, raw,
        None, None, None,
    )  # fmt: skip


def _add_line(
    block: etree._Element,
    name: str,
    text: str,
    polygon: Polygon,
    confidence: float,
    others: tuple[Alternative, ...],
    raw: str | None,
    tags: str | None,
    language: str | None,
    whole: str | None,
) -> None:
    """Add a line of text; of a single word its alternatives and what was first read of it.

    `whole` is what its last word is with its other half, in another line.
    """
    words = words_of(text, polygon, confidence)
    if not words:
        return
    start, end = baseline(polygon)
    line = add(
        block,
        "TextLine",
        ID=name,
        TAGREFS=tags,
        LANG=language,
        **_extent(polygon),
        BASELINE=_points((start, end)),
    )
    _add_shape(line, polygon)
    for number, word in enumerate(words):
        if number:
            add(line, "SP")
        string = add(
            line,
            "String",
            ID=f"{name}_word_{number}",
            **_extent(word.polygon),
            CONTENT=word.text,
            WC=f"{word.confidence:.4f}",
        )
        if whole is not None and number == len(words) - 1:
            string.set("SUBS_TYPE", "HypPart1")
            string.set("SUBS_CONTENT", clean(whole))
        if len(words) == 1:
            if raw is not None:
                add(string, "ALTERNATIVE", raw, PURPOSE=RAW)
            for other in others:
                add(string, "ALTERNATIVE", other.text, PURPOSE=f"logprob={other.logprob:.4f}")


def _block(
    parent: etree._Element, kind: str, name: str, polygon: Polygon, **attributes: str | None
) -> etree._Element:
    made = add(parent, kind, ID=name, **attributes, **_extent(polygon))
    _add_shape(made, polygon)
    return made


def _add_shape(element: etree._Element, polygon: Polygon) -> None:
    add(add(element, "Shape"), "Polygon", POINTS=_points(polygon))


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{x:.10g},{y:.10g}" for x, y in points)


def _extent(polygon: Polygon) -> dict[str, str]:
    left, top, right, bottom = box(polygon)
    return {
        "HPOS": f"{left:.10g}",
        "VPOS": f"{top:.10g}",
        "WIDTH": f"{right - left:.10g}",
        "HEIGHT": f"{bottom - top:.10g}",
    }
