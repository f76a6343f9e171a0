"""The observations of a job or a collection as files, and what its pages did not tell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from storage.exports.observed import FORMATS, Written, export
from storage.observations import Silent, observations_of, silent_pages
from storage.stations import stations

_NAMED = 5
"""So many pages are named of those that gave nothing."""


def export_selected(
    connection: Connection,
    out: Path,
    formats: Sequence[str],
    collection: str | None = None,
    job: int | None = None,
) -> Written:
    """Write what was observed to the folder `out` in those of the formats that take it.

    `kept_back` has a line for each reason for which pages told less than they hold; who asks for
    CSV alone need not know of observations. Raises `BadInput` where there is no such job or
    collection, and `Unavailable` where a file cannot be written.
    """
    if not set(formats) & set(FORMATS):
        return Written()
    found = observations_of(connection, collection, job)
    written = export(found, out, formats, stations(connection))
    if written.observations or {"parquet", "sef"} & set(formats):
        written.kept_back += _kept_back(silent_pages(connection, collection, job))
    return written


def _kept_back(pages: Sequence[Silent]) -> list[str]:
    """Return what to say of pages that hold more than was observed, a line for each reason."""
    lines = []
    mute = [page.page for page in pages if not page.observed]
    if mute:
        lines.append(
            f"{_named(mute)}: no observations, since no date or no variable is known; say them "
            "with `ledgermill station set`"
        )
    by_head: dict[str, list[str]] = {}
    for page in pages:
        for head in page.unknown:
            by_head.setdefault(head, []).append(page.page)
    lines += [
        f"column {head!r} of {_named(those)}: left out, since its variable is not known; say it "
        "with `ledgermill station set`"
        for head, those in sorted(by_head.items())
    ]
    return lines


def _named(pages: Sequence[str]) -> str:
    more = len(pages) - _NAMED
    return ", ".join(pages[:_NAMED]) + (f" and {more} more pages" if more > 0 else "")
