from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.monitoring.measure import MOST_UNSENT, Outbox, parse, timed

WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1)


@given(WORDS, st.one_of(st.just(""), WORDS), st.floats(allow_nan=False))
def test_what_is_measured_arrives_as_it_was(name: str, label: str, value: float) -> None:
    outbox = Outbox()
    outbox.measure(name, label, value)
    line = outbox.take().decode()
    assert line.startswith("#")
    assert line.endswith("\n")
    assert parse(line[1:-1]) == (name, label, value)
    assert outbox.take() == b""


@pytest.mark.parametrize("line", ["", "page", "page ", "stage detect", "stage detect x"])
def test_a_line_that_is_cut_short_says_nothing(line: str) -> None:
    assert parse(line) is None


def test_what_nobody_takes_is_forgotten_the_oldest_first() -> None:
    outbox = Outbox()
    for value in range(MOST_UNSENT + 5):
        outbox.measure("page", "", value)
    lines = outbox.take().decode().splitlines()
    assert len(lines) == MOST_UNSENT
    assert lines[0] == "#page  5"


def test_a_stage_that_raises_took_its_time_too() -> None:
    found: list[tuple[str, str, float]] = []

    def work(number: int) -> float:
        return 1 / number

    wrapped = timed(lambda *said: found.append(said), "divide", work)
    assert wrapped(2) == 0.5
    with pytest.raises(ZeroDivisionError):
        wrapped(0)
    assert [said[:2] for said in found] == [("stage", "divide")] * 2
    assert all(said[2] >= 0 for said in found)
