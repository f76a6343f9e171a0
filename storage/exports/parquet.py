"""All cells of all tables as one table, `cells.parquet`, for pandas, DuckDB, R and their like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from pipeline.checks.headers import column_headers
from storage.exports.files import appearing, writing
from storage.exports.growing import Growing
from storage.exports.pages import PublishedPage

SCHEMA = pa.schema(
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
        ("polygon", pa.list_(pa.list_(pa.float32()))),
    ]
)
"""Named as in the view `cells`; rows and columns count from 0, polygons are in page pixels."""

_ROWS = 100_000
"""Of a row group; pages wait until they have so many."""


class Writer(Growing["pq.ParquetWriter"]):
    """Writes `cells.parquet` to a folder, page by page."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / "cells.parquet")
        self._rows: list[dict[str, Any]] = []

    def open(self) -> pq.ParquetWriter:
        file = self.stack.enter_context(appearing(self.path))
        writer = self.stack.enter_context(pq.ParquetWriter(file, SCHEMA, compression="zstd"))
        self.stack.callback(self._flush)
        return writer

    def write(self, page: PublishedPage) -> None:
        """Add the cells of a page."""
        rows = _rows(page)
        if rows:
            self.opened()
        self._rows += rows
        if len(self._rows) >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        with writing(self.path):
            self.opened().write_table(pa.Table.from_pylist(self._rows, SCHEMA))
        self._rows = []


def _rows(page: PublishedPage) -> list[dict[str, Any]]:
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
        }
        for number, table in enumerate(page.transcription.tables)
        for heads in [column_headers(table)]
        for cell in table.cells
    ]
