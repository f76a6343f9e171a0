"""A transcription as rows of COPY text.

A page with a dense table is some thousand rows; their text is written here because that is several
times faster than adapting every value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar, get_args

from pipeline.errors import BadInput
from pipeline.page import (
    Alternative,
    Cell,
    Line,
    LineStatus,
    Polygon,
    RegionKind,
    Status,
    Table,
    Transcription,
    region_as_json,
    tag_as_json,
)

_FARTHEST = 1e8
LONGEST_TEXT = 200_000
_STATUSES = frozenset(get_args(Status))
_LINE_STATUSES = frozenset(get_args(LineStatus))
_REGION_KINDS = frozenset(get_args(RegionKind))
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"
P = ParamSpec("P")
T = TypeVar("T")
_POLYGON = "{%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f}"


class _Flaw(Exception):
    """What is wrong with a part of a transcription: the end of a sentence that begins with it."""


class Rows:
    """A transcription as rows of COPY text, each checked when it is asked for.

    A row lacks what the database says: its first column, the transcription, and the last of lines
    and cells, the language. Every method raises `BadInput` at what is wrong, naming the `page`.
    """

    def __init__(self, page: str, transcription: Transcription) -> None:
        self._page = page
        self._read = transcription

    def angle(self) -> float:
        return self._made("angle", _number, self._read.angle)

    def regions(self) -> str | None:
        """Return the regions as JSON for a parameter, `None` where there are none."""
        for number, region in enumerate(self._read.regions):
            self._made(f"region {number}", _corners, region.polygon)
            if region.kind not in _REGION_KINDS:
                raise self._wrong(f"region {number} is of kind {region.kind!r}")
        said = [region_as_json(region) for region in self._read.regions]
        return json.dumps(said, allow_nan=False) if said else None

    def lines(self) -> Iterator[str]:
        regions = len(self._read.regions)
        for number, line in enumerate(self._read.lines):
            yield self._made(f"line {number}", _line, number, line, regions)

    def tables(self) -> Iterator[str]:
        for number, table in enumerate(self._read.tables):
            yield self._made(f"table {number}", _table, number, table)

    def cells(self) -> Iterator[str]:
        for number, table in enumerate(self._read.tables):
            yield from self._cells(number, table)

    def _made(self, what: str, make: Callable[P, T], *said: P.args, **named: P.kwargs) -> T:
        try:
            return make(*said, **named)
        except _Flaw as flaw:
            raise self._wrong(f"{what}{flaw}") from None

    def _cells(self, number: int, table: Table) -> Iterator[str]:
        taken: set[tuple[int, int]] = set()
        for cell in table.cells:
            place = (cell.row, cell.column)
            try:
                if place in taken:
                    raise _Flaw(" is there twice")
                taken.add(place)
                row = _cell(number, cell, table)
            except _Flaw as flaw:
                what = f"cell {cell.row},{cell.column} of table {number}"
                raise self._wrong(f"{what}{flaw}") from None
            yield row

    def _wrong(self, reason: str) -> BadInput:
        return BadInput(
            self._page,
            f"its transcription is wrong ({reason})",
            "report it as a fault of the engine",
        )


def _cell(number: int, cell: Cell, table: Table) -> str:
    """Return a cell's row; there are thousands a page, so what is usual is done in place."""
    row, column, text, value = cell.row, cell.column, cell.text, cell.value
    if not (
        0 <= row < row + cell.row_span <= table.rows
        and 0 <= column < column + cell.column_span <= table.columns
    ):
        raise _Flaw(f" lies outside its {table.rows} x {table.columns} grid")
    if cell.status not in _STATUSES:
        raise _Flaw(f" has status {cell.status!r}")
    confidence = cell.confidence
    if not 0 <= confidence <= 1:  # also true of NaN
        raise _Flaw(f": confidence is {confidence}")
    plain = text.isprintable() and "\\" not in text and len(text) <= LONGEST_TEXT
    reading = text if plain else _text(text)
    raw = reading if cell.raw == text else _text(cell.raw)
    return (
        f"{number}\t{row}\t{column}\t{cell.row_span}\t{cell.column_span}\t{reading}\t{raw}"
        f"\t{_NULL if value is None else repr(_number(value))}"
        f"\t{_NULL if cell.unit is None else _text(cell.unit)}"
        f"\t{confidence:.6f}\t{cell.status}\t{_corners(cell.polygon)}"
        f"\t{_others(cell.alternatives) if cell.alternatives else '[]'}"
        f"\t{_array(cell.checks) if cell.checks else '{}'}"
    )


