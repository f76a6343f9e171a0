"""The layout of all pages, `coco.json`: images, and boxes of regions, lines, tables, cells.

As COCO's object detection has it (Lin et al., ECCV 2014): `bbox` is left, top, width, height in
pixels, `segmentation` the polygon, counted from 1. Beside it, `text` says what was read. The images
are those that the format `image` writes.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from pipeline.page import Cell, Polygon, Table
from storage.exports.files import appearing, writing
from storage.exports.growing import Growing
from storage.exports.markup.xml import around, box
from storage.exports.pages import PublishedPage

CATEGORIES = (
    "line", "table", "table row", "table column", "table cell", "table head",
    "text", "heading", "margin", "figure", "stamp",
)  # fmt: skip

_NEXT = ",\n"
_INFO = {"description": "Ledgermill layout", "version": "1.0"}


class Writer(Growing[BinaryIO]):
    """Writes `coco.json` to a folder, page by page: images at once, their boxes at the end."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / "coco.json")
        self._images = self._boxes = 0
        self._waiting: IO[bytes]

    def open(self) -> BinaryIO:
        file = self.stack.enter_context(appearing(self.path))
        self._waiting = self.stack.enter_context(tempfile.TemporaryFile(dir=self.path.parent))  # noqa: SIM115
        named = [
            {"id": number, "name": name, "supercategory": "page"}
            for number, name in enumerate(CATEGORIES, 1)
        ]
        head = f'{{"info":{_json(_INFO)},"licenses":[],"categories":{_json(named)},"images":[\n'
        file.write(head.encode())
        self.stack.push(self._close)
        return file

    def write(self, page: PublishedPage, stem: str) -> None:
        """Add a page."""
        file = self.opened()
        whole = page.transcription
        image = {
            "id": self._images + 1,
            "file_name": page.image_name(stem),
            "width": whole.width,
            "height": whole.height,
        }
        with writing(self.path):
            file.write(_listed(image, first=not self._images))
            self._images += 1
            for kind, polygon, text in _places(page):
                self._waiting.write(_listed(self._box(kind, polygon, text), not self._boxes))
                self._boxes += 1

    def _box(self, kind: str, polygon: Polygon, text: str | None) -> dict[str, Any]:
        left, top, right, bottom = (round(side, 1) for side in box(polygon))
        said = {
            "id": self._boxes + 1,
            "image_id": self._images,
            "category_id": CATEGORIES.index(kind) + 1,
            "bbox": [left, top, round(right - left, 1), round(bottom - top, 1)],
            "area": round(_area(polygon), 1),
            "segmentation": [[round(side, 1) for corner in polygon for side in corner]],
            "iscrowd": 0,
        }
        return said if text is None else {**said, "text": text}

    def _close(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is None:
            with writing(self.path):
                file = self.opened()
                file.write(b'\n],"annotations":[\n')
                self._waiting.seek(0)
                shutil.copyfileobj(self._waiting, file)
                file.write(b"\n]}\n")


def _places(page: PublishedPage) -> Iterator[tuple[str, Polygon, str | None]]:
    for region in page.transcription.regions:
        if region.table is None:  # the others come with their cells
            yield region.kind, region.polygon, None
    for line in page.transcription.lines:
        yield "line", line.polygon, line.text
    for table in page.transcription.tables:
        yield "table", table.polygon, None
        yield from _bands(table)
        for cell in table.cells:
            yield (
                ("table head" if cell.row < table.header_rows else "table cell"),
                cell.polygon,
                cell.text,
            )


def _bands(table: Table) -> Iterator[tuple[str, Polygon, None]]:
    rows: dict[int, list[Cell]] = {}
    columns: dict[int, list[Cell]] = {}
    for cell in table.cells:
        if cell.row_span == 1:
            rows.setdefault(cell.row, []).append(cell)
        if cell.column_span == 1:
            columns.setdefault(cell.column, []).append(cell)
    yield from (("table row", _around(rows[row]), None) for row in sorted(rows))
    yield from (("table column", _around(columns[column]), None) for column in sorted(columns))


def _around(cells: Iterable[Cell]) -> Polygon:
    return around([cell.polygon for cell in cells])


def _area(polygon: Polygon) -> float:
    turned = (*polygon[1:], polygon[0])
    pairs = zip(polygon, turned, strict=True)
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in pairs)) / 2


def _listed(item: dict[str, Any], first: bool) -> bytes:
    return f"{'' if first else _NEXT}{_json(item)}".encode()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
