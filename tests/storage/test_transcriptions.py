from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pipeline.errors import BadInput
from pipeline.page import Alternative, Cell, Line, Polygon, Region, Table, Tag, Transcription
from storage.runs import ensure_run
from storage.transcriptions import ReadPage, load, save, save_all
from tests.storage.pages import MakePage, box, transcription

# Quarters are exact in every width of float that is on the way.
coordinates = st.integers(-400, 40_000).map(lambda n: n / 4)
points = st.tuples(coordinates, coordinates)
polygons: st.SearchStrategy[Polygon] = st.tuples(points, points, points, points)
confidences = st.integers(0, 64).map(lambda n: n / 64)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
alternatives = st.lists(
    st.builds(Alternative, texts, st.floats(-1e6, 0, allow_nan=False)), max_size=3
).map(tuple)
halves = st.integers(-400, 40_000).map(lambda n: n / 2)
regions = st.builds(
    Region,
    st.sampled_from(["text", "heading", "margin", "figure", "stamp", "table"]),
    st.tuples(*[st.tuples(halves, halves)] * 4),
)
tags = st.builds(
    Tag,
    st.sampled_from(["date", "place", "quantity"]),
    st.just(0),
    st.just(1),
    texts,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.none() | texts,
)


@st.composite
def lines(draw: st.DrawFn, regions: int) -> Line:
    text = draw(texts)
    return Line(
        text,
        draw(confidences),
        draw(polygons),
        draw(alternatives),
        raw=draw(st.none() | texts),
        joined=draw(st.none() | texts),
        language=draw(st.sampled_from([None, "ko", "fr", "en-GB"])),
        script=draw(st.sampled_from([None, "Kore", "Latn"])),
        tagged=tuple(draw(st.lists(tags, max_size=2))) if text else (),
        region=draw(st.none() | st.integers(0, regions - 1)) if regions else None,
    )


relations = st.dictionaries(texts, st.integers() | texts | st.lists(st.floats(-1e9, 1e9)))


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    cells = [
        draw(
            st.builds(
                Cell,
                row=st.just(row),
                column=st.just(column),
                column_span=st.integers(1, columns - column),
                text=texts,
                raw=texts,
                confidence=confidences,
                polygon=polygons,
                value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
                unit=st.none() | texts,
                status=st.sampled_from(["verified", "plain", "doubtful", "rejected"]),
                alternatives=alternatives,
                checks=st.lists(texts, max_size=2).map(tuple),
            )
        )
        for row in range(rows)
        for column in range(columns)
    ]
    return Table(
        draw(polygons),
        rows,
        columns,
        tuple(cells),
        draw(st.integers(0, rows)),
        tuple(draw(st.lists(relations, max_size=2))),
    )


