"""Search, SQL, exports, and an image read at once."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import sqlalchemy
from fastapi.testclient import TestClient
from PIL import Image

from pipeline.observations.station import TEMPLATE, parse_station
from pipeline.page import Reading
from storage.stations import observe_again, set_station
from tests.web.library import Library
from web import recognizing
from web.site import Site


def test_search_goes_on_where_it_left_off(library: Library, clients: dict[str, TestClient]) -> None:
    reader = clients["reader"]
    whole = reader.get("/api/v1/search", params={"q": "showers"}).json()
    assert len(whole["items"]) > 2
    assert whole["next"] is None
    part = reader.get("/api/v1/search", params={"q": "showers", "limit": 2})
    items = part.json()["items"]
    while part.json()["next"] is not None:
        part = reader.get(part.links["next"]["url"])
        items += part.json()["items"]
    assert items == whole["items"]
    assert reader.get("/api/v1/search", params={"q": "shovvers", "fuzzy": True}).json()["items"]
    assert reader.get("/api/v1/search", params={"q": "??"}).status_code == 422


def test_sql_reads_the_views_and_nothing_else(
    library: Library, clients: dict[str, TestClient]
) -> None:
    reader = clients["reader"]
    ask = "select page, count(*) as n, max(value) from cells where value > 80 group by page"
    answer = reader.post("/api/v1/sql", json={"statement": ask}).json()
    assert answer == {
        "columns": ["page", "n", "max"],
        "rows": [["daily-ledger", 1, 86.9]],
        "cut": False,
    }
    for statement in ("table mill.user", "delete from pages", "select 1; select 2"):
        refused = reader.post("/api/v1/sql", json={"statement": statement})
        assert refused.status_code == 400, statement
        assert refused.headers["content-type"] == "application/problem+json"


def test_exports(
    library: Library, clients: dict[str, TestClient], connection: sqlalchemy.Connection
) -> None:
    reader = clients["reader"]
    page = reader.get(f"/api/v1/pages/{library.page_id}/export", params={"format": "csv"})
    assert page.headers["content-disposition"].startswith("attachment; filename=")
    assert page.text.startswith("Day,Max.,Min.,Mean,Rain,Remarks")
    packed = reader.get("/api/v1/export", params={"formats": "csv,json,parquet,alto"})
    assert packed.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as pack:
        assert pack.testzip() is None
        names = sorted(pack.namelist())
    assert {"daily-ledger.json", "daily-ledger.table-1.csv"} < set(names)
    assert any(name.endswith(".parquet") for name in names)
    station = parse_station(TEMPLATE, "station.toml")
    set_station(connection, library.collection, station)
    connection.commit()
    observe_again(connection.engine, library.collection)
    both = {"formats": "sef,json", "collection": library.collection}
    with zipfile.ZipFile(io.BytesIO(reader.get("/api/v1/export", params=both).content)) as pack:
        assert "daily-ledger.json" in pack.namelist()
        series = [name for name in pack.namelist() if name.endswith(".tsv")]
        assert series
        assert pack.read(series[0]).startswith(b"SEF\t1.0.0")
    for query in ({"collection": "none"}, {"job": "99"}):
        assert reader.get("/api/v1/export", params=query).status_code == 404
    for _ in range(3):  # what was refused holds no place
        assert reader.get("/api/v1/export", params={"formats": "json"}).status_code == 200


class DrawnEngine:
    """Finds one line and reads it."""

    digest = "0" * 64

    def detect(self, gray: np.ndarray) -> np.ndarray:
        return np.array([[[10, 10], [90, 10], [90, 30], [10, 30]]], dtype=np.float32)

    def recognize(self, crops: list[np.ndarray], charset: str | None = None) -> list[Reading]:
        return [Reading("12.5", 0.75) for _ in crops]


@pytest.fixture
def drawn(site: Site, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr("pipeline.engines.load_engine", lambda *_: DrawnEngine())
    monkeypatch.setitem(site.__dict__, "recognizer", recognizing.Recognizer("cpu", 1))
    out = io.BytesIO()
    Image.fromarray(np.full((60, 120), 255, np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_an_image_is_read_at_once(drawn: bytes, clients: dict[str, TestClient]) -> None:
    reader = clients["reader"]
    png = {"Content-Type": "image/png"}
    answer = reader.post("/recognize", content=drawn, headers=png).json()
    assert (answer["width"], answer["height"]) == (120, 60)
    (line,) = answer["lines"]
    assert (line["text"], line["confidence"]) == ("12.5", 0.75)
    assert len(line["coordinates"]) == 8
    form = {"image": ("a.png", drawn)}
    found = reader.post("/api/v1/recognize?detect_only=true", files=form).json()
    assert found["lines"] == [{**line, "text": None, "confidence": None}]


def test_what_is_no_image_is_refused(drawn: bytes, clients: dict[str, TestClient]) -> None:
    reader = clients["reader"]
    octets = {"Content-Type": "application/octet-stream"}
    for data in (b"", b"%PDF-1.7\n", drawn[:60]):
        refused = reader.post("/api/v1/recognize", content=data, headers=octets)
        assert refused.status_code == 422, data
    assert reader.post("/api/v1/recognize", content=drawn).status_code == 415
    long = {"Content-Length": str(10**12), "Content-Type": "image/png"}
    assert reader.post("/api/v1/recognize", content=drawn, headers=long).status_code == 413


def test_when_too_many_wait_one_is_told_to_come_again(
    drawn: bytes,
    clients: dict[str, TestClient],
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(recognizing.WAITING):
        site.recognizer._line.acquire()
    png = {"Content-Type": "image/png"}
    refused = clients["reader"].post("/recognize", content=drawn, headers=png)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
