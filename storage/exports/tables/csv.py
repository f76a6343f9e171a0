"""The grid of each table: `NAME.table-1.csv`, `NAME.table-2.csv`, …

One CSV cell a table cell, header rows included, an empty string for an empty cell; where cells
are joined the text stands in the first place. UTF-8, comma, lines end with `\\n`.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from pipeline.page import Table
from storage.exports.files import drop_from
from storage.exports.files import write as write_file
from storage.exports.pages import PublishedPage


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write the tables of one page to `out/STEM.table-N.csv`; return the files.

    Files of tables that an earlier reading had beyond these are removed.
    """
    paths = []
    for number, table in enumerate(page.transcription.tables, 1):
        path = _path(out, stem, number)
        write_file(path, to_csv(table).encode("utf-8"))
        paths.append(path)
    drop_from(len(paths) + 1, lambda number: _path(out, stem, number))
    return paths


def to_csv(table: Table) -> str:
    """Return a table as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table.grid())
    return text.getvalue()


def _path(out: Path, stem: str, number: int) -> Path:
    return out / f"{stem}.table-{number}.csv"
