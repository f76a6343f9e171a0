"""What hits have in common: collection, year, variable, and the flags of checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from storage.search import Hit

FACETS = ("collection", "year", "variable", "flag")
_MOST = 12

_OBSERVED = """
    select page.id as page_id,
        substring(page.name from '(?<![0-9])(1[5-9][0-9]{2}|20[0-9]{2})(?![0-9])') as named,
        observed."table", observed.first_column, observed.variables,
        array(
            select distinct extract(year from day)::int
            from unnest(observed.row_dates || observed.column_dates) as day where day is not null
        ) as years
    from mill.page
    left join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    left join mill.observed on observed.transcription_id = transcription.id
    where page.id = any(:pages)
"""

_CHECKS = """
    select asked.number, cell.checks, cell.status
    from unnest(cast(:pages as bigint[]), cast(:tables as int[]), cast(:rows as int[]),
            cast(:columns as int[]))
        with ordinality as asked (page_id, "table", "row", "column", number)
    join mill.page on page.id = asked.page_id
    join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    join mill.cell on cell.transcription_id = transcription.id and cell."table" = asked."table"
        and cell."row" = asked."row" and cell."column" = asked."column"
"""

_PLACES = """
    select asked.number,
        (select string_agg(head.text, ' ' order by head."row")
            from mill.cell as head
            where head.transcription_id = grid.transcription_id and head."table" = grid.number
                and head."row" < least(grid.header_rows, asked."row")
                and head."column" <= asked."column"
                and head."column" + head.column_span > asked."column"
                and head.text <> '') as head,
        (select first.text from mill.cell as first
            where first.transcription_id = grid.transcription_id and first."table" = grid.number
                and first."column" = 0 and first."row" <= asked."row"
                and first."row" + first.row_span > asked."row"
            order by first."row" desc limit 1) as label
    from unnest(cast(:pages as bigint[]), cast(:tables as int[]), cast(:rows as int[]),
            cast(:columns as int[]))
        with ordinality as asked (page_id, "table", "row", "column", number)
    join mill.page on page.id = asked.page_id
    join mill.transcription on transcription.page_id = page.id
        and transcription.run_id = page.current_run_id
    join mill."table" as grid on grid.transcription_id = transcription.id
        and grid.number = asked."table"
"""

_SIZES = """
    select page.id, image.width, image.height
    from mill.page join mill.image on image.sha256 = page.image_sha256
    where page.id = any(:pages)
"""


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a hit besides its text."""

    collection: str
    years: frozenset[str]
    variable: str | None
    flags: frozenset[str]

    def of(self, facet: str) -> frozenset[str]:
        if facet == "collection":
            return frozenset({self.collection})
        if facet == "variable":
            return frozenset({self.variable}) if self.variable else frozenset()
        return self.years if facet == "year" else self.flags


def describe(connection: Connection, hits: Sequence[Hit]) -> list[Described]:
    """Return what is known of each hit. A page without dates is of the year in its name."""
    ids = sorted({hit.page_id for hit in hits})
    named: dict[int, set[str]] = {}
    years: dict[int, set[str]] = {}
    variables: dict[tuple[int, int, int], str] = {}
    for row in connection.execute(text(_OBSERVED), {"pages": ids}):
        named[row.page_id] = {row.named} if row.named else set()
        years.setdefault(row.page_id, set()).update(str(year) for year in row.years)
        for offset, variable in enumerate(row.variables or ()):
            if variable is not None:
                variables[row.page_id, row.table, row.first_column + offset] = variable
    flags = _flags(connection, hits)
    return [
        Described(
            hit.collection,
            frozenset(years.get(hit.page_id) or named[hit.page_id]),
            variables.get((hit.page_id, hit.table or 0, hit.column or 0))
            if hit.kind == "cell"
            else None,
            flags.get(number, frozenset()),
        )
        for number, hit in enumerate(hits)
    ]


def _flags(connection: Connection, hits: Sequence[Hit]) -> dict[int, frozenset[str]]:
    cells = [number for number, hit in enumerate(hits) if hit.kind == "cell"]
    if not cells:
        return {}
    rows = connection.execute(text(_CHECKS), _asked([hits[number] for number in cells]))
    return {
        cells[row.number - 1]: frozenset(
            {
                row.status,
                *(check[3:] for check in row.checks if check.startswith("qc:")),
                *(check for check in row.checks if check.endswith(":fail")),
            }
            - {"plain"}
        )
        for row in rows
    }


def places(connection: Connection, hits: Sequence[Hit]) -> list[str]:
    """Return where each hit stands, in words: the head and the label of a cell, if it has them."""
    cells = [number for number, hit in enumerate(hits) if hit.kind == "cell"]
    asked = _asked([hits[number] for number in cells])
    rows = connection.execute(text(_PLACES), asked) if cells else ()
    named = {cells[row.number - 1]: (row.head, row.label) for row in rows}
    said = []
    for number, hit in enumerate(hits):
        if hit.kind == "line":
            said.append(f"line {(hit.number or 0) + 1}")
            continue
        head, label = named.get(number, (None, None))
        column = head or f"column {(hit.column or 0) + 1}"
        row = label if label and hit.column else f"row {(hit.row or 0) + 1}"
        said.append(f"{column}, {row}")
    return said


def _asked(cells: Sequence[Hit]) -> dict[str, list[int | None]]:
    return {
        "pages": [hit.page_id for hit in cells],
        "tables": [hit.table for hit in cells],
        "rows": [hit.row for hit in cells],
        "columns": [hit.column for hit in cells],
    }


def narrow(hits: Sequence[Hit], described: list[Described], chosen: Mapping[str, str]) -> list[Hit]:
    """Return the hits that have the chosen values; `described` is cut down alike, in place."""
    kept = [
        (hit, said)
        for hit, said in zip(hits, described, strict=True)
        if all(value in said.of(facet) for facet, value in chosen.items())
    ]
    described[:] = [said for _, said in kept]
    return [hit for hit, _ in kept]


def count(hits: Sequence[Hit], described: Sequence[Described]) -> dict[str, list[tuple[str, int]]]:
    """Return each facet's values with how many hits have them, the most frequent first."""
    counted: dict[str, list[tuple[str, int]]] = {}
    for facet in FACETS:
        counts = Counter(
            value for _, said in zip(hits, described, strict=True) for value in said.of(facet)
        )
        best = counts.most_common(_MOST)
        counted[facet] = sorted(best) if facet == "year" else best
    return counted


def sizes(connection: Connection, page_ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Return width and height of pages, in pixels."""
    rows = connection.execute(text(_SIZES), {"pages": sorted(page_ids)})
    return {page_id: (width, height) for page_id, width, height in rows}
