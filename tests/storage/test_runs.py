from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy

from pipeline.errors import BadInput
from storage.runs import ensure_run, find_run, list_runs, run_name
from storage.transcriptions import save
from tests.storage.pages import MakePage, transcription


def test_the_same_profile_weights_and_code_are_one_run(connection: sqlalchemy.Connection) -> None:
    first = ensure_run(connection, "default", "ab" * 32, "0.1.0", {"a": 1})
    assert ensure_run(connection, "default", "ab" * 32, "0.1.0", {"a": 2}) == first
    assert ensure_run(connection, "default", "cd" * 32, "0.1.0", {"a": 1}) != first
    assert find_run(connection, run_name("default", "ab" * 32, "0.1.0")) == first
    with pytest.raises(BadInput, match="no such run"):
        find_run(connection, "other@0+0")


def test_workers_that_start_together_agree(
    connection: sqlalchemy.Connection, engine: sqlalchemy.Engine
) -> None:
    def ensure(_: int) -> int:
        with engine.begin() as own:
            return ensure_run(own, "default", "ef" * 32, "0.1.0", {})

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(ensure, range(12)))) == 1


def test_a_run_counts_its_pages(
    connection: sqlalchemy.Connection, make_page: MakePage, run_id: int
) -> None:
    first, second = make_page("a"), make_page("b")
    newer = ensure_run(connection, "better", "cd" * 32, "0.1.0", {})
    for page in (first, second):
        save(connection, page, run_id, transcription(("text",)))
    save(connection, second, newer, transcription(("text",)))
    counts = [(run.name, run.pages, run.current_pages) for run in list_runs(connection)]
    assert counts == [("default@abababab+0.1.0", 2, 1), ("better@cdcdcdcd+0.1.0", 1, 1)]
