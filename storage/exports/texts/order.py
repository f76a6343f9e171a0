"""Lines and tables in the order in which a page is read."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.page import Line, Polygon, Table, Transcription


def in_order(page: Transcription) -> Iterator[Line | Table]:
    """Yield the lines in their order, each table before the first line that begins below its top.

    Lines without text are left out.
    """
    waiting = sorted(page.tables, key=lambda table: _top(table.polygon))
    for line in page.lines:
        if not line.text.strip():
            continue
        while waiting and _top(waiting[0].polygon) < _top(line.polygon):
            yield waiting.pop(0)
        yield line
    yield from waiting


def _top(polygon: Polygon) -> float:
    return min(y for _, y in polygon)
