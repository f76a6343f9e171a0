"""Pages, lines, tables and cells; lists in parts; ETags."""

from __future__ import annotations

import jsonschema
import sqlalchemy
from fastapi.testclient import TestClient

from pipeline.page import schema, to_json
from tests.storage.pages import add_page
from tests.web.library import PAGE, READ, WRONG, Library


def test_a_page_is_there_with_its_transcription(
    library: Library, clients: dict[str, TestClient]
) -> None:
    reader = clients["reader"]
    (page,) = reader.get("/api/v1/pages").json()["items"]
    assert (page["id"], page["name"], page["run"]) == (library.page_id, PAGE, library.run)
    details = reader.get(f"/api/v1/pages/{library.page_id}").json()
    assert details["readings"][0]["current"]
    assert (details["tables"], details["lines"]) == (1, 3)
    said = reader.get(f"/api/v1/pages/{library.page_id}/transcription").json()
    jsonschema.validate(said, schema())
    assert said == to_json(library.transcription, PAGE, library.run)
    (collection,) = reader.get("/api/v1/collections").json()["items"]
    assert (collection["pages"], collection["pages_read"]) == (1, 1)


def test_a_page_object_says_where_the_page_came_from(
    library: Library, clients: dict[str, TestClient], connection: sqlalchemy.Connection
) -> None:
    connection.execute(
        sqlalchemy.text(
            "update mill.document set address = 'https://archive.example/1.jpg', rights = 'CC0',"
            " sha256 = :sha256, fetched_at = '2026-01-02 03:04:05+00'"
        ),
        {"sha256": library.sha256},
    )
    connection.commit()
    reader = clients["reader"]
    page = f"/api/v1/pages/{library.page_id}"
    objects = [
        reader.get(f"{page}/transcription").json(),
        reader.get(f"{page}/export", params={"format": "json"}).json(),
        reader.get(f"/pages/{library.page_id}/export/json").json(),
    ]
    for said in objects:
        jsonschema.validate(said, schema())
        assert said["provenance"] == {
            "source": "daily-ledger.jpg",
            "sha256": library.sha256,
            "address": "https://archive.example/1.jpg",
            "rights": "CC0",
            "fetched_at": "2026-01-02T03:04:05+00:00",
        }


def test_cells_come_in_parts_that_make_the_whole(
    library: Library, clients: dict[str, TestClient]
) -> None:
    reader = clients["reader"]
    address = f"/api/v1/pages/{library.page_id}/tables/0/cells"
    (table,) = reader.get(f"/api/v1/pages/{library.page_id}/tables").json()
    whole = reader.get(address).json()
    assert len(whole["items"]) == table["rows"] * table["columns"]
    parts, part = [], reader.get(address, params={"limit": 50})
    while True:
        parts += part.json()["items"]
        if part.json()["next"] is None:
            break
        assert part.links["next"]["url"].startswith(address)
        part = reader.get(part.links["next"]["url"])
    assert parts == whole["items"]
    assert reader.get("/api/v1/cells", params={"limit": 1000}).json()["items"] == whole["items"]
    assert reader.get(f"/api/v1/pages/{library.page_id}/tables/1/cells").status_code == 404


def test_pages_come_in_parts(
    library: Library, connection: sqlalchemy.Connection, clients: dict[str, TestClient]
) -> None:
    ids = [library.page_id, *(add_page(connection, f"p{n}", "others") for n in range(4))]
    reader = clients["reader"]
    first = reader.get("/api/v1/pages", params={"limit": 2}).json()
    rest = reader.get("/api/v1/pages", params={"cursor": first["next"]}).json()
    assert [page["id"] for page in first["items"] + rest["items"]] == ids
    only = reader.get("/api/v1/pages", params={"collection": "others"}).json()["items"]
    assert [page["id"] for page in only] == ids[1:]
    assert only[0]["run"] is None
    unread = reader.get(f"/api/v1/pages/{ids[1]}/transcription")
    assert unread.status_code == 404


def test_a_cursor_of_another_list_is_refused(
    library: Library, clients: dict[str, TestClient]
) -> None:
    cursor = clients["reader"].get("/api/v1/cells", params={"limit": 1}).json()["next"]
    answer = clients["reader"].get("/api/v1/pages", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"]


def test_what_one_has_is_not_sent_again(library: Library, clients: dict[str, TestClient]) -> None:
    corrector = clients["corrector"]
    address = f"/api/v1/pages/{library.page_id}/transcription"
    etag = corrector.get(address).headers["etag"]
    again = corrector.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    table, row, column = WRONG
    place = {"kind": "cell", "table": table, "row": row, "column": column}
    new = {"run_id": library.run_id, "place": place, "text": READ, "seen": None}
    made = corrector.post(f"/api/v1/pages/{library.page_id}/corrections", json=new)
    assert made.status_code == 201
    assert corrector.get(address, headers={"If-None-Match": etag}).status_code == 200


def test_what_is_not_there_is_said_as_a_problem(
    library: Library, clients: dict[str, TestClient]
) -> None:
    for path in ("pages/999", "pages/999/transcription", "documents/999", "jobs/999", "nothing"):
        answer = clients["reader"].get(f"/api/v1/{path}")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 404
