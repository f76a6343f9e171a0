"""All observations as one table, `observations.csv`, a column for each field in their order.

UTF-8, comma, lines end with `\\n`; times as ISO 8601, local times as `HH:MM` to 24:00, flags parted
by `;`, a polygon as JSON, nothing for what is not known.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

from storage.exports.files import appearing, writing
from storage.exports.growing import Growing
from storage.observations import Observation

COLUMNS = tuple(field.name for field in fields(Observation))


class Writer(Growing[BinaryIO]):
    """Writes `observations.csv` to a folder."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / "observations.csv")

    def open(self) -> BinaryIO:
        file = self.stack.enter_context(appearing(self.path))
        file.write(_lines([COLUMNS]))
        return file

    def write(self, observations: Iterable[Observation]) -> None:
        """Add rows."""
        file = self.opened()
        with writing(self.path):
            file.write(_lines([_said(getattr(each, n)) for n in COLUMNS] for each in observations))


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}Z"
    if isinstance(value, datetime.timedelta):
        return clock(value)
    if isinstance(value, list):
        words = all(isinstance(each, str) for each in value)
        return ";".join(value) if words else json.dumps(value, separators=(",", ":"))
    return str(value)


def clock(time: datetime.timedelta) -> str:
    """Return a time since midnight as `HH:MM`."""
    minutes = round(time.total_seconds() / 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
