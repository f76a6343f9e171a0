"""Transcriptions of every kind, to be written and read back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from pipeline.page import (
    Alternative,
    Cell,
    Line,
    Polygon,
    Region,
    RegionKind,
    Table,
    Tag,
    Transcription,
)

SCHEMAS = Path(__file__).parents[2] / "schemas"

STATUSES = ("verified", "repaired", "inferred", "plain", "doubtful", "rejected")

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\n\r"), max_size=12
)
_NUMBER = st.floats(-1e9, 1e9)
_SHARE = st.floats(0, 1)
_SIDE = st.integers(-5, 3000) | st.floats(-5, 3000).map(lambda x: round(x, 3))
_JSON = st.dictionaries(TEXT, _NUMBER | TEXT | st.lists(st.integers(), max_size=2), max_size=2)


@st.composite
def _polygons(draw: st.DrawFn) -> Polygon:
    a, b, c, d = (
        (float(draw(_SIDE)), float(draw(_SIDE)))
        for _ in range(4)
    )  # fmt: skip
    return (a, b, c, d)


_ALTERNATIVES = st.lists(
    st.builds(Alternative, TEXT, st.floats(-50, 0)), max_size=2
).map(tuple)  # fmt: skip

_TAGS = st.builds(
    Tag,
    kind=st.sampled_from(["date", "place", "quantity"]),
    start=st.just(0),
    end=st.just(1),
    value=TEXT,
    number=st.none() | _NUMBER,
    reference=st.none() | TEXT,
)


@st.composite
def _lines(draw: st.DrawFn) -> Line:
    text = draw(TEXT)
    return Line(
        text,
        draw(_SHARE),
        draw(_polygons()),
        draw(_ALTERNATIVES),
        draw(st.sampled_from(["plain", "rejected"])),
        draw(st.booleans()),
        draw(st.none() | TEXT),
        draw(st.none() | TEXT),
        draw(st.sampled_from([None, "ko", "fr", "en-GB"])),
        draw(st.sampled_from([None, "Kore", "Latn"])),
        tuple(draw(st.lists(_TAGS, max_size=1))) if text else (),
    )


@st.composite
def _tables(draw: st.DrawFn) -> Table:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    joined = draw(st.booleans()) and columns > 1
    cells = []
    for row in range(rows):
        for column in range(columns):
            if joined and row == 0 and column == 1:
                continue
            text = draw(TEXT)
            cells.append(
                Cell(
                    row=row,
                    column=column,
                    column_span=2 if joined and (row, column) == (0, 0) else 1,
                    text=text,
                    raw=draw(st.just(text) | TEXT),
                    confidence=draw(_SHARE),
                    polygon=draw(_polygons()),
                    value=draw(st.none() | _NUMBER),
                    unit=draw(st.none() | TEXT),
                    status=draw(st.sampled_from(STATUSES)),
                    alternatives=draw(_ALTERNATIVES),
                    checks=tuple(draw(st.lists(TEXT, max_size=2))),
                    corrected=draw(st.booleans()),
                )
            )
    return Table(
        draw(_polygons()),
        rows,
        columns,
        tuple(cells),
        draw(st.integers(0, rows)),
        tuple(draw(st.lists(_JSON, max_size=1))),
    )


_PLAIN = st.builds(
    Transcription,
    width=st.integers(1, 5000),
    height=st.integers(1, 5000),
    angle=st.floats(-179, 180),
    lines=st.lists(_lines(), max_size=3).map(tuple),
    tables=st.lists(_tables(), max_size=2).map(tuple),
)


@st.composite
def _divided(draw: st.DrawFn) -> Transcription:
    """A page with regions, its lines in their order, its tables in some of them in any order."""
    page = draw(_PLAIN)
    known: list[RegionKind] = ["text", "heading", "margin", "figure", "stamp"]
    kinds = st.sampled_from(known)
    regions = [
        Region(kind, draw(_polygons()), ignored=draw(st.integers(0, 1)))
        for kind in draw(st.lists(kinds, min_size=1, max_size=4))
    ]
    for number, table in enumerate(page.tables):
        place = draw(st.integers(0, len(regions)))
        moved = draw(st.sampled_from([0, 0.25]))
        (x, y), b, c, d = table.polygon
        regions.insert(place, Region("table", ((x + moved, y), b, c, d), number))
    regions += [Region("table", draw(_polygons()), ignored=3)] * draw(st.integers(0, 1))
    holds = [number for number, region in enumerate(regions) if region.kind != "table"]
    where = sorted(draw(st.sampled_from([*holds, len(regions)])) for _ in page.lines)
    lines = tuple(
        replace(line, region=number if number < len(regions) else None)
        for line, number in zip(page.lines, where, strict=True)
    )
    return replace(page, lines=lines, regions=tuple(regions))


transcriptions = _PLAIN | _divided()


def schema(name: str) -> etree.XMLSchema:
    """Return a vendored schema; what it imports is taken from beside it, not from the network."""

    class Beside(etree.Resolver):
        def resolve(self, url: str, _id: str, context: Any) -> Any:  # type: ignore[override]
            return self.resolve_filename(  # type: ignore[attr-defined]
                str(SCHEMAS / Path(url).name), context
            )

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Beside())
    return etree.XMLSchema(etree.parse(str(SCHEMAS / name), parser))


def ledger(
    angle: float = 0.0, rows: int = 12, columns: int = 5, pitch: float = 40
) -> Transcription:
    """Return a page with a heading and a table whose rows climb by `angle` degrees."""
    slope = math.tan(math.radians(-angle))

    def place(x: float, y: float, width: float, height: float) -> Polygon:
        a, b = y + slope * x, y + slope * (x + width)
        return ((x, a), (x + width, b), (x + width, b + height), (x, a + height))

    cells = tuple(
        Cell(
            row=row,
            column=column,
            text=text,
            raw=text,
            confidence=0.9,
            polygon=place(100 + 260 * column, 220 + pitch * row, 120, 0.7 * pitch),
            value=None if row == 0 else float(text),
            status="plain" if row else "verified",
        )
        for row in range(rows)
        for column in range(columns)
        for text in [f"Head {column}" if row == 0 else f"{29 + column}.{row:03}"]
    )
    table = Table(place(90, 200, 260 * columns, pitch * rows), rows, columns, cells, 1)
    heading = Line("Register of the Weather", 0.95, place(300, 80, 500, 40))
    return Transcription(1500, 900, angle, (heading,), (table,))