def _line(number: int, line: Line, regions: int) -> str:
    if line.status not in _LINE_STATUSES:
        raise _Flaw(f" has status {line.status!r}")
    if line.region is not None and not 0 <= line.region < regions:
        raise _Flaw(f" is in region {line.region} of {regions}")
    if not 0 <= line.confidence <= 1:  # also true of NaN
        raise _Flaw(f": confidence is {line.confidence}")
    if not all(0 <= tag.start < tag.end <= len(line.text) for tag in line.tagged):
        raise _Flaw(": something is tagged that it does not hold")
    known = (line.raw, line.joined, line.language, line.script)
    raw, joined, language, script = (_NULL if each is None else _text(each) for each in known)
    return (
        f"{number}\t{_NULL if line.region is None else line.region}\t{_text(line.text)}"
        f"\t{line.confidence:.6f}\t{line.status}\t{_corners(line.polygon)}"
        f"\t{_others(line.alternatives)}\t{raw}\t{joined}\t{language}\t{script}"
        f"\t{_json([tag_as_json(tag) for tag in line.tagged]) if line.tagged else _NULL}"
    )


def _table(number: int, table: Table) -> str:
    relations = _json([dict(relation) for relation in table.relations])
    return (
        f"{number}\t{table.rows}\t{table.columns}\t{table.header_rows}"
        f"\t{_corners(table.polygon)}\t{relations}"
    )


def _number(value: float) -> float:
    if not math.isfinite(value):
        raise _Flaw(f" is {value}")
    return float(value)


def _text(value: str) -> str:
    if len(value) > LONGEST_TEXT:
        raise _Flaw(f": its text has {len(value)} characters")
    return value if _is_plain(value) else _escape(UNSTORABLE.sub("\ufffd", value))


def _corners(polygon: Polygon) -> str:
    try:
        (a, b), (c, d), (e, f), (g, h) = polygon
    except (TypeError, ValueError):
        raise _Flaw(f": its polygon is {polygon}") from None
    far = abs(a) + abs(b) + abs(c) + abs(d) + abs(e) + abs(f) + abs(g) + abs(h)
    if not far <= _FARTHEST:  # also true of NaN
        raise _Flaw(f": its polygon is {polygon}")
    return _POLYGON % (a, b, c, d, e, f, g, h)


def _others(alternatives: tuple[Alternative, ...]) -> str:
    if not alternatives:
        return "[]"
    if all(_is_plain(other.text) and '"' not in other.text for other in alternatives):
        pairs = [f'["{other.text}", {_number(other.logprob)!r}]' for other in alternatives]
        return f"[{', '.join(pairs)}]"
    return _json([[other.text, float(other.logprob)] for other in alternatives])


def _array(values: tuple[str, ...]) -> str:
    return _escape(f"{{{','.join(map(_element, values))}}}")


def _json(value: Any) -> str:
    try:
        written = json.dumps(_storable(value), ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise _Flaw(": a number is not finite") from None
    return _escape(written)


def _storable(value: Any) -> Any:
    """Return a JSON value whose strings Postgres can hold."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def _is_plain(value: str) -> bool:
    """Tell whether a text means itself in COPY; most do, and need no more work."""
    return value.isprintable() and "\\" not in value


def _escape(value: str) -> str:
    return value if _is_plain(value) else value.translate(_ESCAPES)


def _element(value: str) -> str:
    """Return a string as an element of an array literal."""
    quoted = UNSTORABLE.sub("\ufffd", value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
