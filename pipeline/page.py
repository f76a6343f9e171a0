"""What a page becomes: lines, tables and cells with their polygons, and the published page JSON.

Coordinates are page pixels as floats: x to the right, y downwards, the origin at the top left
corner of the page image after its EXIF orientation is applied and *before* deskewing. A polygon
is four corners, clockwise from the top left of the text (not of the page), so a rotated line keeps
its reading direction.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Point = tuple[float, float]
Polygon = tuple[Point, Point, Point, Point]

Status = Literal["verified", "repaired", "inferred", "plain", "doubtful", "rejected"]
"""How far a cell can be trusted. A value that no check could confirm is at best `plain`."""


LineStatus = Literal["plain", "rejected"]
"""A line is `rejected`, though kept, where it is less sure than the profile asks."""


TagKind = Literal["date", "place", "quantity"]
"""What characters of a line can stand for."""


RegionKind = Literal["table", "text", "heading", "margin", "figure", "stamp"]
"""What a part of a page holds; a `margin` is a note beside the text."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """One candidate reading; `logprob` is the natural logarithm of its probability (<= 0)."""

    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a recognizer made of one crop: the best text and its runners-up, best first.

    `alternatives` includes the best reading itself; `confidence` is the probability, in 0..1,
    that `text` is exactly right. An empty `text` means that nothing was found to read.
    `characters` holds, for each character of `text`, the probability that it is right if those
    before it are; it is empty where the recognizer does not say.
    """

    text: str
    confidence: float
    alternatives: tuple[Alternative, ...] = ()
    characters: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """What characters `start` up to, not including, `end` of a line's text stand for.

    `value` is a date by ISO 8601, as exact as is said (`1898-03-05`, `1898-03`, `--03-05`), the
    name of a place, or the unit of a quantity, whose `number` it is then. `reference` is where more
    is known of a place, such as `geonames:2643736`.
    """

    kind: TagKind
    start: int
    end: int
    value: str
    number: float | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text outside any table; `corrected` where a person says what it says.

    `raw` is what was read where post-processing made something else of it. `joined` is the whole
    of a word that begins at the end of this line and goes on in another. `language` (BCP 47, such
    as `ko`) and `script` (ISO 15924, such as `Kore`) are `None` where they are not known, `tagged`
    in the order of the text. `region` is an index into the page's regions.
    """

    text: str
    confidence: float
    polygon: Polygon
    alternatives: tuple[Alternative, ...] = ()
    status: LineStatus = "plain"
    corrected: bool = False
    raw: str | None = None
    joined: str | None = None
    language: str | None = None
    script: str | None = None
    tagged: tuple[Tag, ...] = ()
    region: int | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a page that holds one thing.

    `table` is, of a table, its index among the page's. `ignored` counts the lines and cells that
    stand there and were not read, because the profile asks for none of that kind.
    """

    kind: RegionKind
    polygon: Polygon
    table: int | None = None
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """One table cell. Rows and columns count from 0; `raw` is what was read before any check.

    `value` is the number that `text` stands for, `None` where it is no number; `unit` its unit
    where the sheet says so. `checks` names the checks passed or failed, e.g. `"sum:pass"`. Where it
    is `corrected`, a person says what `text` is.
    """

    row: int
    column: int
    text: str
    raw: str
    confidence: float
    polygon: Polygon
    row_span: int = 1
    column_span: int = 1
    value: float | None = None
    unit: str | None = None
    status: Status = "plain"
    alternatives: tuple[Alternative, ...] = ()
    checks: tuple[str, ...] = ()
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A grid of `rows` x `columns` cells, its first `header_rows` rows being column heads.

    Every grid position is covered by exactly one cell; an empty cell has an empty text.
    """

    polygon: Polygon
    rows: int
    columns: int
    cells: tuple[Cell, ...]
    header_rows: int = 0
    relations: tuple[Mapping[str, Any], ...] = ()

    def grid(self) -> list[list[str]]:
        """Return the texts as `rows` lists of `columns` strings; a span's text stands once."""
        texts = [[""] * self.columns for _ in range(self.rows)]
        for cell in self.cells:
            texts[cell.row][cell.column] = cell.text
        return texts


@dataclass(frozen=True, slots=True)
class Transcription:
    """Everything read on one page of `width` x `height` pixels.

    `angle` is the skew that was measured, in degrees, positive where the text climbs to the
    right (counter-clockwise). `regions` are in reading order; there are none where nobody looked.
    """

    width: int
    height: int
    angle: float
    lines: tuple[Line, ...]
    tables: tuple[Table, ...]
    regions: tuple[Region, ...] = ()


