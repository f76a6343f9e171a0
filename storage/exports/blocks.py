"""A page as it is read: its regions, each with what stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.page import Line, Polygon, Region, RegionKind, Table, Transcription


@dataclass(frozen=True, slots=True)
class Block:
    """A region, its lines and its table, each with its number on the page.

    `region` and its number are `None` for lines and tables that are in none.
    """

    region: tuple[int, Region] | None = None
    lines: tuple[tuple[int, Line], ...] = ()
    table: tuple[int, Table] | None = None

    @property
    def kind(self) -> RegionKind:
        """The kind of the region, what holds it without one."""
        if self.region is not None:
            return self.region[1].kind
        return "text" if self.table is None else "table"


def blocks(page: Transcription) -> list[Block]:
    """Return a page's regions in reading order, then lines and tables that are in none.

    Where no regions are known, all lines come first.
    """
    lines: dict[int | None, list[tuple[int, Line]]] = {}
    for number, line in enumerate(page.lines):
        known = line.region if line.region is not None and line.region < len(page.regions) else None
        lines.setdefault(known, []).append((number, line))
    tables = dict(enumerate(page.tables))
    found = []
    for number, region in enumerate(page.regions):
        table = None if region.table is None else tables.pop(region.table, None)
        placed = None if table is None or region.table is None else (region.table, table)
        found.append(Block((number, region), tuple(lines.get(number, ())), placed))
    if None in lines:
        found.append(Block(lines=tuple(lines[None])))
    return [*found, *(Block(table=each) for each in tables.items())]


def in_order(page: Transcription) -> Iterator[Block]:
    """Yield the blocks of a page as they are read.

    Where no regions are known, a table comes before the first line that begins below its top.
    """
    if page.regions:
        yield from blocks(page)
        return
    waiting = sorted(enumerate(page.tables), key=lambda each: _top(each[1].polygon))
    run: list[tuple[int, Line]] = []
    for number, line in enumerate(page.lines):
        while waiting and _top(waiting[0][1].polygon) < _top(line.polygon):
            yield Block(lines=tuple(run))
            yield Block(table=waiting.pop(0))
            run = []
        run.append((number, line))
    yield Block(lines=tuple(run))
    for table in waiting:
        yield Block(table=table)


def _top(polygon: Polygon) -> float:
    return min(y for _, y in polygon)
