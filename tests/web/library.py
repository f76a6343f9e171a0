"""A small collection that was digitized: the drawn month of a ledger among the samples.

Nothing is read: its truth is saved as a transcription, with one figure wrong. In row 4 the maximum
of 50.9 stands as 86.9, so that the midpoint of that row fails until somebody corrects it.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, text

from pipeline.checks.check import check_table
from pipeline.page import Alternative, Cell, Line, Table, Transcription, from_json
from storage.jobs import ensure_collection
from storage.objects import ObjectStore
from storage.runs import ensure_run
from storage.transcriptions import save

SAMPLES = Path(__file__).parents[2] / "samples"
COLLECTION = "ledgers"
PAGE = "daily-ledger"

WRONG = (0, 4, 1)
"""Table, row and column of the cell that is wrong; `READ` stands there and `TRUE` should."""
READ, TRUE = "86.9", "50.9"


@dataclass(frozen=True, slots=True)
class Library:
    """What is in the database: one document of one page, read by one run."""

    collection: str
    document_id: int
    page_id: int
    run_id: int
    run: str
    sha256: str
    transcription: Transcription


@cache
def transcription() -> Transcription:
    """Return what was read on the page."""
    truth = from_json(json.loads((SAMPLES / f"{PAGE}.json").read_text("utf-8")))
    (table,) = truth.tables
    cells = tuple(map(_read, table.cells))
    notes = [line.text for line in truth.lines]
    lines = tuple(_line(line) for line in truth.lines)
    return replace(truth, lines=lines, tables=(_checked(replace(table, cells=cells), notes),))


def _checked(table: Table, notes: list[str]) -> Table:
    checked = check_table(table, None, notes)
    assert any(relation["failed"] for relation in checked.relations)
    return checked


def _read(cell: Cell) -> Cell:
    if (cell.row, cell.column) == WRONG[1:]:
        cell = replace(cell, text=READ, value=float(READ))
    if not cell.text:  # a blank is nothing that was read
        return replace(cell, raw="", confidence=1.0, alternatives=())
    sure = (Alternative(cell.text, math.log(0.9999)),)
    return replace(cell, raw=cell.text, confidence=0.9999, alternatives=sure)


def _line(line: Line) -> Line:
    return replace(line, confidence=0.95, alternatives=(Alternative(line.text, math.log(0.95)),))


def fill(connection: Connection, store: ObjectStore) -> Library:
    """Save the collection to an empty database, and commit."""
    image = (SAMPLES / f"{PAGE}.jpg").read_bytes()
    sha256 = store.put(image, "image/jpeg")
    collection_id = ensure_collection(connection, COLLECTION, "english")
    said = transcription()
    connection.execute(
        text(
            "insert into mill.image (sha256, media_type, bytes, width, height)"
            " values (:sha256, 'image/jpeg', :bytes, :width, :height)"
        ),
        {"sha256": sha256, "bytes": len(image), "width": said.width, "height": said.height},
    )
    page_id = connection.execute(
        text(
            "insert into mill.page (collection_id, image_sha256, name)"
            " values (:collection, :sha256, :name) returning id"
        ),
        {"collection": collection_id, "sha256": sha256, "name": PAGE},
    ).scalar_one()
    document_id = connection.execute(
        text(
            "insert into mill.document (collection_id, source, sha256, media_type)"
            " values (:collection, :source, :sha256, 'image/jpeg') returning id"
        ),
        {"collection": collection_id, "source": f"{PAGE}.jpg", "sha256": sha256},
    ).scalar_one()
    connection.execute(
        text(
            "insert into mill.document_page (document_id, number, page_id, name)"
            " values (:document, 0, :page, :name)"
        ),
        {"document": document_id, "page": page_id, "name": PAGE},
    )
    run_id = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    assert save(connection, page_id, run_id, said)
    run = connection.execute(
        text("select name from mill.run where id = :run"), {"run": run_id}
    ).scalar_one()
    connection.commit()
    return Library(COLLECTION, document_id, page_id, run_id, run, sha256, said)
