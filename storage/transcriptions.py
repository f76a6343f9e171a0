"""Transcriptions in and out of Postgres."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from pipeline.errors import BadInput
from pipeline.page import (
    Alternative,
    Cell,
    Line,
    Polygon,
    Table,
    Transcription,
    as_polygon,
    as_region,
    as_tag,
)
from storage import observations
from storage.database import may_pass, unavailable
from storage.languages import UNSPACED, configuration_of
from storage.rows import Rows

_AT_ONCE = 50

_INSERT = """
    insert into mill.transcription (page_id, run_id, width, height, angle, confidence, regions)
    select page, :run, width, height, angle, confidence, cast(regions as jsonb)
    from unnest(
        cast(:pages as bigint[]), cast(:widths as integer[]), cast(:heights as integer[]),
        cast(:angles as double precision[]), cast(:confidences as double precision[]),
        cast(:regions as text[])
    ) as read (page, width, height, angle, confidence, regions)
    order by page
    on conflict (page_id, run_id) do nothing
    returning page_id, id, (select language::text from mill.page
        join mill.collection on collection.id = collection_id where page.id = page_id) as language
"""

_HOLD = "select from mill.page where id = any(:pages) order by id for no key update"

_MAKE_CURRENT = """
    update mill.page set current_run_id = :run, current_asked_at = asked.at
    from (
        select page,
            coalesce((select created_at from mill.job where id = job), clock_timestamp()) as at
        from unnest(cast(:pages as bigint[]), cast(:jobs as bigint[])) as read (page, job)
    ) as asked
    where id = asked.page and coalesce(current_asked_at <= asked.at, true)
"""

_CORRECTED = """
    select number::text from mill.line_as_read where transcription_id = :id
    union all
    select concat_ws(' ', "table", "row", "column") from mill.cell_as_read
    where transcription_id = :id and correction_id is not null
"""


@dataclass(frozen=True, slots=True)
class ReadPage:
    """What was read on a page, and the job that it was read for, if any."""

    page_id: int
    transcription: Transcription
    job_id: int | None = None


def save(
    connection: Connection,
    page_id: int,
    run_id: int,
    transcription: Transcription,
    job_id: int | None = None,
) -> bool:
    """Store what a run read on a page, as `save_all` does; return whether it is new."""
    read = ReadPage(page_id, transcription, job_id)
    return bool(save_all(connection, run_id, [read]))


def save_all(connection: Connection, run_id: int, read: Iterable[ReadPage]) -> set[int]:
    """Store what a run read on pages, each once, and make it their current transcription.

    It does not become current where what is was asked for later than the job that this is of, as
    another job or by a rollback: whatever is asked for last stands, in whatever order it is read.
    Without a job it is asked for now.

    Returns the pages of which it is new: nothing is written where this run has read a page before.
    Of two writers at once the second waits for the first to commit or roll back, and then sees
    what stands. The caller commits; pages are held in the order of their ids, so that two who
    save several in one transaction each do not wait for each other.

    Coordinates are kept to 1/1000 px, confidences to 6 decimals; characters that Postgres cannot
    hold (NUL, lone surrogates) become U+FFFD. Raises `BadInput` where a number is not finite, a
    confidence not in 0..1, a cell outside its table or a text endless; nothing is written then, of
    any page.
    """
    with connection.begin_nested():  # a page that proves wrong half way leaves nothing
        written = _write(connection, run_id, {each.page_id: each for each in read})
    if not written:
        return set()
    add_words(connection, *(each.id for each in written))
    for each in written:
        observations.write(connection, each.id, each.read.transcription)
    pages = [each.read.page_id for each in written]
    connection.execute(text(_HOLD), {"pages": pages})
    connection.execute(
        text(_MAKE_CURRENT),
        {"run": run_id, "pages": pages, "jobs": [each.read.job_id for each in written]},
    )
    _lay_corrections(connection, pages, run_id)
    return set(pages)


@dataclass(frozen=True, slots=True)
class _Written:
    """A new transcription and its rows; `language` is its collection's."""

    id: int
    language: str
    read: ReadPage
    rows: Rows

    def of_lines(self) -> Iterator[str]:
        lines = self.read.transcription.lines
        for row, line in zip(self.rows.lines(), lines, strict=True):
            own = configuration_of(line.language) if line.language else self.language
            yield f"{self.id}\t{row}\t{own}\n"

    def of_tables(self) -> Iterator[str]:
        return (f"{self.id}\t{row}\n" for row in self.rows.tables())

    def of_cells(self) -> Iterator[str]:
        return (f"{self.id}\t{row}\t{self.language}\n" for row in self.rows.cells())


