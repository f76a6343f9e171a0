"""Transcriptions in and out of Postgres, one page at a time.

A page with a dense table is some thousand rows; they go in through COPY, whose text is written
here because that is several times faster than adapting every value.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, ParamSpec, TypeVar, get_args

import psycopg
from sqlalchemy import Connection, text

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
    as_polygon,
    as_region,
    as_tag,
    region_as_json,
    tag_as_json,
)
from storage import observations
from storage.database import may_pass, unavailable
from storage.languages import UNSPACED, configuration_of

_FARTHEST = 1e8
LONGEST_TEXT = 200_000
_STATUSES = frozenset(get_args(Status))
_LINE_STATUSES = frozenset(get_args(LineStatus))
_REGION_KINDS = frozenset(get_args(RegionKind))
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_NULL = "\\N"
_AT_ONCE = 50
P = ParamSpec("P")
T = TypeVar("T")
_POLYGON = "{%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f}"

_MAKE_CURRENT = """
    with asked as (
        select coalesce((select created_at from mill.job where id = :job), clock_timestamp()) as at
    )
    update mill.page set current_run_id = :run, current_asked_at = asked.at from asked
    where id = :page and coalesce(current_asked_at <= asked.at, true)
"""

_HOLD_PAGE = "select from mill.page where id = :page for no key update"

_CORRECTED = """
    select number::text from mill.line_as_read where transcription_id = :id
    union all
    select concat_ws(' ', "table", "row", "column") from mill.cell_as_read
    where transcription_id = :id and correction_id is not null
