"""Jobs over HTTP: uploads, progress as it goes on, ending and trying again."""

from __future__ import annotations

import json
from typing import Any

import httpx
import sqlalchemy
from fastapi.testclient import TestClient
from sqlalchemy import text

from storage import jobs
from tests.web.library import SAMPLES, Library


def upload(client: TestClient, **fields: str) -> Any:
    image = (SAMPLES / "daily-ledger.jpg").read_bytes()
    files = [("files", ("../../etc/scan 1.jpg", image, "image/jpeg")), ("files", ("b.txt", b""))]
    return client.post("/api/v1/jobs", files=files, data={"collection": "new", **fields})


def test_an_upload_becomes_a_job_whose_sources_are_in_the_store(
    library: Library, clients: dict[str, TestClient], connection: sqlalchemy.Connection
) -> None:
    answer = upload(clients["operator"], language="english")
    assert answer.status_code == 201
    job = answer.json()
    assert (job["collection"], job["state"]) == ("new", "running")
    assert job["sources"] == {"pending": 1, "refused": 1}
    assert [failure["what"] for failure in job["failures"]] == ["b.txt"]
    stored = connection.execute(
        text("select source, sha256 from mill.job_source where state = 'pending'")
    ).one()
    assert stored.sha256 == library.sha256
    (newest, *_) = clients["reader"].get("/api/v1/jobs").json()["items"]
    assert newest["id"] == job["id"]
    address = f"/api/v1/jobs/{job['id']}"
    assert clients["operator"].post(f"{address}/pause").json()["paused"]
    assert not clients["operator"].post(f"{address}/resume").json()["paused"]
    assert clients["operator"].post(f"{address}/cancel").json()["state"] == "failed"


def test_no_file_of_the_server_can_be_named(clients: dict[str, TestClient]) -> None:
    operator = clients["operator"]
    assert upload(operator, profile="/etc/passwd").status_code == 404
    for source in ("/etc/passwd", "file:///etc/passwd", "ftp://host/x", "http://", "s3://m]"):
        said = {"sources": [source], "collection": "new"}
        assert operator.post("/api/v1/jobs/sources", json=said).status_code == 422, source
    assert operator.get("/api/v1/jobs").json()["items"] == []
    no_form = operator.post("/api/v1/jobs", json={"collection": "new"})
    assert no_form.status_code == 415
    assert operator.post("/api/v1/jobs", files=[("x", b"")]).status_code == 422


def test_progress_is_told_as_it_goes_on(
    library: Library, connection: sqlalchemy.Connection, server: str, tokens: dict[str, str]
) -> None:
    collection = connection.execute(text("select id from mill.collection")).scalar_one()
    job_id = jobs.create(connection, "reprocess", collection, None)
    connection.commit()
    headers = {"Authorization": f"Bearer {tokens['reader']}"}
    events: list[tuple[str, Any]] = []
    address = f"{server}/api/v1/jobs/{job_id}/events"
    with httpx.stream("GET", address, headers=headers, timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        for line in answer.iter_lines():
            kind, _, said = line.partition(": ")
            if kind == "event":
                name = said
            elif kind == "data":
                events.append((name, json.loads(said)["state"]))
                if len(events) == 1:
                    jobs.cancel(connection, job_id)
                    connection.commit()
    assert events == [("progress", "ingesting"), ("progress", "failed"), ("end", "failed")]
