"""Doubtful cells as a subject set for volunteers: the folder `zooniverse`, cut-outs and a manifest.

As the Zooniverse project builder and `panoptes-client` take it: `manifest.csv` names an image a
row; columns that begin with `#` are kept with the subject and hidden from volunteers, who are not
to be led by what a machine read. The cell stands within a red frame, its neighbours around it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from pipeline.checks.headers import column_headers
from pipeline.page import Cell
from storage.exports.files import appearing, writing
from storage.exports.files import write as write_file
from storage.exports.growing import Growing
from storage.exports.pages import PublishedPage
from storage.exports.scans import Pixels, cut, pixels_of, png
from storage.exports.sets.cuts import Place, places_of

FOLDER = "zooniverse"
DOUBTFUL = ("doubtful", "rejected")

COLUMNS = (
    "image", "#page", "#collection", "#run", "#table", "#row", "#column", "#header", "#row_label",
    "#text", "#raw", "#status", "#confidence", "#polygon",
)  # fmt: skip

_AROUND = 0.8
_RED = (200, 30, 30)
_TALLEST = 1200


def write_page(page: PublishedPage, stem: str, out: Path) -> list[Path]:
    """Write the cut-outs of one page to `out/zooniverse/STEM/`; return the files.

    Raises `BadInput` where the scan is lost or damaged.
    """
    places = list(_doubtful(page))
    if not places:
        return []
    image = pixels_of(page)
    paths = []
    for place in places:
        path = out / FOLDER / _file(stem, place)
        write_file(path, png(_framed(image, place)))
        paths.append(path)
    return paths


class Writer(Growing[BinaryIO]):
    """Writes the manifest."""

    def __init__(self, out: Path) -> None:
        super().__init__(out / FOLDER / "manifest.csv")

    def open(self) -> BinaryIO:
        file = self.stack.enter_context(appearing(self.path))
        file.write(_line(COLUMNS))
        return file

    def write(self, page: PublishedPage, stem: str) -> None:
        """Add the doubtful cells of a page."""
        for place in _doubtful(page):
            with writing(self.path):
                self.opened().write(_line(_row(page, stem, place)))


def _doubtful(page: PublishedPage) -> Iterator[Place]:
    for place in places_of(page.transcription):
        doubtful = place.item.status in DOUBTFUL and not place.item.corrected
        if isinstance(place.item, Cell) and doubtful:
            yield place


def _row(page: PublishedPage, stem: str, place: Place) -> tuple[object, ...]:
    cell = place.item
    assert isinstance(cell, Cell)
    assert place.table is not None
    table = page.transcription.tables[place.table]
    label = next((c.text for c in table.cells if c.column == 0 and c.row == cell.row), "")
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in cell.polygon)
    return (
        _file(stem, place).as_posix(), page.name, page.collection, page.run, place.table, cell.row,
        cell.column, column_headers(table)[cell.column], label, cell.text, cell.raw, cell.status,
        f"{cell.confidence:.4f}", corners,
    )  # fmt: skip


def _framed(image: Pixels, place: Place) -> Pixels:
    found = cut(image, place.item.polygon, _AROUND)
    seen = found if found.ndim == 3 else np.repeat(found[..., None], 3, axis=2)
    height, width = seen.shape[:2]
    edge = round(_AROUND / (1 + 2 * _AROUND) * height)
    seen = np.ascontiguousarray(seen)
    corners = ((edge - 3, edge - 3), (width - edge + 2, height - edge + 2))
    cv2.rectangle(seen, *corners, _RED, max(2, height // 80))
    if height > _TALLEST:
        size = (max(1, width * _TALLEST // height), _TALLEST)
        seen = np.asarray(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), np.uint8)
    return seen


def _file(stem: str, place: Place) -> Path:
    return Path(stem) / f"{place.name}.png"


def _line(fields: tuple[object, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(fields)
    return text.getvalue().encode("utf-8", "replace")
