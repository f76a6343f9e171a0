"""What two runs read differently, and which of them was right where somebody says what is.

It is compared what the machine read: corrections, which lie on every reading, are left aside, and
then tell who was right. Places are the same where their polygons overlap, as corrections are
carried (`storage.corrections.placing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from pipeline.page import Cell, Line, Polygon, Transcription
from storage.corrections import CellPlace, LinePlace, Place, as_read
from storage.corrections.kept import standing_on
from storage.corrections.placing import NEAR, Standing, pair, place_all
from storage.readings import check_collection

_PAGES = """
    select page.id, page.name, collection.name as collection
    from mill.transcription as one
    join mill.transcription as other
        on other.page_id = one.page_id and other.run_id = :other
    join mill.page on page.id = one.page_id
    join mill.collection on collection.id = page.collection_id
    where one.run_id = :one
        and (cast(:collection as text) is null or collection.name = :collection)
    order by collection.name collate "C", page.name collate "C", page.id
"""

Who = Literal["both", "first", "second", "neither"]
"""Which of two runs was right."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a run read at a place: its text, how sure it was, and its status."""

    place: Place
    text: str
    confidence: float
    status: str


@dataclass(frozen=True, slots=True)
class Change:
    """A place that two runs read differently, `None` where a run has nothing there.

    `correction` is what a person says stands there, if anybody did.
    """

    polygon: Polygon
    first: Said | None
    second: Said | None
    correction: str | None


@dataclass(frozen=True, slots=True)
class PageComparison:
    """Two readings of one page.

    `places` is how many both have or either has text at, `statuses` what became of the status of
    those that both have, and `right` who was right where corrections tell.
    """

    page_id: int
    page: str
    collection: str
    places: int
    changes: tuple[Change, ...]
    statuses: Mapping[tuple[str, str], int]
    right: Mapping[Who, int]


def compare(
    connection: Connection, first: int, second: int, collection: str | None = None
) -> Iterator[tuple[PageComparison, Transcription, Transcription]]:
    """Yield, by name, what two runs read differently on the pages that both have read.

    With each come both readings, as the machine had them. Raises `BadInput` where there is no such
    collection.
    """
    if collection is not None:
        check_collection(connection, collection)
    key = {"one": first, "other": second, "collection": collection}
    for page_id, name, where in connection.execute(text(_PAGES), key).all():
        one, other = (as_read(connection, page_id, run) for run in (first, second))
        standing = standing_on(connection, page_id)
        corrected = [
            place_all(standing, reading, run) for reading, run in ((one, first), (other, second))
        ]
        found = _compare(one, other, corrected[0], corrected[1])
        yield PageComparison(page_id, name, where, *found), one, other


def _compare(
    one: Transcription,
    other: Transcription,
    on_one: Mapping[Place, Standing],
    on_other: Mapping[Place, Standing],
) -> tuple[int, tuple[Change, ...], Counter[tuple[str, str]], Counter[Who]]:
    here, there = _said(one), _said(other)
    pairs = _pairs(here, there)
    statuses: Counter[tuple[str, str]] = Counter()
    right: Counter[Who] = Counter()
    changes = []
    alone = [(None, place) for place in there.keys() - set(pairs.values())]
    places = 0
    for a, b in [*((place, pairs.get(place)) for place in here), *sorted(alone, key=_order)]:
        first, polygon = here[a] if a is not None else (None, there[b][1] if b else None)
        second = there[b][0] if b is not None else None
        if not ((first and first.text) or (second and second.text) or (first and second)):
            continue
        places += 1
        if first and second:
            statuses[first.status, second.status] += 1
        said = [on_one.get(a) if a else None, on_other.get(b) if b else None]
        truth = next((each.text for each in said if each is not None), None)
        if truth is not None:
            right[_who(first, second, truth)] += 1
        if (first.text if first else "") != (second.text if second else "") and polygon:
            changes.append(Change(polygon, first, second, truth))
    return places, tuple(changes), statuses, right


def _order(each: tuple[None, Place]) -> tuple[int, ...]:
    place = each[1]
    if isinstance(place, LinePlace):
        return -1, place.number, 0
    return place.table, place.row, place.column


def _who(first: Said | None, second: Said | None, truth: str) -> Who:
    one = (first.text if first else "") == truth
    other = (second.text if second else "") == truth
    if one and other:
        return "both"
    return "first" if one else "second" if other else "neither"


def _said(reading: Transcription) -> dict[Place, tuple[Said, Polygon]]:
    said: dict[Place, tuple[Said, Polygon]] = {}

    def add(place: Place, each: Line | Cell) -> None:
        said[place] = Said(place, each.text, each.confidence, each.status), each.polygon

    for number, line in enumerate(reading.lines):
        add(LinePlace(number), line)
    for number, table in enumerate(reading.tables):
        for cell in table.cells:
            add(CellPlace(number, cell.row, cell.column), cell)
    return said


def _pairs(
    here: Mapping[Place, tuple[Said, Polygon]], there: Mapping[Place, tuple[Said, Polygon]]
) -> dict[Place, Place]:
    """Return which place of one reading is which of the other; most have not moved at all."""
    pairs = {
        place: place
        for place, (_, polygon) in here.items()
        if place in there and _is_near(polygon, there[place][1])
    }
    left = [place for place in here if place not in pairs]
    right = [place for place in there if place not in pairs]
    found = pair(_polygons(here, left), _polygons(there, right))
    return pairs | {left[i]: right[j] for i, j in found.items()}


def _polygons(said: Mapping[Place, tuple[Said, Polygon]], places: Sequence[Place]) -> list[Polygon]:
    return [said[place][1] for place in places]


def _is_near(one: Polygon, other: Polygon) -> bool:
    return all(
        abs(x - u) <= NEAR and abs(y - v) <= NEAR for (x, y), (u, v) in zip(one, other, strict=True)
    )
