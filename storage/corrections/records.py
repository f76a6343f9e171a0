"""What a correction is, and where on a page it may stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.errors import LedgermillError
from pipeline.page import Polygon


@dataclass(frozen=True, slots=True, order=True)
class LinePlace:
    """A line of a page's reading, by its number from 0 in reading order."""

    number: int


@dataclass(frozen=True, slots=True, order=True)
class CellPlace:
    """A cell of a page's reading: the table's number, the row and column, each from 0."""

    table: int
    row: int
    column: int


Place = LinePlace | CellPlace


@dataclass(frozen=True, slots=True)
class Correction:
    """What somebody said stands at a place of a page; `spot` is shared by all said of that place.

    `run_id` and `made_at` are the reading that the author saw and the place in it; `read` is what
    the machine had said there, `polygon` where that is on the page. `in_effect` tells whether it is
    the newest of its spot that was not withdrawn. If so, `place` is where it now lies on the page's
    current reading, `reads` what that reading says there itself, and it `disagrees` where that is
    another run than the author saw and says something else; `place` is `None` where the current
    reading has nothing that covers the polygon.
    """

    id: int
    spot: int
    page_id: int
    run_id: int
    made_at: Place
    polygon: Polygon
    text: str
    read: str
    author: str
    created_at: datetime
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    in_effect: bool
    place: Place | None
    reads: str | None
    disagrees: bool


class Conflict(LedgermillError):
    """Somebody else changed that place meanwhile: `newest` is what is in effect there, if any."""

    def __init__(self, newest: Correction | None) -> None:
        if newest is None:
            said = "the correction that you saw was withdrawn meanwhile"
        else:
            said = f"{newest.author} has corrected this place to {newest.text!r} meanwhile"
        super().__init__(f"correction: {said}; look at it, then correct it again")
        self.newest = newest