"""


def save(
    connection: Connection,
    page_id: int,
    run_id: int,
    transcription: Transcription,
    job_id: int | None = None,
) -> bool:
    """Store what a run read on a page and make it the page's current transcription.

    It does not become current where what is was asked for later than the job that this is of, as
    another job or by a rollback: whatever is asked for last stands, in whatever order it is read.
    Without a job it is asked for now.

    Returns False, with nothing written, where this run has read the page before. Of two writers
    at once the second waits for the first to commit or roll back, and then sees what stands. The
    caller commits, page by page: who holds several pages open can deadlock with one who holds
    them in another order.

    Coordinates are kept to 1/1000 px, confidences to 6 decimals; characters that Postgres cannot
    hold (NUL, lone surrogates) become U+FFFD. Raises `BadInput` where a number is not finite, a
    confidence not in 0..1, a cell outside its table or a text endless; nothing is written then.
    """
    with connection.begin_nested():  # a page that proves wrong half way leaves nothing
        identity = _write(connection, page_id, run_id, transcription)
    if identity is None:
        return False
    add_words(connection, identity)
    observations.write(connection, identity, transcription)
    made_current = connection.execute(
        text(_MAKE_CURRENT), {"page": page_id, "run": run_id, "job": job_id}
    )
    if made_current.rowcount == 0:
        connection.execute(text(_HOLD_PAGE), {"page": page_id})
    _lay_corrections(connection, page_id, run_id)
    return True


def _write(
    connection: Connection, page_id: int, run_id: int, transcription: Transcription
) -> int | None:
    """Write the rows of a new transcription and return its id, `None` where there is one already.

    Cells are made and sent by turns, so that Postgres stores some while the next are made.
    """
    rows = _Rows(f"page {page_id}", transcription)
    made = connection.execute(
        text(
            "insert into mill.transcription"
            " (page_id, run_id, width, height, angle, confidence, regions)"
            " values (:page, :run, :width, :height, :angle, :confidence, cast(:regions as jsonb))"
            " on conflict (page_id, run_id) do nothing"
            " returning id, (select language::text from mill.page"
            " join mill.collection on collection.id = collection_id where page.id = :page)"
        ),
        {
            "page": page_id,
            "run": run_id,
            "width": int(transcription.width),
            "height": int(transcription.height),
            "angle": rows.angle,
            "confidence": mean_confidence(transcription),
            "regions": rows.regions,
        },
    ).one_or_none()
    if made is None:
        return None
    identity, language = made
    languages = [
        configuration_of(line.language) if line.language else language
        for line in transcription.lines
    ]
    _add_languages(connection, page_id, {*languages} - {language})
    try:
        _copy(
            connection,
            "line (transcription_id, number, region, text, confidence, status, polygon,"
            " alternatives, raw, joined, bcp47, script, tagged, language)",
            identity,
            (f"{line}\t{its}" for line, its in zip(rows.lines, languages, strict=True)),
        )
        _copy(
            connection,
            '"table" (transcription_id, number, rows, columns, header_rows, polygon, relations)',
            identity,
            rows.tables,
        )
        _copy(
            connection,
            'cell (transcription_id, "table", "row", "column", row_span, column_span, text, raw,'
            " value, unit, confidence, status, polygon, alternatives, checks, language)",
            identity,
            (f"{cell}\t{language}" for cell in rows.cells()),
        )
    except psycopg.OperationalError as error:
        if may_pass(error):
            raise unavailable(error) from error
        raise
    return int(identity)


def _add_languages(connection: Connection, page_id: int, languages: set[str]) -> None:
    """Keep in which languages beside its own a collection is to be searched."""
    if languages:
        connection.execute(
            text(
                "insert into mill.collection_language"
                " select collection_id, cast(language as regconfig)"
                " from mill.page, unnest(cast(:languages as text[])) as language"
                " where page.id = :page order by 2 on conflict do nothing"
            ),
            {"page": page_id, "languages": list(languages)},
        )


def mean_confidence(transcription: Transcription) -> float | None:
    """Return the mean over lines and cells that hold text, `None` where there are none."""
    sure = [line.confidence for line in transcription.lines if line.text]
    for table in transcription.tables:
        sure += [cell.confidence for cell in table.cells if cell.text]
    return sum(sure) / len(sure) if sure else None


def load(connection: Connection, page_id: int, run_id: int | None = None) -> Transcription:
    """Return what a run read on a page; without a run the page's current transcription.

    Raises `BadInput` where there is none.
    """
    head = connection.execute(
        text(
            "select transcription.id, transcription.width, transcription.height, angle, regions"
            " from mill.transcription join mill.page on page.id = page_id"
            " where page_id = :page and run_id = coalesce(:run, current_run_id)"
        ),
        {"page": page_id, "run": run_id},
    ).one_or_none()
    if head is None:
        raise BadInput(f"page {page_id}", "not yet read", "wait for its job, or digitize it")
    key = {"id": head.id}
    lines = connection.execute(
        text(
            "select number, text, confidence, status, polygon, alternatives, raw, joined, bcp47,"
            " script, tagged, region from mill.line where transcription_id = :id order by number"
        ),
        key,
    )
    corrected = set(connection.execute(text(_CORRECTED), key).scalars())
    tables = connection.execute(
        text(
            "select number, rows, columns, header_rows, polygon, relations"
            ' from mill."table" where transcription_id = :id order by number'
        ),
        key,
    ).all()
    cells = connection.execute(
        text(
            'select "table", "row", "column", row_span, column_span, text, raw, value, unit,'
            " confidence, status, polygon, alternatives, checks from mill.cell"
            ' where transcription_id = :id order by "table", "row", "column"'
        ),
        key,
    )
    grids: dict[int, list[Cell]] = {table.number: [] for table in tables}
    for number, *cell, polygon, alternatives, checks in cells:
        row, column, row_span, column_span, reading, raw, value, unit, confidence, status = cell
        grids[number].append(
            Cell(
                row=row,
                column=column,
                row_span=row_span,
                column_span=column_span,
                text=reading,
                raw=raw,
                value=value,
                unit=unit,
                confidence=confidence,
                status=status,
                polygon=_polygon(polygon),
                alternatives=_alternatives(alternatives),
                checks=tuple(checks),
                corrected=f"{number} {row} {column}" in corrected,
            )
        )
    return Transcription(
        width=head.width,
        height=head.height,
        angle=head.angle,
        lines=tuple(
            Line(
                line.text,
                line.confidence,
                _polygon(line.polygon),
                _alternatives(line.alternatives),
                line.status,
                str(line.number) in corrected,
                line.raw,
                line.joined,
                line.bcp47,
                line.script,
                tuple(map(as_tag, line.tagged or ())),
                None if head.regions is None else line.region,
            )
            for line in lines
        ),
        tables=tuple(
            Table(
                polygon=_polygon(table.polygon),
                rows=table.rows,
                columns=table.columns,
                cells=tuple(grids[table.number]),
                header_rows=table.header_rows,
                relations=tuple(table.relations),
            )
            for table in tables
        ),
        regions=tuple(map(as_region, head.regions or ())),
    )


def _lay_corrections(connection: Connection, page_id: int, run_id: int) -> None:
    """Lay what was said of the page on a new reading; whoever says more waits until we commit."""
    said = text("select exists (select from mill.correction where page_id = :page)")
    if connection.scalar(said, {"page": page_id}):
        from storage.corrections import lay_on  # it loads readings, by this module

        lay_on(connection, page_id, run_id)


def _copy(connection: Connection, target: str, identity: int, rows: Iterable[str]) -> None:
    """Send rows of COPY text, each lacking its first field, the transcription."""
    rows = iter(rows)
    some = list(islice(rows, _AT_ONCE))
    if not some:
        return
    driver = connection.connection.cursor()
    try:
        with driver.copy(f"copy mill.{target} from stdin") as copy:
            while some:
                copy.write("".join([f"{identity}\t{row}\n" for row in some]).encode("utf-8"))
                some = list(islice(rows, _AT_ONCE))
    finally:
        driver.close()


def add_words(connection: Connection, *transcription_ids: int) -> None:
    """Add the words of transcriptions to the vocabulary that fuzzy search looks through.

    In alphabetical order, and so all that a transaction has at once: two writers that bring the
    same words must not wait for each other.
    """
    connection.execute(
        text(
            "insert into mill.word"
            " select distinct lexeme"
            " from ("
            "  select concat_ws(' ', text, joined) as text, language, search from mill.line"
            "  where transcription_id = any(:ids) union all"
            "  select text, language, search from mill.cell"
            "  where transcription_id = any(:ids) and search is not null"
            # Where the language changes no word, `search` holds them as they are.
            " ) as reading, unnest(case when language = 'simple'::regconfig then search"
            " else to_tsvector('simple', mill.search_text(text)) end)"
            # Pairs of characters stand for themselves.
            " where lexeme ~ '[[:alpha:]]' and lexeme !~ :unspaced"
            " and length(lexeme) between 2 and 50"
            " order by lexeme on conflict do nothing"
        ),
        {"ids": list(transcription_ids), "unspaced": f"[{UNSPACED}]"},
    )


class _Flaw(Exception):
    """What is wrong with a part of a transcription: the end of a sentence that begins with it."""


class _Rows:
    """A transcription as rows of COPY text, checked while they are made: cells when asked for."""

    def __init__(self, page: str, transcription: Transcription) -> None:
        self._page = page
        self._grids = transcription.tables
        self.angle = self._made("angle", _number, transcription.angle)
        self.regions = self._regions(transcription)
        regions = len(transcription.regions)
        self.lines = [
            self._made(f"line {number}", _line, number, line, regions)
            for number, line in enumerate(transcription.lines)
        ]
        self.tables = [
            self._made(f"table {number}", _table, number, table)
            for number, table in enumerate(transcription.tables)
        ]

    def _made(self, what: str, make: Callable[P, T], *said: P.args, **named: P.kwargs) -> T:
        try:
            return make(*said, **named)
        except _Flaw as flaw:
            raise self._wrong(f"{what}{flaw}") from None

    def _regions(self, transcription: Transcription) -> str | None:
        """Return the regions as JSON for a parameter, `None` where there are none."""
        for number, region in enumerate(transcription.regions):
            self._made(f"region {number}", _corners, region.polygon)
            if region.kind not in _REGION_KINDS:
                raise self._wrong(f"region {number} is of kind {region.kind!r}")
        said = [region_as_json(region) for region in transcription.regions]
        return json.dumps(said, allow_nan=False) if said else None

    def cells(self) -> Iterator[str]:
        """Yield the cells of all tables. Raises `BadInput` at one that is wrong."""
        for number, table in enumerate(self._grids):
            yield from self._cells(number, table)

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


def _polygon(numbers: list[float]) -> Polygon:
    return as_polygon(zip(numbers[::2], numbers[1::2], strict=True))


def _alternatives(pairs: list[list[Any]]) -> tuple[Alternative, ...]:
    return tuple(Alternative(reading, logprob) for reading, logprob in pairs)
