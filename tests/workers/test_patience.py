from __future__ import annotations

import pytest
import sqlalchemy
from sqlalchemy import text

from pipeline.errors import BadInput, Unavailable
from storage.database import connect
from workers.patience import is_transient, patiently, reason


def test_waits_until_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("workers.patience.time.sleep", pauses.append)
    left = iter([Unavailable("gone"), ConnectionRefusedError(), None])

    def action() -> str:
        error = next(left)
        if isinstance(error, Unavailable):
            raise error
        return "done"

    assert patiently(action) == "done"
    assert pauses == [0.1]


def test_gives_up_on_what_does_not_pass_and_when_stopping() -> None:
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 // 0)

    def gone() -> None:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        patiently(gone, stopping=lambda: True)


def test_a_database_that_is_not_there_is_transient_a_wrong_statement_is_not(
    connection: sqlalchemy.Connection,
) -> None:
    with pytest.raises(Exception) as found, connect("postgresql://x@localhost:1/x").connect():
        pass
    assert is_transient(found.value)
    with pytest.raises(Exception) as found:
        connection.execute(text("select nothing"))
    assert not is_transient(found.value)
    assert not is_transient(BadInput("a", "b", "c"))


def test_a_reason_is_one_line() -> None:
    assert reason(BadInput("p.png", "empty", "scan it")) == "p.png: empty; scan it"
    assert reason(ValueError("two\nlines")) == "ValueError: two lines"
    assert len(reason(ValueError("x" * 9999))) == 500
