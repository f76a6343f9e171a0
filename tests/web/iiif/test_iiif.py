"""Images, manifests and search as IIIF clients see them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.web.library import SAMPLES, TRUE, WRONG, Library
from web.site import Site


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_info_says_what_the_service_does(library: Library, clients: dict[str, TestClient]) -> None:
    reader = clients["reader"]
    answer = reader.get(f"/iiif/image/{library.page_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/iiif/image/1/info.json")
    answer = reader.get(answer.headers["location"], headers={"Accept": "application/ld+json"})
    assert answer.headers["content-type"].startswith("application/ld+json")
    assert answer.headers["access-control-allow-origin"] == "*"
    info = answer.json()
    assert info["@context"] == "http://iiif.io/api/image/3/context.json"
    assert (info["type"], info["protocol"]) == ("ImageService3", "http://iiif.io/api/image")
    assert info["profile"] == "level2"
    assert info["id"] == f"http://testserver/iiif/image/{library.page_id}"
    said = library.transcription
    assert (info["width"], info["height"]) == (said.width, said.height)
    assert info["tiles"][0]["scaleFactors"][0] == 1


def test_a_region_is_the_scans_own_pixels(library: Library, clients: dict[str, TestClient]) -> None:
    scan = np.asarray(Image.open(SAMPLES / "daily-ledger.jpg").convert("RGB"), dtype=float)
    address = f"/iiif/image/{library.page_id}/200,300,240,120"
    part = clients["reader"].get(f"{address}/max/0/default.png")
    assert part.headers["content-type"] == "image/png"
    assert (
        np.abs(np.asarray(opened(part.content).convert("RGB")) - scan[300:420, 200:440]).max() < 3
    )
    # Decoded at a half, and mirrored and turned: the same ink at the same place.
    half = opened(clients["reader"].get(f"{address}/120,60/!90/gray.png").content)
    assert half.size == (60, 120)
    upright = np.asarray(half.rotate(90, expand=True).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    expected = scan[300:420, 200:440].mean(axis=2).reshape(60, 2, 120, 2).mean(axis=(1, 3))
    assert np.corrcoef(upright.ravel(), expected.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("form", "kind", "mode"),
    [
        ("default.jpg", "image/jpeg", "L"),
        ("bitonal.png", "image/png", "1"),
        ("gray.webp", "image/webp", "RGB"),
        ("color.jpg", "image/jpeg", "RGB"),
    ],
)
def test_qualities_and_formats(
    library: Library, clients: dict[str, TestClient], form: str, kind: str, mode: str
) -> None:
    answer = clients["reader"].get(f"/iiif/image/{library.page_id}/full/!100,100/22.5/{form}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert opened(answer.content).mode == mode
    assert 'rel="canonical"' in answer.headers["link"]


def test_a_picture_is_not_sent_again(library: Library, clients: dict[str, TestClient]) -> None:
    address = f"/iiif/image/{library.page_id}/full/200,/0/default.jpg"
    first = clients["reader"].get(address)
    again = clients["reader"].get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    wrong = clients["reader"].get(f"/iiif/image/{library.page_id}/full/99999,/0/default.jpg")
    assert (wrong.status_code, wrong.json()["status"]) == (400, 400)
    assert clients["reader"].get("/iiif/image/999/info.json").status_code == 404


def test_a_manifest_leads_to_what_was_read(
    library: Library, clients: dict[str, TestClient]
) -> None:
    reader = clients["reader"]
    manifest = reader.get(f"/iiif/presentation/{library.document_id}/manifest").json()
    assert manifest["type"] == "Manifest"
    assert manifest["@context"][-1] == "http://iiif.io/api/presentation/3/context.json"
    (canvas,) = manifest["items"]
    said = library.transcription
    assert (canvas["width"], canvas["height"]) == (said.width, said.height)
    painting = canvas["items"][0]["items"][0]
    assert painting["target"] == canvas["id"]
    assert reader.get(painting["body"]["service"][0]["id"] + "/info.json").status_code == 200
    assert reader.get(canvas["thumbnail"][0]["id"]).status_code == 200
    texts = {}
    for page in canvas["annotations"]:
        found = reader.get(page["id"]).json()
        assert found["id"] == page["id"]
        for each in found["items"]:
            assert each["target"].startswith(f"{canvas['id']}#xywh=")
            texts[each["body"]["value"]] = each["target"]
    assert said.lines[0].text in texts
    assert said.tables[0].cells[0].text in texts
    alto = reader.get(canvas["seeAlso"][0]["id"])
    assert alto.headers["content-type"] == "application/xml"
    assert b"<alto" in alto.content


def test_search_within_a_document(library: Library, clients: dict[str, TestClient]) -> None:
    reader = clients["reader"]
    manifest = reader.get(f"/iiif/presentation/{library.document_id}/manifest").json()
    service = manifest["service"][0]
    assert service["type"] == "SearchService2"
    found = reader.get(service["id"], params={"q": "thunder"}).json()
    assert found["type"] == "AnnotationPage"
    assert found["id"].endswith("?q=thunder")
    assert all("Thunder" in each["body"]["value"] for each in found["items"])
    assert len(found["items"]) >= 2
    assert reader.get(service["id"], params={"q": "47.2"}).json()["items"]
    ignored = reader.get(service["id"], params={"q": "", "user": "x"}).json()
    assert (ignored["items"], ignored["ignored"]) == ([], ["user"])


def test_a_correction_changes_the_annotations(
    library: Library, clients: dict[str, TestClient]
) -> None:
    address = f"/iiif/presentation/{library.document_id}/pages/{library.page_id}/cells"
    before = clients["reader"].get(address)
    table, row, column = WRONG
    place = {"kind": "cell", "table": table, "row": row, "column": column}
    new = {"run_id": library.run_id, "place": place, "text": TRUE, "seen": None}
    made = clients["corrector"].post(f"/api/v1/pages/{library.page_id}/corrections", json=new)
    assert made.status_code == 201
    seen = {"If-None-Match": before.headers["etag"]}
    after = clients["reader"].get(address, headers=seen)
    assert after.status_code == 200
    name = f"/{table}-{row}-{column}"
    (cell,) = [each for each in after.json()["items"] if each["id"].endswith(name)]
    assert cell["body"]["value"] == TRUE


def test_public_reading_lets_anybody_look_and_nothing_more(
    library: Library, clients: dict[str, TestClient], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = clients["nobody"]
    address = f"/iiif/presentation/{library.document_id}/manifest"
    assert nobody.get(address).status_code == 401
    public = site.settings.model_copy(update={"public_reading": True})
    monkeypatch.setitem(site.__dict__, "settings", public)
    assert nobody.get(address).status_code == 200
    assert nobody.get("/api/v1/search", params={"q": "thunder"}).status_code == 200
    assert nobody.post("/api/v1/sql", json={"statement": "select 1"}).status_code == 401
    assert nobody.post("/api/v1/recognize", content=b"x").status_code == 401
    assert nobody.get("/api/v1/users").status_code == 403
    picture = nobody.get(f"/iiif/image/{library.page_id}/full/50,/0/default.jpg")
    assert picture.headers["cache-control"].startswith("public")
