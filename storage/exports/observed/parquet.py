"""All observations as one table, `observations.parquet`, for pandas, DuckDB, R and their like.

The columns are those of `observations.csv`; times are timestamps in UTC, flags and polygons lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storage.exports.files import appearing, writing
from storage.exports.growing import Growing
from storage.exports.observed.csv import COLUMNS, clock
from storage.observations import Observation

_TYPES = {
    **dict.fromkeys(("latitude", "longitude", "altitude", "value", "confidence"), pa.float64()),
    **dict.fromkeys(("table_number", "row_number", "column_number"), pa.int32()),
    "utc": pa.timestamp("s", tz="UTC"),
    "date": pa.date32(),
    "flags": pa.list_(pa.string()),
    "polygon": pa.list_(pa.list_(pa.float32())),
}
SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])

_ROWS = 100_000
"""Of a row group."""


class Writer(Growing["pq.ParquetWriter"]):
    """Writes `observations.parquet` to a folder."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / "observations.parquet")

    def open(self) -> pq.ParquetWriter:
        file = self.stack.enter_context(appearing(self.path))
        return self.stack.enter_context(pq.ParquetWriter(file, SCHEMA, compression="zstd"))

    def write(self, observations: Iterable[Observation]) -> None:
        """Add rows."""
        table = pa.Table.from_pylist([_row(each) for each in observations], SCHEMA)
        file = self.opened()
        with writing(self.path):
            file.write_table(table, row_group_size=_ROWS)


def _row(observation: Observation) -> dict[str, Any]:
    time = observation.local_time
    return {**asdict(observation), "local_time": None if time is None else clock(time)}
