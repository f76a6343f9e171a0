"""Each table as a workbook: `NAME.table-1.xlsx`, `NAME.table-2.xlsx`, …

Numbers are numbers, shown with the decimals that were written; every other text is a text, also one
that looks like a formula. Colours say what to look at: yellow doubtful or rejected, blue repaired
or inferred, green corrected by a person; a note on the cell says how it was read.
"""

from __future__ import annotations

import datetime
import io
import re
from pathlib import Path
from typing import Any

import xlsxwriter  # type: ignore[import-untyped]

from pipeline.page import Cell, Table
from pipeline.tables.values import plain_number
from storage.exports.files import drop_from
from storage.exports.files import write as write_file
from storage.exports.markup.xml import clean
from storage.exports.pages import PublishedPage

LONGEST = 32_767
"""Characters of a cell of a workbook at most."""

_COLOURS = {
    "doubtful": "#FFF2CC",
    "rejected": "#FFE699",
    "repaired": "#DDEBF7",
    "inferred": "#BDD7EE",
    "corrected": "#E2EFDA",
}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")
_MADE = datetime.datetime(2000, 1, 1)  # noqa: DTZ001 (a workbook knows no zone)


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write the tables of one page to `out/STEM.table-N.xlsx`; return the files.

    Files of tables that an earlier reading had beyond these are removed.
    """
    paths = []
    for number, table in enumerate(page.transcription.tables, 1):
        path = _path(out, stem, number)
        write_file(path, to_xlsx(table, page.name))
        paths.append(path)
    drop_from(len(paths) + 1, lambda number: _path(out, stem, number))
    return paths


def to_xlsx(table: Table, title: str) -> bytes:
    """Return a table as a workbook of one sheet, its head rows kept in sight."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.set_properties({"title": clean(title)[:255], "created": _MADE})
    sheet = book.add_worksheet("table")
    formats = _Formats(book)
    for cell in table.cells:
        _write(sheet, formats, cell, cell.row < table.header_rows)
    sheet.freeze_panes(table.header_rows, 0)
    sheet.autofit(300)
    book.close()
    return file.getvalue()


class _Formats:
    """The formats of a workbook, each made when it is first used."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._known: dict[tuple[tuple[str, Any], ...], Any] = {}

    def __call__(self, **said: Any) -> Any:
        key = tuple(sorted(said.items()))
        if key not in self._known:
            self._known[key] = self._book.add_format(said)
        return self._known[key]


def _write(sheet: Any, formats: _Formats, cell: Cell, header: bool) -> None:
    text = clean(cell.text)[:LONGEST]
    look: dict[str, Any] = {"bold": True, "text_wrap": True} if header else {}
    mark = "corrected" if cell.corrected else cell.status
    if mark in _COLOURS:
        look["bg_color"] = _COLOURS[mark]
    number = plain_number(text)
    is_number = not header and bool(_NUMBER.fullmatch(number)) and cell.value == float(number)
    if is_number:
        decimals = len(number.partition(".")[2])
        look["num_format"] = f"0.{'0' * decimals}" if decimals else "0"
    place = (cell.row, cell.column)
    if cell.row_span > 1 or cell.column_span > 1:
        last = (cell.row + cell.row_span - 1, cell.column + cell.column_span - 1)
        sheet.merge_range(*place, *last, "", formats(**look))
    if is_number:
        sheet.write_number(*place, float(number), formats(**look))
    elif text or look:
        sheet.write_string(*place, text, formats(**look))
    if mark in _COLOURS:
        read = f"\nread: {clean(cell.raw)}" if cell.raw != cell.text else ""
        sheet.write_comment(*place, f"{mark}{read}"[:1000], {"author": "ledgermill"})


def _path(out: Path, stem: str, number: int) -> Path:
    return out / f"{stem}.table-{number}.xlsx"
