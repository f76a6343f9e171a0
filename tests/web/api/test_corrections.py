"""Corrections over HTTP: made, withdrawn, and never over somebody else's unseen."""

from __future__ import annotations

from typing import Any

import sqlalchemy
from fastapi.testclient import TestClient
from sqlalchemy import text

from tests.web.library import TRUE, WRONG, Library


def new(library: Library, said: str, seen: int | None) -> dict[str, Any]:
    table, row, column = WRONG
    place = {"kind": "cell", "table": table, "row": row, "column": column}
    return {"run_id": library.run_id, "place": place, "text": said, "seen": seen}


def cell(client: TestClient, library: Library) -> Any:
    table, row, column = WRONG
    cells = client.get(f"/api/v1/pages/{library.page_id}/tables/{table}/cells").json()["items"]
    return next(each for each in cells if (each["row"], each["column"]) == (row, column))


def test_a_correction_makes_the_relation_hold_and_can_be_taken_back(
    library: Library, clients: dict[str, TestClient], connection: sqlalchemy.Connection
) -> None:
    corrector = clients["corrector"]
    before = cell(corrector, library)
    assert "midpoint:fail" in before["checks"]
    address = f"/api/v1/pages/{library.page_id}/corrections"
    made = corrector.post(address, json=new(library, TRUE, None))
    assert made.status_code == 201
    assert made.json()["author"] == "corrector"
    after = cell(corrector, library)
    assert (after["text"], after["corrected"]) == (TRUE, True)
    assert "midpoint:pass" in after["checks"]
    assert after["correction"] == made.json()["id"]
    undone = corrector.post(f"/api/v1/corrections/{made.json()['id']}/withdraw")
    assert undone.status_code == 200
    assert cell(corrector, library) == before
    said = connection.execute(text('select "user", action from mill.audit order by id')).all()
    assert [tuple(row) for row in said] == [
        ("corrector", "correction.make"),
        ("corrector", "correction.withdraw"),
    ]


def test_nobody_overwrites_another_unseen(library: Library, clients: dict[str, TestClient]) -> None:
    address = f"/api/v1/pages/{library.page_id}/corrections"
    etag = clients["corrector"].get(address).headers["etag"]
    first = clients["corrector"].post(address, json=new(library, TRUE, None))
    late = clients["operator"].post(address, json=new(library, "80.9", None))
    assert late.status_code == 409
    assert late.json()["newest"] == {"id": first.json()["id"], "text": TRUE, "by": "corrector"}
    careful = clients["operator"].post(
        address, json=new(library, "80.9", first.json()["id"]), headers={"If-Match": etag}
    )
    assert careful.status_code == 412
    assert cell(clients["reader"], library)["text"] == TRUE
    seen = clients["operator"].post(
        address,
        json=new(library, "80.9", first.json()["id"]),
        headers={"If-Match": careful.headers["etag"]},
    )
    assert seen.status_code == 201
    assert [each["in_effect"] for each in clients["reader"].get(address).json()] == [False, True]
