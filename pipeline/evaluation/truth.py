"""Ground truth from files: tables as CSV, page objects, ALTO and PAGE lines, cut-outs."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import BadInput
from pipeline.evaluation.cells import CellTruth
from pipeline.evaluation.lines import PlacedText, placed_texts
from pipeline.evaluation.tables import Compare, TableTruth
from pipeline.page import Polygon, Transcription, from_json
from pipeline.transcribed import marked_lines, pages_in, read_transcribed

_TABLE_NAME = re.compile(r"(?P<page>.+)\.table-(?P<number>[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class PageTruth:
    """What is known of one page: `texts` where it was transcribed, `tables` where it was keyed."""

    name: str
    texts: tuple[PlacedText, ...] = ()
    tables: tuple[TableTruth, ...] = ()


def read_truth(folder: Path) -> dict[str, PageTruth]:
    """Return the truth of every page that `folder` knows, by page name, in order of names.

    `NAME.json` is a page object; `NAME.table-1.csv`, or `NAME.csv` for a page's only table, a grid
    (one header row, one column of labels, unless the page object says otherwise); `NAME.xml` ALTO
    or PAGE, with its tables. Raises `BadInput` for a folder without truth and for a file that is
    none of these.
    """
    pages: dict[str, PageTruth] = {}
    for file in sorted(folder.glob("*.json")):
        pages[file.stem] = _page_object(file)
    for name, file in pages_in(folder):
        known = _page(pages, name)
        tables = known.tables or _tables(
            read_transcribed(file.read_bytes(), str(file)).transcription
        )
        pages[name] = replace(known, texts=tuple(read_lines(file)), tables=tables)
    grids: dict[str, dict[int, TableTruth]] = {}
    for file in sorted(folder.glob("*.csv")):
        numbered = _TABLE_NAME.fullmatch(file.stem)
        page, number = (numbered["page"], int(numbered["number"])) if numbered else (file.stem, 1)
        grids.setdefault(page, {})[number] = read_grid(file)
    for page, by_number in grids.items():
        known = _page(pages, page)
        if not known.tables:
            in_order = tuple(by_number[number] for number in sorted(by_number))
            pages[page] = replace(known, tables=in_order)
    if not pages:
        raise BadInput(
            str(folder),
            "no ground truth found",
            "give a folder of NAME.csv, NAME.table-1.csv, NAME.json or NAME.xml files",
        )
    return {name: pages[name] for name in sorted(pages)}


def _page(pages: dict[str, PageTruth], name: str) -> PageTruth:
    return pages.get(name, PageTruth(name))


def _page_object(file: Path) -> PageTruth:
    try:
        transcription = from_json(json.loads(file.read_text("utf-8")))
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadInput(str(file), f"not a page object ({error})", "remove or mend it") from error
    return PageTruth(file.stem, tuple(placed_texts(transcription)), _tables(transcription))


def _tables(transcription: Transcription) -> tuple[TableTruth, ...]:
    return tuple(
        TableTruth(tuple(map(tuple, table.grid())), table.header_rows, table=table)
        for table in transcription.tables
    )


def read_grid(file: Path) -> TableTruth:
    """Return the table in a CSV file, its fields stripped; quoted by `'` if it begins with one.

    Raises `BadInput` where it is not text or empty.
    """
    rows = _csv(file)
    if not rows:
        raise BadInput(str(file), "an empty table", "remove or mend it")
    return TableTruth(tuple(tuple(text.strip() for text in row) for row in rows))


def _csv(file: Path) -> list[list[str]]:
    try:
        text = file.read_text("utf-8-sig")
        quote = "'" if text.lstrip().startswith("'") else '"'
        return [row for row in csv.reader(text.splitlines(), quotechar=quote) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(str(file), f"not a CSV file ({error})", "remove or mend it") from error


def read_visible(file: Path, truth: dict[str, PageTruth]) -> dict[str, PageTruth]:
    """Return `truth` with the columns hidden that `file` does not list for a page.

    The file is a CSV with the header `page,columns`; columns as in `1-24 25`, counted from 0 with
    the labels. Pages that it does not name show all their columns. Raises `BadInput`.
    """
    rows = _csv(file)
    if not rows or rows[0] != ["page", "columns"]:
        raise BadInput(str(file), "no header page,columns", "see the documentation of --visible")
    pages = dict(truth)
    for row in rows[1:]:
        try:
            name, columns = row
            shown = {c for span in columns.split() for c in _span(span)}
        except ValueError as error:
            reason = f"not a page and its columns: {','.join(row)}"
            raise BadInput(str(file), reason, "write e.g. page-7,0 2-25") from error
        if name in pages:
            pages[name] = replace(
                pages[name],
                tables=tuple(
                    replace(table, hidden=frozenset(range(table.columns)) - shown)
                    for table in pages[name].tables
                ),
            )
    return pages


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def read_lines(file: Path) -> list[PlacedText]:
    """Return the text lines of an ALTO (any version, pixels) or PAGE XML file with their boxes.

    Lines without text are left out. Raises `BadInput` where the file is neither.
    """
    return [
        PlacedText(line.text, _box([x for x, _ in line.outline], [y for _, y in line.outline]))
        for line in marked_lines(file)
    ]


def _box(xs: list[float], ys: list[float]) -> Polygon:
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def read_cells(path: Path) -> list[CellTruth]:
    """Return the truth of cut-outs: a `cells.csv`, or a folder that has one or `NAME.txt` files.

    A `cells.csv` has at least the columns `image` and `truth`; rows without truth are left out.
    Of sheets (a column `sheet`) the digits are compared, their ink often omits the decimal mark;
    of others the numbers, grouped by the column `folder` if there is one. Text files hold the
    line on the image of the same stem (`.png`).
    Raises `BadInput`.
    """
    file = path / "cells.csv" if path.is_dir() else path
    if path.is_dir() and not file.exists():
        return [
            CellTruth(f"{line.stem}.png", line.read_text("utf-8").strip())
            for line in sorted(path.glob("*.txt"))
        ]
    rows = _csv(file)
    header = rows[0] if rows else []
    if not {"image", "truth"} <= set(header):
        raise BadInput(str(file), "no columns image and truth", "see the documentation of --truth")
    compare: Compare = "digits" if "sheet" in header else "number"
    cells = (dict(zip(header, row, strict=False)) for row in rows[1:])
    group = "sheet" if "sheet" in header else "folder"
    return [
        CellTruth(cell["image"], cell["truth"], compare, cell.get(group, ""))
        for cell in cells
        if cell.get("truth")
    ]
