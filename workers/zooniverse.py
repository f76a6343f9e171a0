"""Classification exports of Zooniverse projects, read as opinions.

The export is the CSV that a project's page "Data exports" gives: a row for each classification,
with the subject's manifest as JSON. `ledgermill export --format zooniverse` makes such subjects;
their manifest names page, run and place, which come back here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import BadInput
from storage.corrections import CellPlace, LinePlace, Place
from storage.opinions import Item

LARGEST = 2 << 30
LONGEST_FIELD = 1 << 20
COLUMNS = ("user_name", "annotations", "subject_data")
UNREADABLE = {"", "?", "unreadable", "illegible", "[unclear]", "unclear"}
"""Answers that say nothing of what stands there."""


@dataclass(frozen=True, slots=True)
class Classification:
    """One person's answer to one subject, or `reason` why the row at `line` is none."""

    line: int
    item: Item | None = None
    author: str = ""
    text: str = ""
    reason: str = ""


def read_classifications(file: Path) -> Iterator[Classification]:
    """Yield the rows of an export in their order; those that say nothing have a `reason`.

    Raises `BadInput` where the file is no such export.
    """
    remedy = "give the classification export of a Zooniverse project (CSV)"
    csv.field_size_limit(LONGEST_FIELD)
    try:
        if file.stat().st_size > LARGEST:
            raise BadInput(str(file), f"is larger than {LARGEST >> 30} GiB", "split it")
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if missing := set(COLUMNS) - set(rows.fieldnames or ()):
                reason = f"has no column {', '.join(sorted(missing))}"
                raise BadInput(str(file), reason, remedy)
            for row in rows:
                yield _classification(rows.line_num, row)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(str(file), f"cannot be read ({error})", remedy) from error


def _classification(line: int, row: Mapping[str, str | None]) -> Classification:
    try:
        texts = _texts(json.loads(row["annotations"] or "[]"))
        item = _item(json.loads(row["subject_data"] or "{}"))
    except (ValueError, TypeError, RecursionError):
        return Classification(line, reason="its JSON is damaged")
    name = (row["user_name"] or "").strip()
    if item is None:
        return Classification(line, reason="its subject names no page, run and place")
    if not name:
        return Classification(line, reason="it names no person")
    if len(texts) != 1:
        return Classification(line, reason=f"it holds {len(texts)} texts in place of one")
    if texts[0].strip().lower() in UNREADABLE:
        return Classification(line, reason="it says that nothing can be read")
    return Classification(line, item, f"zooniverse:{name}", " ".join(texts[0].split()))


def _texts(annotations: Any) -> list[str]:
    """Return what was typed: the values of text tasks, alone or within a combined task."""
    found = []
    for each in annotations if isinstance(annotations, list) else []:
        value = each.get("value") if isinstance(each, dict) else None
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            found += _texts(value)
    return found


def _item(subjects: Any) -> Item | None:
    """Return the place that a subject's manifest names; a mark before a name hides the column."""
    if not isinstance(subjects, dict) or len(subjects) != 1:
        return None
    [manifest] = subjects.values()
    if not isinstance(manifest, dict):
        return None
    said = {str(name).lstrip("#!/ ").lower(): value for name, value in manifest.items()}
    page, run = _whole(said.get("page_id")), _whole(said.get("run_id"))
    place: Place | None = None
    line = _whole(said.get("line"))
    table, at, column = (_whole(said.get(name)) for name in ("table", "row", "column"))
    if line is not None:
        place = LinePlace(line)
    elif table is not None and at is not None and column is not None:
        place = CellPlace(table, at, column)
    return None if page is None or run is None or place is None else Item(page, run, place)


def _whole(value: Any) -> int | None:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
