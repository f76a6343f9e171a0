"""Learning from corrections at the press of a button, and using what was learnt."""

from __future__ import annotations

import pytest
import sqlalchemy
from fastapi.testclient import TestClient
from sqlalchemy import text

from pipeline.profiles import load_profile
from storage import learning as store
from storage.corrections import CellPlace, correct
from tests.web.library import COLLECTION, TRUE, WRONG, Library
from web.pages import learning
from web.site import Site

HTML = {"Accept": "text/html"}


@pytest.fixture
def corrected(connection: sqlalchemy.Connection, library: Library) -> Library:
    correct(connection, library.page_id, library.run_id, CellPlace(*WRONG), TRUE, "ada", None)
    connection.commit()
    return library


def test_a_button_begins_it_for_operators(
    clients: dict[str, TestClient], corrected: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[str, str]] = []

    def start(site: Site, collection: str, by: str) -> None:
        begun.append((collection, by))

    monkeypatch.setattr(learning, "_start", start)
    assert "Learn from these" not in clients["reader"].get("/learning", headers=HTML).text
    assert "Learn from these" in clients["operator"].get("/learning", headers=HTML).text
    answer = clients["operator"].post("/learning", data={"collection": corrected.collection})
    assert answer.status_code == 303
    assert begun == [(COLLECTION, "operator")]
    nowhere = clients["operator"].post("/learning", data={"collection": "nowhere"})
    assert nowhere.status_code == 404
    assert len(begun) == 1


def test_what_came_of_it_is_listed_and_used(
    clients: dict[str, TestClient], connection: sqlalchemy.Connection, corrected: Library
) -> None:
    better = store.begin(connection, COLLECTION, "ada")
    counts = {"cells": 60, "proved": 300, "right_before": 45, "right_after": 54}
    profile = load_profile("default").model_dump(mode="json")
    store.end(connection, better, counts, {**profile, "name": "learnt"})
    worse = store.begin(connection, COLLECTION, "ada")
    store.end(connection, worse, {**counts, "right_after": 44}, None)
    store.fail(connection, store.begin(connection, COLLECTION, "ben"), "corrections: too few")
    connection.commit()
    shown = clients["operator"].get("/learning", headers=HTML).text
    for said in ("45 of 60", "54 of 60", "no better, not used", "corrections: too few"):
        assert said in shown
    assert shown.count("/read-again") == 1
    refused = clients["operator"].post(f"/learning/{worse}/read-again")
    assert refused.status_code == 409
    asked = text("select options->'selection'->>'where' from mill.job where kind = 'reprocess'")
    assert connection.execute(asked).all() == []
    connection.execute(text("update mill.cell set confidence = 0.5 where status = 'plain'"))
    connection.commit()
    assert clients["operator"].post(f"/learning/{better}/read-again").status_code == 303
    assert [row[0] for row in connection.execute(asked)] == [learning.LEAST_CERTAIN]
    assert clients["operator"].post("/learning/999/read-again").status_code in (400, 404)
