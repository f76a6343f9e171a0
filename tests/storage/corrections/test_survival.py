"""Whatever is read, rolled back, corrected and withdrawn: what people said is never lost."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace

import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from pipeline.page import Transcription
from storage.corrections import CellPlace, Conflict, as_read, correct, corrections_of, withdraw
from storage.rollback import roll_back
from storage.runs import ensure_run
from storage.transcriptions import load, save
from tests.storage.pages import MakePage, transcription

UNCHECKED = {"tables": {"check": False}}
PLACES = [(1, 0), (1, 1), (2, 0), (2, 1)]


def machine_says(run: int, row: int, column: int) -> str:
    return f"{run}{row}.{column}"


def reading(run: int) -> Transcription:
    """What a run reads: each the same four cells, in rows of its own; the third finds no table."""
    if run == 3:
        return transcription(("nothing but this",))
    grid = [["Day", "Rain"], *([machine_says(run, row, c) for c in (0, 1)] for row in (1, 2))]
    made = transcription((), grid)
    [table] = made.tables
    shift = 0 if run == 1 else run
    cells = tuple(replace(cell, row=cell.row + shift) for cell in table.cells)
    header = table.header_rows + shift
    moved = replace(table, rows=table.rows + shift, header_rows=header, cells=cells)
    return replace(made, tables=(moved,))


def where(run: int, row: int, column: int) -> CellPlace:
    return CellPlace(0, row + (0 if run == 1 else run), column)


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["run", "correct", "correct", "withdraw"]),
        st.integers(1, 4),
        st.sampled_from(range(len(PLACES))),
    ),
    min_size=3,
    max_size=10,
)
NUMBERS = itertools.count()


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_corrections_survive_every_sequence(
    engine: sqlalchemy.Engine,
    connection: sqlalchemy.Connection,
    make_page: MakePage,
    steps: list[Step],
) -> None:
    page = make_page(f"page {next(NUMBERS)}")
    runs = {
        number: ensure_run(connection, f"profile-{number}", "ab" * 32, "1", UNCHECKED)
        for number in range(1, 5)
    }
    save(connection, page, runs[1], reading(1))
    connection.commit()
    current, read = 1, {1}
    said: dict[int, list[tuple[int, str]]] = {}
    for number, (what, run, at) in enumerate(steps):
        if what == "run" and run not in read:
            save(connection, page, runs[run], reading(run))
            read.add(run)
            current = run
        elif what == "run":
            connection.commit()
            roll_back(engine, str(runs[run]), None, "ada")
            current = run
        elif what == "correct" and current != 3:
            stack = said.setdefault(at, [])
            seen = stack[-1][0] if stack else None
            place = where(current, *PLACES[at])
            made = correct(connection, page, runs[current], place, f"{number}.5", "ada", seen)
            stack.append((made.id, f"{number}.5"))
        elif what == "withdraw" and said.get(at):
            withdraw(connection, said[at].pop()[0], "bob")
        connection.commit()
        _check(connection, page, runs, read, current, said)


def _check(
    connection: sqlalchemy.Connection,
    page: int,
    runs: dict[int, int],
    read: set[int],
    current: int,
    said: dict[int, list[tuple[int, str]]],
) -> None:
    stands = {at: stack[-1] for at, stack in said.items() if stack}
    assert {
        (each.id, each.text) for each in corrections_of(connection, page) if each.in_effect
    } == set(stands.values())
    for run in read:
        assert as_read(connection, page, runs[run]) == reading(run)
        shown = _shown(load(connection, page, runs[run]))
        wanted = {at: value for at, (_, value) in stands.items()} if run != 3 else {}
        for at, (row, column) in enumerate(PLACES):
            if run != 3:
                corrected = at in wanted
                text_there = wanted.get(at, machine_says(run, row, column))
                assert shown[where(run, row, column)] == (text_there, corrected)
    assert load(connection, page) == load(connection, page, runs[current])
    assert connection.scalar(
        text("select count(*) from cells where page_id = :page and corrected"), {"page": page}
    ) == (0 if current == 3 else len(stands))


def _shown(page: Transcription) -> dict[CellPlace, tuple[str, bool]]:
    return {
        CellPlace(number, cell.row, cell.column): (cell.text, cell.corrected)
        for number, table in enumerate(page.tables)
        for cell in table.cells
    }


def test_correctors_at_once_never_overwrite_each_other_unseen(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, make_page: MakePage
) -> None:
    """Each of four people corrects the same cell three times, trying again where they collide."""
    page = make_page("busy")
    run = ensure_run(connection, "profile", "ab" * 32, "1", UNCHECKED)
    save(connection, page, run, reading(1))
    connection.commit()
    made: dict[int, int | None] = {}

    def work(name: str) -> None:
        for number in range(3):
            _until_taken(name, number)

    def _until_taken(name: str, number: int) -> None:
        while True:
            with engine.connect() as own:
                before = [each.id for each in corrections_of(own, page) if each.in_effect]
                seen = before[0] if before else None
                try:
                    value = f"{name}{number}"
                    new = correct(own, page, run, where(1, 1, 1), value, name, seen)
                    own.commit()
                except Conflict:
                    continue
            made[new.id] = seen
            return

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    history = [each.id for each in corrections_of(connection, page)]
    assert len(history) == 12
    assert [made[each] for each in history] == [None, *history[:-1]]
    assert len({each.spot for each in corrections_of(connection, page)}) == 1


def test_one_of_two_who_saw_the_same_is_refused(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, make_page: MakePage
) -> None:
    page = make_page("two")
    run = ensure_run(connection, "profile", "ab" * 32, "1", UNCHECKED)
    save(connection, page, run, reading(1))
    connection.commit()
    outcomes: list[str] = []

    def second() -> None:
        with engine.connect() as own:
            try:
                correct(own, page, run, where(1, 1, 1), "second", "bob", None)
                own.commit()
                outcomes.append("taken")
            except Conflict:
                outcomes.append("refused")

    thread = threading.Thread(target=second)
    correct(connection, page, run, where(1, 1, 1), "first", "ada", None)
    thread.start()
    thread.join(0.3)
    assert thread.is_alive(), "the second must wait for the first"
    connection.commit()
    thread.join(60)
    assert outcomes == ["refused"]
    assert [each.text for each in corrections_of(connection, page)] == ["first"]


def test_a_reading_that_is_saved_while_somebody_corrects_has_the_correction(
    engine: sqlalchemy.Engine, connection: sqlalchemy.Connection, make_page: MakePage
) -> None:
    page = make_page("busy")
    runs = [ensure_run(connection, name, "ab" * 32, "1", UNCHECKED) for name in ("one", "two")]
    save(connection, page, runs[0], reading(1))
    connection.commit()

    def read_again() -> None:
        with engine.begin() as own:
            save(own, page, runs[1], reading(2))

    thread = threading.Thread(target=read_again)
    correct(connection, page, runs[0], where(1, 1, 1), "7.7", "ada", None)
    thread.start()
    thread.join(0.3)
    connection.commit()
    thread.join(60)
    assert _shown(load(connection, page))[where(2, 1, 1)] == ("7.7", True)
