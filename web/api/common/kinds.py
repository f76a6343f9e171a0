"""Parameters and shapes that many endpoints have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field

from pipeline import page as published

_BIGINT = 2**63 - 1
_INT = 2**31 - 1

PageId = Annotated[int, Path(ge=1, le=_BIGINT, description="A page's number.")]
DocumentId = Annotated[int, Path(ge=1, le=_BIGINT, description="A document's number.")]
JobId = Annotated[int, Path(ge=1, le=_BIGINT, description="A job's number.")]
TableNumber = Annotated[int, Path(ge=0, le=_INT, description="A table of the page, from 0.")]
Number = Annotated[int, Field(ge=0, le=_INT)]
Id = Annotated[int, Field(ge=1, le=_BIGINT)]
RunId = Annotated[
    int | None,
    Query(ge=1, le=_BIGINT, description="What this run read; the page's current one if not given."),
]
InCollection = Annotated[
    str | None, Query(min_length=1, max_length=200, description="Only of this collection.")
]

Polygon = list[list[float]]
"""Four corners [x, y], clockwise from the text's top left, in page pixels."""

Status = published.Status
LineStatus = published.LineStatus


class Alternative(BaseModel):
    """One candidate reading; `logprob` is the natural logarithm of its probability."""

    text: str
    logprob: float


class Tag(BaseModel):
    """A date, place or quantity within a line, as the published page object has it."""

    kind: published.TagKind
    start: int
    end: int
    value: str
    number: float | None = None
    reference: str | None = None


class TranscribedLine(BaseModel):
    """A line as the published page object has it."""

    text: str
    confidence: float
    polygon: Polygon
    alternatives: list[Alternative]
    status: LineStatus = "plain"
    corrected: bool = False
    raw: str | None = None
    joined: str | None = None
    language: str | None = None
    script: str | None = None
    tagged: list[Tag] = []
    region: int | None = None


class TranscribedCell(BaseModel):
    """A cell as the published page object has it."""

    row: int
    column: int
    row_span: int
    column_span: int
    text: str
    value: float | None
    unit: str | None
    raw: str
    confidence: float
    status: Status
    polygon: Polygon
    alternatives: list[Alternative]
    checks: list[str]
    corrected: bool = False


class TranscribedRegion(BaseModel):
    """A part of a page as the published page object has it."""

    kind: published.RegionKind
    polygon: Polygon
    table: int | None = None
    ignored: int = 0


class TranscribedTable(BaseModel):
    """A table as the published page object has it; `relations` are what adds up in it."""

    polygon: Polygon
    rows: int
    columns: int
    header_rows: int
    cells: list[TranscribedCell]
    relations: list[dict[str, Any]]


class PageObject(BaseModel):
    """The published page object, by `pipeline/page.schema.json`."""

    page: str
    width: int
    height: int
    angle: float
    run: str
    lines: list[TranscribedLine]
    tables: list[TranscribedTable]
    regions: list[TranscribedRegion] = []
    provenance: dict[str, Any] | None = None


class LinePlace(BaseModel):
    """A line of a page, by its number from 0."""

    kind: Literal["line"] = "line"
    number: Number


class CellPlace(BaseModel):
    """A cell of a page, by its table, row and column, each from 0."""

    kind: Literal["cell"] = "cell"
    table: Number
    row: Number
    column: Number


Place = Annotated[LinePlace | CellPlace, Field(discriminator="kind")]