def to_json(
    transcription: Transcription,
    page: str,
    run: str,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the published page object (see `schema()`) as plain lists, dicts and numbers.

    `provenance` is where the page came from, where that is known.
    """
    return {
        "page": page,
        "width": transcription.width,
        "height": transcription.height,
        "angle": round(transcription.angle, 3),
        "run": run,
        "lines": [_line(line) for line in transcription.lines],
        "tables": [_table(table) for table in transcription.tables],
        **(
            {"regions": [region_as_json(region) for region in transcription.regions]}
            if transcription.regions
            else {}
        ),
        **({"provenance": dict(provenance)} if provenance else {}),
    }


def _line(line: Line) -> dict[str, Any]:
    said: dict[str, Any] = {
        "text": line.text,
        "confidence": _confidence(line.confidence),
        "polygon": _polygon(line.polygon),
        "alternatives": _alternatives(line.alternatives),
    }
    # Only where it says something: whoever reads pages of before reads these, too.
    if line.status != "plain":
        said["status"] = line.status
    if line.corrected:
        said["corrected"] = True
    for name in ("raw", "joined", "language", "script", "region"):
        if getattr(line, name) is not None:
            said[name] = getattr(line, name)
    if line.tagged:
        said["tagged"] = [tag_as_json(tag) for tag in line.tagged]
    return said


def tag_as_json(tag: Tag) -> dict[str, Any]:
    """Return a tag as the published object; `as_tag` is the inverse."""
    said: dict[str, Any] = {
        "kind": tag.kind,
        "start": tag.start,
        "end": tag.end,
        "value": tag.value,
    }
    if tag.number is not None:
        said["number"] = tag.number
    if tag.reference is not None:
        said["reference"] = tag.reference
    return said


def as_tag(said: Mapping[str, Any]) -> Tag:
    """Return a published tag object as a `Tag`."""
    number = said.get("number")
    return Tag(
        said["kind"],
        int(said["start"]),
        int(said["end"]),
        said["value"],
        None if number is None else float(number),
        said.get("reference"),
    )


def region_as_json(region: Region) -> dict[str, Any]:
    """Return a region as the published object; `as_region` is the inverse."""
    said: dict[str, Any] = {"kind": region.kind, "polygon": _polygon(region.polygon)}
    if region.table is not None:
        said["table"] = region.table
    return {**said, "ignored": region.ignored} if region.ignored else said


def as_region(said: Mapping[str, Any]) -> Region:
    """Return a published region object as a `Region`. Raises `ValueError` (see `as_polygon`)."""
    polygon = as_polygon(said["polygon"])
    return Region(said["kind"], polygon, said.get("table"), int(said.get("ignored", 0)))


def _table(table: Table) -> dict[str, Any]:
    return {
        "polygon": _polygon(table.polygon),
        "rows": table.rows,
        "columns": table.columns,
        "header_rows": table.header_rows,
        "cells": [_cell(cell) for cell in table.cells],
        "relations": [dict(relation) for relation in table.relations],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    said: dict[str, Any] = {
        "row": cell.row,
        "column": cell.column,
        "row_span": cell.row_span,
        "column_span": cell.column_span,
        "text": cell.text,
        "value": cell.value,
        "unit": cell.unit,
        "raw": cell.raw,
        "confidence": _confidence(cell.confidence),
        "status": cell.status,
        "polygon": _polygon(cell.polygon),
        "alternatives": _alternatives(cell.alternatives),
        "checks": list(cell.checks),
    }
    return {**said, "corrected": True} if cell.corrected else said


def from_json(data: Mapping[str, Any]) -> Transcription:
    """Return the transcription that a page object holds; the inverse of `to_json`.

    Raises `KeyError` or `ValueError` where the object does not follow the schema.
    """
    return Transcription(
        width=int(data["width"]),
        height=int(data["height"]),
        angle=float(data["angle"]),
        lines=tuple(
            Line(
                text=line["text"],
                confidence=float(line["confidence"]),
                polygon=as_polygon(line["polygon"]),
                alternatives=as_alternatives(line["alternatives"]),
                status=line.get("status", "plain"),
                corrected=line.get("corrected", False),
                raw=line.get("raw"),
                joined=line.get("joined"),
                language=line.get("language"),
                script=line.get("script"),
                tagged=tuple(map(as_tag, line.get("tagged", ()))),
                region=line.get("region"),
            )
            for line in data["lines"]
        ),
        tables=tuple(
            Table(
                polygon=as_polygon(table["polygon"]),
                rows=int(table["rows"]),
                columns=int(table["columns"]),
                header_rows=int(table.get("header_rows", 0)),
                cells=tuple(
                    Cell(
                        **{
                            **cell,
                            "polygon": as_polygon(cell["polygon"]),
                            "alternatives": as_alternatives(cell["alternatives"]),
                            "checks": tuple(cell["checks"]),
                        }
                    )
                    for cell in table["cells"]
                ),
                relations=tuple(table["relations"]),
            )
            for table in data["tables"]
        ),
        regions=tuple(map(as_region, data.get("regions", ()))),
    )


def as_polygon(corners: Any) -> Polygon:
    """Return four (x, y) pairs, given in any nested sequence, as a `Polygon`.

    Raises `ValueError` unless there are four corners of two finite numbers each.
    """
    points = [(float(x), float(y)) for x, y in corners]
    if len(points) != 4 or not all(math.isfinite(v) for point in points for v in point):
        raise ValueError(f"a polygon has four finite corners, not {points}")
    return (points[0], points[1], points[2], points[3])


def as_alternatives(items: Any) -> tuple[Alternative, ...]:
    """Return `{text, logprob}` objects as `Alternative`s."""
    return tuple(Alternative(item["text"], float(item["logprob"])) for item in items)


@cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the page object."""
    text = resources.files("pipeline").joinpath("page.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _polygon(polygon: Polygon) -> list[list[float]]:
    return [[round(x, 1), round(y, 1)] for x, y in polygon]


def _alternatives(alternatives: tuple[Alternative, ...]) -> list[dict[str, Any]]:
    return [{"text": a.text, "logprob": round(a.logprob, 4)} for a in alternatives]


def _confidence(confidence: float) -> float:
    return round(confidence, 4)
