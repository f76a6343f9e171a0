"""Ten million lines and fifty million cells: what search, SQL, status and queueing take on them.

    taskset -c 1 python benchmarks/scale.py FOLDER [--lines 1e7] [--cells-a-line 5] [--keep]
    python benchmarks/scale.py FOLDER --lines 1e5        # a minute or two

Fills the embedded Postgres of FOLDER, unless it is filled already, and measures on it; then its
services are stopped and the folder is deleted, unless `--keep` is said. The text is drawn: words by
Zipf's law, one in fifty misread by a letter, pages of 50 lines and one table, the first twentieth
read twice. Lines go in as `storage.transcriptions` writes them, by COPY; so do the cells of the
first pages, of which the others are copies. The indexes are built afterwards. Seeded. The table
goes to `benchmarks/results/scale.md`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from report import ROOT, machine, markdown, percent

sys.path.insert(0, str(ROOT))

import sqlalchemy
from sqlalchemy import text

if TYPE_CHECKING:
    from pipeline.page import Transcription
    from storage.sql import Answer

RESULTS = ROOT / "benchmarks" / "results" / "scale.md"
SEED = 20260101
LINES_A_PAGE = 50
COLLECTIONS = ("simple",) * 6 + ("english",) * 2
READ_TWICE = 20
"""One page in so many, the first ones, has been read by an earlier run."""

COLUMNS = {
    "line": "transcription_id, number, region, text, confidence, status, polygon, alternatives,"
    " raw, joined, bcp47, script, tagged, language",
    "cell": 'transcription_id, "table", "row", "column", row_span, column_span, text, raw, value,'
    " unit, confidence, status, polygon, alternatives, checks, language",
}


# --- what is written --------------------------------------------------------------------------


class Words:
    """A vocabulary and how often each word is used."""

    def __init__(self, count: int = 300_000) -> None:
        rng = np.random.default_rng(SEED)
        onsets = np.array("b c d f g h l m n p r s t v w st tr pl ch sh br".split(" "))  # noqa: SIM905
        vowels = np.array("a e i o u ai ea ou".split(" "))  # noqa: SIM905
        codas = np.array(["", "", "", "n", "r", "s", "t", "l", "m", "nd", "st"])
        parts = [
            np.char.add(
                np.char.add(rng.choice(onsets, 2 * count), rng.choice(vowels, 2 * count)), c
            )
            for c in rng.choice(codas, (4, 2 * count))
        ]
        syllables = rng.choice([1, 2, 3, 4], 2 * count, p=[0.1, 0.4, 0.35, 0.15])
        made = parts[0]
        for number, part in enumerate(parts[1:], 2):
            made = np.char.add(made, np.where(syllables >= number, part, ""))
        self.words: list[str] = list(dict.fromkeys(made.tolist()))[:count]
        weight = 1 / (np.arange(len(self.words)) + 2.7) ** 1.07
        self._cumulative = np.cumsum(weight / weight.sum())
        self._weight = weight / weight.sum()

    def draw(self, rng: np.random.Generator, count: int) -> list[str]:
        """Return words, one in fifty with a letter misread."""
        words = self.words
        ranks = np.searchsorted(self._cumulative, rng.random(count)).clip(max=len(words) - 1)
        drawn = [words[rank] for rank in ranks.tolist()]
        for place in np.flatnonzero(rng.random(count) < 0.02).tolist():
            drawn[place] = misread(drawn[place], rng)
        return drawn

    def around(self, hits: float, tokens: float, count: int, rng: np.random.Generator) -> list[str]:
        """Return words that are used about `hits` times among `tokens` words."""
        middle = int(np.abs(self._weight * tokens - hits).argmin())
        ranks = rng.integers(int(middle * 0.7), int(middle * 1.3) + 2, count)
        return [self.words[min(rank, len(self.words) - 1)] for rank in ranks.tolist()]


def misread(word: str, rng: np.random.Generator) -> str:
    place = int(rng.integers(len(word)))
    return f"{word[:place]}{'aceinorstu'[int(rng.integers(10))]}{word[place + 1 :]}"


def drawn_page(words: Words, rng: np.random.Generator, rows: int, columns: int) -> Transcription:
    """Return a transcription of `LINES_A_PAGE` lines and one table of `rows` x `columns`."""
    from pipeline.page import Alternative, Cell, Line, Polygon, Table, Transcription

    def box(x: float, y: float, width: float, height: float) -> Polygon:
        return ((x, y), (x + width, y), (x + width, y + height), (x, y + height))

    lines = tuple(
        Line(
            " ".join(words.draw(rng, int(rng.integers(4, 13)))).capitalize(),
            round(float(rng.beta(8, 1)), 4),
            box(120 + float(rng.random()), 40.0 * number, 1800.5, 33.25),
        )
        for number in range(LINES_A_PAGE)
    )
    cells = []
    for row in range(rows):
        for column in range(columns):
            value = round(float(rng.uniform(970, 1040)), 1) if row and column else None
            reading = (
                f"{value}" if value is not None else str(row) if row else words.draw(rng, 1)[0]
            )
            others = (Alternative(reading[:-1] + "7", -4.25),) if rng.random() < 0.3 else ()
            cells.append(
                Cell(
                    row=row,
                    column=column,
                    text=reading,
                    raw=reading,
                    value=value if column else float(row) if row else None,
                    confidence=round(float(rng.beta(9, 1)), 4),
                    polygon=box(130.0 * column, 42.5 * row, 125.25, 40.0),
                    alternatives=others,
                )
            )
    table = Table(box(0, 0, 2000, 3000), rows, columns, tuple(cells), 1)
    return Transcription(2100, 3000, 0.25, lines, (table,))


# --- filling ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """How much there is: `transcriptions` of 50 lines and a table each."""

    transcriptions: int
    rows: int
    columns: int

    @property
    def pages(self) -> int:
        return self.transcriptions - self.twice

    @property
    def twice(self) -> int:
        return self.transcriptions // READ_TWICE

    @property
    def lines(self) -> int:
        return self.transcriptions * LINES_A_PAGE

    @property
    def cells(self) -> int:
        return self.transcriptions * self.rows * self.columns


def size_of(lines: float, cells_a_line: float) -> Size:
    rows = max(2, round(cells_a_line * LINES_A_PAGE / 10))
    return Size(max(READ_TWICE, round(lines / LINES_A_PAGE)), rows, 10)


def fill(engine: sqlalchemy.Engine, url: str, size: Size) -> dict[str, float]:
    """Fill an empty database and return what took how many seconds."""
    from storage import partitions

    took: dict[str, float] = {}
    with _timed(took, "pages"), engine.begin() as connection:
        _add_pages(connection, size)
        partitions.grow(connection)
    dropped = _drop_indexes(engine)
    with _timed(took, "lines and cells"):
        spawn = get_context("spawn")
        writers = [spawn.Process(target=to, args=(url, size)) for to in (write_lines, write_cells)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        if any(writer.exitcode for writer in writers):
            sys.exit("a writer failed")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("set maintenance_work_mem = '1GB'"))
        for name, statement in dropped.items():
            with _timed(took, f"index {name}"):
                connection.execute(text(statement))
        with _timed(took, "vacuum analyze"):
            connection.execute(text("vacuum (freeze, analyze)"))
    return took


def _add_pages(connection: sqlalchemy.Connection, size: Size) -> None:
    """Add all but lines and cells: transcription N is of page N, the last of the first pages."""
    key = {"pages": size.pages, "all": size.transcriptions}
    for number, language in enumerate(COLLECTIONS):
        connection.execute(
            text(
                "insert into mill.collection (name, language)"
                " values (:name, cast(:language as regconfig))"
            ),
            {"name": f"archive-{number}", "language": language},
        )
    for run in ("first", "second"):
        connection.execute(
            text(
                "insert into mill.run (profile, weights_digest, code_version, settings)"
                " values (:run, repeat('ab', 32), '1', '{}')"
            ),
            {"run": run},
        )
    digest = "lpad(to_hex(n), 64, '0')"
    for statement in (
        f"insert into mill.image select {digest}, 'image/jpeg', 400000, 2100, 3000"
        " from generate_series(1, :pages) as n",
        f"insert into mill.page (id, collection_id, image_sha256, name, current_run_id)"
        f" overriding system value select n, 1 + n % {len(COLLECTIONS)}, {digest},"
        f" 'page-' || n, case when n <= :all - :pages then 2 else 1 end"
        " from generate_series(1, :pages) as n",
        "insert into mill.transcription (id, page_id, run_id, width, height, angle, confidence)"
        " overriding system value select n, case when n > :pages then n - :pages else n end,"
        " case when n > :pages then 2 else 1 end, 2100, 3000, 0.25, 0.7 + 0.3 * random()"
        " from generate_series(1, :all) as n",
        f'insert into mill."table" select n, 0, {size.rows}, {size.columns}, 1,'
        " '{0,0,2000,0,2000,3000,0,3000}', '[]' from generate_series(1, :all) as n",
        "insert into mill.job (kind, collection_id, run_id, state, finished_at)"
        " select 'ingest', id, 1, 'done', now() from mill.collection",
        "insert into mill.job_page (job_id, page_id, state, attempts, finished_at)"
        " select collection_id, id, 'done', 1, now() from mill.page",
        "select setval('mill.page_id_seq', :pages)",
        "select setval('mill.transcription_id_seq', :all)",
    ):
        connection.execute(text(statement), key)


def _drop_indexes(engine: sqlalchemy.Engine) -> dict[str, str]:
    """Drop the indexes that are quicker built at the end; return how."""
    again = {}
    with engine.begin() as connection:
        indexes = connection.execute(
            text(
                "select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as made"
                " from pg_index where not indisprimary and indrelid in ('mill.line'::regclass,"
                " 'mill.cell'::regclass, 'mill.word'::regclass)"
            )
        )
        for name, made in indexes.all():
            again[name] = made.replace(" ON ONLY ", " ON ")
            connection.execute(text(f"drop index {name}"))
        for table, key in (
            ("line", "transcription_id, number"),
            ("cell", 'transcription_id, "table", "row", "column"'),
        ):
            connection.execute(text(f"alter table mill.{table} drop constraint {table}_pkey"))
            again[f"{table}_pkey"] = (
                f"alter table mill.{table} add constraint {table}_pkey primary key ({key})"
            )
    return again


def write_lines(url: str, size: Size) -> None:
    """Write the lines of all transcriptions, and the vocabulary."""
    from storage.database import connect
    from storage.rows import Rows

    words, rng = Words(), np.random.default_rng(SEED + 1)
    # What stands beside the text is drawn once and used again.
    pool = [list(Rows("page", drawn_page(words, rng, 2, 2)).lines()) for _ in range(32)]
    beside = [[line.split("\t", 3)[3] for line in page] for page in pool]
    seen: set[str] = set()
    some = 200
    connection: Any = connect(url).raw_connection().driver_connection
    with connection.cursor() as cursor:
        for first in range(1, size.transcriptions + 1, some):
            ids = range(first, min(first + some, size.transcriptions + 1))
            lengths = rng.integers(4, 13, len(ids) * LINES_A_PAGE).tolist()
            drawn = words.draw(rng, sum(lengths))
            seen.update(drawn)
            rows, at, line = [], 0, 0
            for identity in ids:
                language = language_of(identity, size)
                for number, rest in enumerate(beside[identity % len(beside)]):
                    said = " ".join(drawn[at : at + lengths[line]]).capitalize()
                    rows.append(f"{identity}\t{number}\t0\t{said}\t{rest}\t{language}\n")
                    at += lengths[line]
                    line += 1
            with cursor.copy(f"copy mill.line ({COLUMNS['line']}) from stdin") as copy:
                copy.write("".join(rows).encode())
            connection.commit()
        with cursor.copy("copy mill.word from stdin") as copy:
            copy.write("".join(f"{word}\n" for word in sorted(seen)).encode())
        connection.commit()


def write_cells(url: str, size: Size) -> None:
    """Write the cells of the first transcriptions, and copies of them for the others."""
    from storage.database import connect
    from storage.rows import Rows

    words, rng = Words(), np.random.default_rng(SEED + 2)
    pool = [
        list(Rows("page", drawn_page(words, rng, size.rows, size.columns)).cells())
        for _ in range(200)
    ]
    own = min(size.transcriptions, max(len(pool), size.transcriptions // 20))
    columns = COLUMNS["cell"]
    others = columns.removeprefix("transcription_id, ")
    connection: Any = connect(url).raw_connection().driver_connection
    with connection.cursor() as cursor:
        for first in range(1, own + 1, 100):
            ids = range(first, min(first + 100, own + 1))
            with cursor.copy(f"copy mill.cell ({columns}) from stdin") as copy:
                for identity in ids:
                    end = f"\t{language_of(identity, size)}\n"
                    rows = pool[int(rng.integers(len(pool)))]
                    copy.write("".join([f"{identity}\t{row}{end}" for row in rows]).encode())
            connection.commit()
        for after in range(own, size.transcriptions, own):
            cursor.execute(
                f"insert into mill.cell ({columns}) select transcription_id + %s, {others}"
                " from mill.cell where transcription_id <= %s",
                (after, min(own, size.transcriptions - after)),
            )
            connection.commit()


def language_of(transcription: int, size: Size) -> str:
    page = transcription - size.pages if transcription > size.pages else transcription
    return COLLECTIONS[page % len(COLLECTIONS)]


# --- measuring --------------------------------------------------------------------------------


@dataclass
class Times:
    """How long each of some questions took: wall milliseconds, and the processors' of both sides.

    On a machine that does nothing else the two are nearly the same.
    """

    what: str
    bar: float | None = None
    wall: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    hits: list[int] = field(default_factory=list)

    def row(self) -> list[object]:
        cells: list[object] = [self.what, len(self.wall), f"{statistics.median(self.hits):.0f}"]
        for times in (self.wall, self.busy):
            cells += [f"{np.percentile(times, 50):.1f}", f"{np.percentile(times, 95):.1f}"]
        return [*cells, "" if self.bar is None else f"{self.bar:.0f}"]

    @property
    def failed(self) -> bool:
        return self.bar is not None and float(np.percentile(self.busy, 95)) > self.bar


HEADS = ["what", "asked", "found", "p50 ms", "p95 ms", "p50 ms busy", "p95 ms busy", "bar p95 ms"]


def ask(times: Times, connection: sqlalchemy.Connection, question: Callable[[], int]) -> None:
    """Time one question to the database behind a connection."""
    backend = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
    server, client = on_processor(backend), time.thread_time_ns()
    started = time.perf_counter()
    times.hits.append(question())
    times.wall.append((time.perf_counter() - started) * 1e3)
    busy = on_processor(backend) - server + time.thread_time_ns() - client
    times.busy.append(busy / 1e6)


def on_processor(process: int) -> int:
    """Return for how many nanoseconds a process has been on a processor."""
    return int(Path(f"/proc/{process}/schedstat").read_text("ascii").split()[0])


def hits_of(connection: sqlalchemy.Connection, query: str, **options: Any) -> int:
    from storage.search import search

    return len(search(connection, query, **options))


def measure_search(engine: sqlalchemy.Engine, size: Size, count: int) -> list[Times]:
    from storage.search import search

    words, rng = Words(), np.random.default_rng(SEED + 3)
    tokens = size.lines * 8.0
    rare = words.around(5, tokens, count, rng)
    middle = words.around(2_000, tokens, count, rng)
    common = [words.words[rank % 40] for rank in range(count)]
    with engine.connect() as connection:
        some = connection.scalars(
            text(
                "select text from mill.line where transcription_id % :each = 0 and number = 7"
                " and length(text) > 20 limit :count"
            ),
            {"each": max(1, size.transcriptions // count), "count": count},
        ).all()
        values = connection.scalars(
            text("select value from mill.cell where transcription_id = 1 and value > 100 limit 100")
        ).all()
    phrases = [f'"{" ".join(line.split()[1:3])}"' for line in some]
    typed = [misread(word, rng) for word in middle + rare if len(word) > 4][:count]
    asked = {
        "words: rare": rare,
        "words: middling": middle,
        "words: the 40 most common": common,
        "words: a common and a middling one": [
            f"{a} {b}" for a, b in zip(common, middle, strict=True)
        ],
        "words: a phrase from a line": phrases,
    }
    found = []
    every = Times("full text: all of these", 50)
    for what, queries in asked.items():
        times = Times(what)
        for query in queries:
            with engine.connect() as connection:
                ask(times, connection, partial(hits_of, connection, query))
        found.append(times)
        for mine, theirs in (
            (every.wall, times.wall),
            (every.busy, times.busy),
            (every.hits, times.hits),
        ):
            mine += theirs
    fuzzy, number = Times("fuzzy: words misspelt by a letter", 200), Times("a number", 50)
    for query in typed:
        with engine.connect() as connection:
            ask(fuzzy, connection, partial(hits_of, connection, query, fuzzy=True))
    for value in values[:count]:
        with engine.connect() as connection:
            ask(number, connection, partial(hits_of, connection, str(value)))
    deep = Times("full text: the tenth page of twenty hits")
    for query in common[: count // 2]:
        with engine.connect() as connection:
            hits = search(connection, query, limit=180)
            if hits:
                after = hits[-1].cursor
                ask(
                    deep,
                    connection,
                    partial(hits_of, connection, query, after=after),
                )
    return [*found, every, deep, fuzzy, number]


STATEMENTS = (
    "select * from pages where page = 'page-{page}'",
    "select * from lines where page_id = {page}",
    "select column_number, avg(value) from cells where page_id = {page} group by 1",
    "select page, row_number, text from cells where value = 1013.2 limit 100",
    "select count(*) from pages",
)


def measure_others(engine: sqlalchemy.Engine, url: str, size: Size, count: int) -> list[Times]:
    from storage import jobs
    from storage.selection import Selection, fates_of, select_pages
    from storage.sql import ask as sql
    from storage.sql import reader_url

    rng = np.random.default_rng(SEED + 4)
    found = []

    def by_reader(statement: str, rows: int = 10_000) -> Answer:
        return sql(reader_url(url, None), statement, seconds=600, rows=rows)

    def rows_of(statement: str) -> int:
        return len(by_reader(statement).rows)

    with engine.connect() as connection:

        def pages_of(selection: Selection) -> int:
            return len(select_pages(connection, selection, by_reader))

        status = Times("status: the jobs", 50)
        for _ in range(count):
            ask(status, connection, lambda: len(jobs.overview(connection)))
            connection.rollback()
        found.append(status)
        for statement in STATEMENTS:
            times = Times(f"sql: `{statement.format(page='N')}`")
            for page in rng.integers(1, size.pages, max(3, count // 10)).tolist():
                written = statement.format(page=page)
                # Another process answers, whose time on a processor nobody sees when it is gone.
                ask(times, connection, partial(rows_of, written))
            found.append(times)
        for what, selection in (
            ("a collection", Selection(collection="archive-0")),
            ("a run", Selection(run=run_of(connection, 2))),
            (
                "confidence < 0.71",
                Selection(where="transcribed_at is not null and confidence < 0.71"),
            ),
        ):
            times = Times(f"reprocess: select by {what}")
            for _ in range(3):
                ask(
                    times,
                    connection,
                    partial(pages_of, selection),
                )
            found.append(times)
        pages = select_pages(connection, Selection(collection="archive-0"), by_reader)
        fates = Times(f"reprocess: what {len(pages)} pages have to do with a run")
        for _ in range(3):
            ask(fates, connection, lambda: fates_of(connection, pages, 2).pages)
        found.append(fates)
    return found


def run_of(connection: sqlalchemy.Connection, run_id: int) -> str:
    return str(
        connection.scalar(text("select name from mill.run where id = :run"), {"run": run_id})
    )


# --- writing pages, and queueing them -----------------------------------------------------------


@dataclass(frozen=True)
class Copied:
    """Rows a second of one round of writing the same pages: in one COPY, and as a worker writes
    that is behind; of processor time too (`busy`). `alone` is a page at a time, `whole` all that
    `save_all` does.
    """

    raw: float
    raw_busy: float
    path: float
    path_busy: float
    alone: float
    whole: float


def measure_copy(engine: sqlalchemy.Engine, pages: int, rounds: int) -> list[Copied]:
    """Write pages of 50 lines and 1,000 cells: by one COPY a table, and as a worker does."""
    from storage import observations, transcriptions
    from storage.database import commit_soon
    from storage.rows import Rows
    from storage.runs import ensure_run
    from workers.shards import WRITE_BEHIND

    words, rng = Words(), np.random.default_rng(SEED + 5)
    read = [drawn_page(words, rng, 100, 10) for _ in range(pages)]
    rows = sum(LINES_A_PAGE + 1000 for _ in read)
    found = []
    with engine.connect() as connection:
        ids = list(
            connection.scalars(text("select id from mill.page order by id limit :n"), {"n": pages})
        )
        backend = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]

        def timed(work: Callable[[], None]) -> tuple[float, float]:
            server, client = on_processor(backend), time.thread_time_ns()
            started = time.perf_counter()
            work()
            wall = time.perf_counter() - started
            busy = on_processor(backend) - server + time.thread_time_ns() - client
            return wall, busy / 1e9

        def save(number: int, together: int) -> None:
            for first in range(0, pages, together):
                some = slice(first, first + together)
                commit_soon(connection)
                transcriptions.save_all(
                    connection, number, map(transcriptions.ReadPage, ids[some], read[some])
                )
                connection.commit()

        for _ in range(rounds):
            runs = [ensure_run(connection, f"copy-{time.time_ns()}", "ab", "1", {}) for _ in "abc"]
            connection.commit()
            first = int(connection.scalar(text("select max(id) from mill.transcription")))
            first += 10 * pages
            sent = {
                "line": [list(Rows("page", one).lines()) for one in read],
                "cell": [list(Rows("page", one).cells()) for one in read],
            }
            raw = partial(_copy_all, connection, sent, first)
            whole = timed(partial(save, runs[0], WRITE_BEHIND))
            once = timed(raw)
            # Without what is made of the rows: what the columns stand for, and the vocabulary.
            kept = observations.write, transcriptions.add_words
            observations.write = transcriptions.add_words = lambda *_: None  # type: ignore[assignment]
            try:
                path = timed(partial(save, runs[1], WRITE_BEHIND))
                alone = timed(partial(save, runs[2], 1))
            finally:
                observations.write, transcriptions.add_words = kept
            found.append(
                Copied(
                    rows / once[0],
                    rows / once[1],
                    rows / path[0],
                    rows / path[1],
                    rows / alone[0],
                    rows / whole[0],
                )
            )
            connection.execute(
                text("delete from mill.line where transcription_id >= :f"), {"f": first}
            )
            connection.execute(
                text("delete from mill.cell where transcription_id >= :f"), {"f": first}
            )
            connection.commit()
    return found


def _copy_all(
    connection: sqlalchemy.Connection, sent: dict[str, list[list[str]]], first: int
) -> None:
    """Write rows of pages by one COPY a table, as transcriptions numbered from `first`."""
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor:
        for table, pages in sent.items():
            with cursor.copy(f"copy mill.{table} ({COLUMNS[table]}) from stdin") as copy:
                for identity, rows in enumerate(pages, first):
                    copy.write("".join([f"{identity}\t{row}\tsimple\n" for row in rows]).encode())
    driver.commit()


@dataclass(frozen=True)
class Enqueued:
    """What it took to make a job of `pages` and to send every shard of it, window by window."""

    pages: int
    listed: float
    sent: float
    busy: float
    shards: int
    broker_peak: int


def all_busy(servers: Sequence[int]) -> float:
    """Return for how many seconds this process, servers and their children were on a processor."""
    import psutil

    found = [psutil.Process(server) for server in servers]
    every = [each for server in found for each in (server, *server.children())]
    return time.process_time() + sum(sum(each.cpu_times()[:2]) for each in every)


def measure_enqueue(engine: sqlalchemy.Engine, broker_url: str, pages: int) -> Enqueued:
    import redis

    from storage import jobs
    from storage.jobs import OpenJob
    from workers import services
    from workers.app import celery_app
    from workers.reconciler import refill
    from workers.settings import settings

    broker = redis.Redis.from_url(
        broker_url.replace("redis+socket://", "unix://", 1).partition("?")[0]
    )
    app = celery_app(broker_url)
    with engine.begin() as connection:
        collection = jobs.ensure_collection(connection, f"queue-{time.time_ns()}")
        ids = list(
            connection.scalars(
                text(
                    "with made as (insert into mill.image"
                    " select md5(:c || '-' || n) || md5(n::text), 'image/png', 1, 1, 1"
                    " from generate_series(1, :n) as n returning sha256)"
                    " insert into mill.page (collection_id, image_sha256, name)"
                    " select :c, sha256, 'q' from made returning id"
                ),
                {"c": collection, "n": pages},
            )
        )
        job_id = jobs.create(connection, "ingest", collection, 1)
    broker.config_resetstat()
    servers = [each.pid for each in services.status() if each.pid is not None]
    started, before = time.perf_counter(), all_busy(servers)
    for first in range(0, len(ids), 10_000):
        with engine.begin() as connection:
            jobs.add_pages(connection, job_id, ids[first : first + 10_000])
    with engine.begin() as connection:
        jobs.all_listed(connection, job_id)
    listed = time.perf_counter() - started
    shards, peak = 0, 0
    while sent := refill(engine, app, settings(), OpenJob(job_id, 5), ("digitize",)):
        shards += sent
        peak = max(peak, int(broker.info("memory")["used_memory_peak"]))
        # The workers' part: taken out of the queue, and read.
        for key in broker.keys("digitize*"):
            broker.delete(key)
        with engine.begin() as connection:
            connection.execute(
                text(
                    "update mill.job_page set state = 'done', shard = null"
                    " where job_id = :job and state = 'queued'"
                ),
                {"job": job_id},
            )
            jobs.tidy_counts(connection)
    took, busy = time.perf_counter() - started, all_busy(servers) - before
    with engine.begin() as connection:
        done = jobs.progress(connection, job_id).pages
        jobs.cancel(connection, job_id)
    if done != {"done": pages}:
        sys.exit(f"queued {pages} pages, and then there were {done}")
    return Enqueued(pages, listed, took, busy, shards, peak)


@contextmanager
def _timed(took: dict[str, float], what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    took[what] = time.perf_counter() - started
    print(f"{what}: {took[what]:.1f} s", flush=True)


def sizes(engine: sqlalchemy.Engine) -> str:
    """Return a table of how many bytes a row and its indexes take, of what grows."""
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "select parent.relname, sum(part.reltuples)::bigint as rows,"
                " sum(pg_table_size(part.oid)) as heap, sum(pg_indexes_size(part.oid)) as indexes"
                " from pg_class parent join lateral (select parent.oid where parent.relkind = 'r'"
                " union all select inhrelid from pg_inherits where inhparent = parent.oid)"
                " as of(oid) on true join pg_class part on part.oid = of.oid"
                " where parent.relnamespace = 'mill'::regnamespace and parent.relkind in ('r', 'p')"
                " and not parent.relispartition group by 1 having sum(part.reltuples) >= 1000"
                " order by heap desc"
            )
        ).all()
    rows = [
        [
            name,
            f"{rows:,.0f}",
            f"{heap / 1e6:,.0f}",
            f"{indexes / 1e6:,.0f}",
            f"{heap / rows:.0f}",
            f"{indexes / rows:.0f}",
        ]
        for name, rows, heap, indexes in ((n, *map(float, sizes)) for n, *sizes in found)
    ]
    return markdown(
        ["table", "rows", "MB", "MB of indexes", "bytes a row", "index bytes a row"], rows
    )


def report(
    size: Size,
    took: dict[str, float],
    times: Sequence[Times],
    copied: Sequence[Copied],
    queued: Enqueued,
    room: str,
) -> str:
    share = statistics.median(one.path / one.raw for one in copied)
    share_busy = statistics.median(one.path_busy / one.raw_busy for one in copied)
    alone = statistics.median(one.alone / one.raw for one in copied)
    whole = statistics.median(one.whole / one.raw for one in copied)
    lines = [
        f"# {size.lines:,} lines and {size.cells:,} cells",
        "",
        f"Made by `python benchmarks/scale.py FOLDER --lines {size.lines}`.",
        f"{machine()}; load at the end {os.getloadavg()[0]:.1f}: `busy` are milliseconds on a "
        "processor, of the server's process and the client's, without what they waited for others. "
        "The embedded Postgres as `ledgermill up` starts it.",
        "",
        "## Asked",
        "",
        markdown(HEADS, [each.row() for each in times]),
        "SQL is answered by a process of its own; only the client's part of it is in `busy`.",
        "",
        "## Written",
        "",
        "Pages of 50 lines and 1,000 cells, as many in a transaction as a worker writes together "
        "that is behind, against one COPY a table of the same rows into the same tables with the "
        "same indexes. The path is what `save_all` does to write rows: checked, made COPY text, "
        "sent, the pages' current run; alone: the same, a page in a transaction; the whole of "
        "`save_all` also finds out what columns stand for and adds to the vocabulary.",
        "",
        markdown(
            ["round", "raw rows/s", "path rows/s", "share", "share, busy", "alone", "whole"],
            [
                [
                    number,
                    f"{one.raw:,.0f}",
                    f"{one.path:,.0f}",
                    percent(one.path / one.raw),
                    percent(one.path_busy / one.raw_busy),
                    percent(one.alone / one.raw),
                    percent(one.whole / one.raw),
                ]
                for number, one in enumerate(copied, 1)
            ],
        ),
        f"Median: {percent(share)} of wall time (bar 70 %), {percent(share_busy)} busy, "
        f"alone {percent(alone)}, whole {percent(whole)}.",
        "",
        "## Queued",
        "",
        f"A job of {queued.pages:,} pages: rows in {queued.listed:.1f} s; all of its "
        f"{queued.shards:,} shards sent through the window, one by one, {queued.sent:.1f} s "
        f"after the beginning (bar {300 * queued.pages / 1e6:.0f} s), of which {queued.busy:.1f} s "
        "on a processor, servers and the workers' part included; the broker held at most "
        f"{queued.broker_peak / 1e6:.1f} MB (bar 100 MB).",
        "",
        "## Room",
        "",
        room,
        "",
        "Filled in: "
        + ", ".join(f"{what} {seconds:.0f} s" for what, seconds in took.items())
        + ".",
        "",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="made where it is missing")
    parser.add_argument("--lines", type=float, default=1e7)
    parser.add_argument("--cells-a-line", type=float, default=5)
    parser.add_argument("--queries", type=int, default=100, help="of each kind")
    parser.add_argument("--enqueue", type=float, default=1e6, help="pages to queue")
    parser.add_argument("--keep", action="store_true", help="the folder, to measure again")
    chosen = parser.parse_args()
    os.environ["LEDGERMILL_HOME"] = str(chosen.folder.absolute())

    from storage.database import connect
    from workers import services

    size = size_of(chosen.lines, chosen.cells_a_line)
    found = services.ensure()
    engine = connect(found.database_url)
    try:
        with engine.connect() as connection:
            filled = connection.scalar(text("select exists (select from mill.transcription)"))
        took = {} if filled else fill(engine, found.database_url, size)
        times = measure_search(engine, size, chosen.queries)
        times += measure_others(engine, found.database_url, size, chosen.queries)
        room = sizes(engine)
        copied = measure_copy(engine, 20, 5)
        queued = measure_enqueue(engine, found.broker_url, int(chosen.enqueue))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(report(size, took, times, copied, queued, room))
    finally:
        engine.dispose()
        services.down()
        if not chosen.keep:
            shutil.rmtree(chosen.folder, ignore_errors=True)
    print(RESULTS.read_text())
    return int(any(each.failed for each in times))


if __name__ == "__main__":
    sys.exit(main())