@st.composite
def transcriptions(draw: st.DrawFn) -> Transcription:
    found = tuple(draw(st.lists(regions, max_size=2)))
    return Transcription(
        width=draw(st.integers(1, 30_000)),
        height=draw(st.integers(1, 30_000)),
        angle=draw(st.integers(-180, 180)) / 4,
        lines=tuple(draw(st.lists(lines(len(found)), max_size=4))),
        tables=tuple(draw(st.lists(tables(), max_size=2))),
        regions=found,
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(transcriptions())
def test_what_is_saved_is_loaded(
    connection: sqlalchemy.Connection, make_page: MakePage, given_one: Transcription
) -> None:
    page = connection.scalar(text("select id from mill.page")) or make_page("a")
    run = ensure_run(connection, "default", "ab" * 32, "0.1.0", {})
    try:
        assert save(connection, page, run, given_one)
        assert load(connection, page) == given_one
    finally:
        connection.rollback()


def test_numbers_are_kept_to_their_stated_precision(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("a")
    line = Line("x", 0.123456789, box(1234.56789, 0.001), (Alternative("x", -math.pi),))
    save(connection, page, run_id, Transcription(5000, 9, 0.123456, (line,), ()))
    found = load(connection, page).lines[0]
    assert found.confidence == pytest.approx(0.123457, abs=1e-7)
    assert found.polygon[0] == pytest.approx((1234.568, 0.001), abs=1e-4)
    assert found.alternatives[0].logprob == -math.pi


def test_a_rejected_line_is_kept_as_such(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("a")
    lines = (Line("?", 0.1, box(1, 1), (), "rejected"), Line("sure", 0.9, box(1, 30)))
    save(connection, page, run_id, Transcription(500, 90, 0.0, lines, ()))
    assert [line.status for line in load(connection, page).lines] == ["rejected", "plain"]
    found = connection.execute(text("select text, status from lines order by line_number")).all()
    assert [tuple(row) for row in found] == [("?", "rejected"), ("sure", "plain")]


def test_a_page_read_twice_by_one_run_is_written_once(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("a")
    assert save(connection, page, run_id, transcription(("first",)))
    connection.commit()
    assert not save(connection, page, run_id, transcription(("second",), [["1"]]))
    connection.commit()
    assert [line.text for line in load(connection, page).lines] == ["first"]
    assert connection.scalar(text("select count(*) from mill.cell")) == 0


def test_a_new_run_becomes_current_and_the_old_one_stays(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("a")
    newer = ensure_run(connection, "better", "ab" * 32, "0.1.0", {})
    save(connection, page, run_id, transcription(("old",)))
    save(connection, page, newer, transcription(("new",)))
    assert load(connection, page).lines[0].text == "new"
    assert load(connection, page, run_id).lines[0].text == "old"


def test_pages_are_saved_together_as_they_are_alone(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    texts = ["Rain", "Wind", "Snow", "Hail"]
    pages = {make_page(word, "c", "english"): transcription((word,), [[word]]) for word in texts}
    first, *others = pages
    save(connection, first, run_id, transcription(("before",)))
    read = [ReadPage(page, pages[page]) for page in reversed(pages)]
    assert save_all(connection, run_id, read) == set(others)
    assert load(connection, first).lines[0].text == "before"
    for page in others:
        assert load(connection, page) == pages[page]
    words = connection.scalars(text("select word from mill.word order by word")).all()
    assert words == ["before", "hail", "snow", "wind"]


def test_a_page_not_yet_read_says_so(
    connection: sqlalchemy.Connection, make_page: MakePage
) -> None:
    with pytest.raises(BadInput, match="not yet read"):
        load(connection, make_page("a"))


def test_of_many_writers_exactly_one_wins(
    connection: sqlalchemy.Connection,
    engine: sqlalchemy.Engine,
    make_page: MakePage,
    run_id: int,
) -> None:
    """Several workers have the same pages, and bring the same new words, all at once."""
    pages = [make_page(f"page {i}") for i in range(6)]
    won: list[int] = []
    failures: list[Exception] = []
    together = threading.Barrier(4)

    def work(writer: int) -> None:
        try:
            together.wait()
            for i in range(len(pages)):
                page = pages[(i * (1 if writer % 2 else 5)) % len(pages)]
                words = tuple(f"word{n} of{page} zeal alpha" for n in range(30))
                with engine.begin() as own:
                    if save(own, page, run_id, transcription(words, [["a", "1"], ["b", "2"]])):
                        won.append(page)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(won) == pages
    counts = connection.execute(
        text("select count(*), (select count(*) from mill.cell) from mill.line")
    ).one()
    assert tuple(counts) == (30 * 6, 4 * 6)


def test_the_second_writer_writes_where_the_first_gives_up(
    engine: sqlalchemy.Engine,
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    run_id: int,
) -> None:
    page = make_page("a")
    saved: list[bool] = []

    def work() -> None:
        with engine.begin() as own:
            saved.append(save(own, page, run_id, transcription(("second",))))

    with engine.connect() as first:
        save(first, page, run_id, transcription(("first",)))
        second = threading.Thread(target=work)
        second.start()
        second.join(0.3)
        assert second.is_alive(), "the second writer must wait for the first"
        first.rollback()
    second.join()
    assert saved == [True]
    assert load(connection, page).lines[0].text == "second"


def test_characters_that_postgres_cannot_hold_are_replaced(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    page = make_page("a")
    bad = "a\0b\ud800c"
    cell = Cell(0, 0, bad, bad, 0.5, box(0, 0), unit=bad, checks=(bad,))
    table = Table(box(0, 0), 1, 1, (cell,), 0, ({bad: bad},))
    line = Line(bad, 0.5, box(0, 0), (Alternative(bad, -1.0),))
    save(connection, page, run_id, Transcription(9, 9, 0.0, (line,), (table,)))
    found = load(connection, page)
    good = "a\ufffdb\ufffdc"
    assert (found.lines[0].text, found.lines[0].alternatives[0].text) == (good, good)
    read = found.tables[0].cells[0]
    assert (read.text, read.raw, read.unit, read.checks) == (good, good, good, (good,))
    assert found.tables[0].relations == ({good: good},)


WHOLE = transcription(("line",), [["a", "b"], ["1", "2"]])
TABLE = WHOLE.tables[0]
CELL = TABLE.cells[0]


def _with_cell(**changes: Any) -> Transcription:
    cells = (replace(CELL, **changes), *TABLE.cells[1:])
    return replace(WHOLE, tables=(replace(TABLE, cells=cells),))


def _with_line(**changes: Any) -> Transcription:
    return replace(WHOLE, lines=(replace(WHOLE.lines[0], **changes),))


@pytest.mark.parametrize(
    "wrong",
    [
        _with_cell(value=math.nan),
        _with_cell(value=math.inf),
        _with_cell(confidence=math.nan),
        _with_cell(confidence=1.01),
        _with_cell(polygon=((math.nan, 0), (0, 0), (0, 0), (0, 0))),
        _with_cell(polygon=((1e30, 0), (0, 0), (0, 0), (0, 0))),
        _with_cell(row=2),
        _with_cell(column=-1),
        _with_cell(column_span=3),
        _with_cell(row=1, column=1),
        _with_cell(status="perfect"),
        _with_cell(alternatives=(Alternative("x", -math.inf),)),
        _with_cell(raw="x" * 1_000_000),
        _with_line(confidence=-0.1),
        _with_line(polygon=((math.inf, 0), (0, 0), (0, 0), (0, 0))),
        replace(WHOLE, angle=math.nan),
        replace(WHOLE, tables=(replace(TABLE, relations=({"support": math.nan},)),)),
    ],
)
def test_what_cannot_be_true_is_refused_before_anything_is_written(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int, wrong: Transcription
) -> None:
    page = make_page("a")
    with pytest.raises(BadInput, match=f"page {page}: its transcription is wrong"):
        save(connection, page, run_id, wrong)
    right = ReadPage(make_page("b"), WHOLE)
    with pytest.raises(BadInput, match=f"page {page}: its transcription is wrong"):
        save_all(connection, run_id, [right, ReadPage(page, wrong)])
    for table in ("transcription", "line", "cell"):
        assert connection.scalar(text(f"select count(*) from mill.{table}")) == 0
    assert save(connection, page, run_id, WHOLE), "the transaction is still usable"