def _write(connection: Connection, run_id: int, read: Mapping[int, ReadPage]) -> list[_Written]:
    """Write the rows of those transcriptions that are new.

    They are made and sent by turns, so that Postgres stores some while the next are made.
    """
    pages = sorted(read)
    rows = {page: Rows(f"page {page}", read[page].transcription) for page in pages}
    made = connection.execute(
        text(_INSERT),
        {
            "run": run_id,
            "pages": pages,
            "widths": [int(read[page].transcription.width) for page in pages],
            "heights": [int(read[page].transcription.height) for page in pages],
            "angles": [rows[page].angle() for page in pages],
            "confidences": [mean_confidence(read[page].transcription) for page in pages],
            "regions": [rows[page].regions() for page in pages],
        },
    )
    new = [_Written(key, language, read[page], rows[page]) for page, key, language in made]
    for each in new:
        _add_languages(connection, each)
    try:
        _copy(
            connection,
            "line (transcription_id, number, region, text, confidence, status, polygon,"
            " alternatives, raw, joined, bcp47, script, tagged, language)",
            chain.from_iterable(each.of_lines() for each in new),
        )
        _copy(
            connection,
            '"table" (transcription_id, number, rows, columns, header_rows, polygon, relations)',
            chain.from_iterable(each.of_tables() for each in new),
        )
        _copy(
            connection,
            'cell (transcription_id, "table", "row", "column", row_span, column_span, text, raw,'
            " value, unit, confidence, status, polygon, alternatives, checks, language)",
            chain.from_iterable(each.of_cells() for each in new),
        )
    except psycopg.OperationalError as error:
        if may_pass(error):
            raise unavailable(error) from error
        raise
    return new


def _add_languages(connection: Connection, written: _Written) -> None:
    """Keep in which languages beside its own a collection is to be searched."""
    said = {line.language for line in written.read.transcription.lines if line.language}
    languages = {configuration_of(each) for each in said} - {written.language}
    if languages:
        connection.execute(
            text(
                "insert into mill.collection_language"
                " select collection_id, cast(language as regconfig)"
                " from mill.page, unnest(cast(:languages as text[])) as language"
                " where page.id = :page order by 2 on conflict do nothing"
            ),
            {"page": written.read.page_id, "languages": list(languages)},
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


def _lay_corrections(connection: Connection, pages: list[int], run_id: int) -> None:
    """Lay what was said of pages on a new reading; whoever says more waits until we commit."""
    said = text("select distinct page_id from mill.correction where page_id = any(:p) order by 1")
    for page_id in connection.scalars(said, {"p": pages}).all():
        from storage.corrections import lay_on  # it loads readings, by this module

        lay_on(connection, page_id, run_id)


def _copy(connection: Connection, target: str, rows: Iterator[str]) -> None:
    """Send rows of COPY text, if there are any."""
    some = list(islice(rows, _AT_ONCE))
    if not some:
        return
    driver = connection.connection.cursor()
    try:
        with driver.copy(f"copy mill.{target} from stdin") as copy:
            while some:
                copy.write("".join(some).encode("utf-8"))
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


def _polygon(numbers: list[float]) -> Polygon:
    return as_polygon(zip(numbers[::2], numbers[1::2], strict=True))


def _alternatives(pairs: list[list[Any]]) -> tuple[Alternative, ...]:
    return tuple(Alternative(reading, logprob) for reading, logprob in pairs)
