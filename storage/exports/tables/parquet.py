"""All cells and all lines as tables, `cells.parquet` and `lines.parquet`.

For DuckDB (`select * from 'cells.parquet'`), pandas, Polars, R and their like.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from pipeline.checks.headers import column_headers
from pipeline.page import tag_as_json
from storage.exports.files import appearing, writing
from storage.exports.growing import Growing
from storage.exports.pages import PublishedPage

_POLYGON = pa.list_(pa.list_(pa.float32()))
_TAG = pa.struct(
    [
        ("kind", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("value", pa.string()),
        ("number", pa.float64()),
        ("reference", pa.string()),
    ]
)

CELLS = pa.schema(
    [
        ("page", pa.string()),
        ("run", pa.string()),
        ("table_number", pa.int32()),
        ("row_number", pa.int32()),
        ("column_number", pa.int32()),
        ("row_span", pa.int32()),
        ("column_span", pa.int32()),
        ("header", pa.string()),
        ("is_header", pa.bool_()),
        ("text", pa.string()),
        ("raw", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("status", pa.string()),
        ("confidence", pa.float64()),
        ("checks", pa.list_(pa.string())),
        ("polygon", _POLYGON),
        ("corrected", pa.bool_()),
        ("collection", pa.string()),
    ]
)
"""Named as in the view `cells`; rows and columns count from 0, polygons are in page pixels."""

LINES = pa.schema(
    [
        ("page", pa.string()),
        ("run", pa.string()),
        ("line_number", pa.int32()),
        ("text", pa.string()),
        ("status", pa.string()),
        ("confidence", pa.float64()),
        ("polygon", _POLYGON),
        ("corrected", pa.bool_()),
        ("collection", pa.string()),
        ("raw", pa.string()),
        ("joined", pa.string()),
        ("language", pa.string()),
        ("script", pa.string()),
        ("tagged", pa.list_(_TAG)),
        ("region_number", pa.int32()),
    ]
)
"""Named as in the view `lines`."""

_ROWS = 8_000
"""Of a row group, or a page more; until there are so many they wait, as compact as they will be."""


_TABLES = 100


class Writer:
    """Writes `cells.parquet` and `lines.parquet` to a folder, page by page."""

    def __init__(self, out: Path) -> None:
        self._cells = _File(out / "cells.parquet", CELLS)
        self._lines = _File(out / "lines.parquet", LINES)
        self._stack = ExitStack()

    @property
    def files(self) -> list[Path]:
        """The files of which there is anything."""
        return [*self._cells.files, *self._lines.files]

    def write(self, page: PublishedPage, _stem: str) -> None:
        """Add the cells and lines of a page."""
        self._cells.add(_cells(page))
        self._lines.add(_lines(page))

    def __enter__(self) -> Self:
        for file in (self._cells, self._lines):
            self._stack.enter_context(file)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


class _File(Growing["pq.ParquetWriter"]):
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        super().__init__(path)
        self._schema = schema
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def open(self) -> pq.ParquetWriter:
        file = self.stack.enter_context(appearing(self.path))
        writer = self.stack.enter_context(pq.ParquetWriter(file, self._schema, compression="zstd"))
        self.stack.push(self._close)
        return writer

    def add(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        self.opened()
        self._waiting.append(pa.Table.from_pylist(rows, self._schema))
        self._rows += len(rows)
        if len(self._waiting) >= _TABLES:  # small ones take more for their frames than for rows
            self._waiting = [self._together()]
        if self._rows >= _ROWS:
            self._flush()

    def _close(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is None and self._rows:
            self._flush()

    def _flush(self) -> None:
        with writing(self.path):
            self.opened().write_table(self._together(), row_group_size=self._rows)
        self._waiting, self._rows = [], 0

    def _together(self) -> pa.Table:
        return pa.concat_tables(self._waiting).combine_chunks()


def _cells(page: PublishedPage) -> list[dict[str, Any]]:
    return [
        {
            "page": page.name,
            "run": page.run,
            "table_number": number,
            "row_number": cell.row,
            "column_number": cell.column,
            "row_span": cell.row_span,
            "column_span": cell.column_span,
            "header": heads[cell.column],
            "is_header": cell.row < table.header_rows,
            "text": cell.text,
            "raw": cell.raw,
            "value": cell.value,
            "unit": cell.unit,
            "status": cell.status,
            "confidence": cell.confidence,
            "checks": cell.checks,
            "polygon": cell.polygon,
            "corrected": cell.corrected,
            "collection": page.collection,
        }
        for number, table in enumerate(page.transcription.tables)
        for heads in [column_headers(table)]
        for cell in table.cells
    ]


def _lines(page: PublishedPage) -> list[dict[str, Any]]:
    return [
        {
            "page": page.name,
            "run": page.run,
            "line_number": number,
            "text": line.text,
            "status": line.status,
            "confidence": line.confidence,
            "polygon": line.polygon,
            "corrected": line.corrected,
            "collection": page.collection,
            "raw": line.raw,
            "joined": line.joined,
            "language": line.language,
            "script": line.script,
            "tagged": [tag_as_json(tag) for tag in line.tagged],
            "region_number": line.region,
        }
        for number, line in enumerate(page.transcription.lines)
    ]
