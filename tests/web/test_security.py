"""What stands around every answer: headers, limits, host names."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.web.library import TRUE, WRONG, Library
from web.site import Site


def test_every_answer_tells_the_browser_to_be_careful(
    library: Library, clients: dict[str, TestClient]
) -> None:
    for who, path in (
        ("nobody", "/sign-in"),
        ("nobody", "/api/v1/me"),
        ("reader", "/api/v1/pages"),
        ("reader", "/nowhere"),
        ("reader", f"/iiif/image/{library.page_id}/full/9,/0/default.jpg"),
    ):
        headers = clients[who].get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"]
        assert "Cookie" in headers["vary"]


def test_another_host_name_is_not_answered(clients: dict[str, TestClient]) -> None:
    answer = clients["reader"].get("/api/v1/me", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_a_body_without_an_end_is_cut_off(clients: dict[str, TestClient], site: Site) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b'{"statement": "' + b"x" * 65536

    answer = clients["reader"].post(
        "/api/v1/sql", content=endless(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_who_asks_too_often_is_told_when_to_come_again(
    clients: dict[str, TestClient], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = site.settings.model_copy(update={"requests_per_minute": 5})
    monkeypatch.setitem(site.__dict__, "settings", slow)
    answers = [clients["reader"].get("/api/v1/me") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert clients["corrector"].get("/api/v1/me").status_code == 200


def test_a_session_changes_nothing_without_its_csrf_token(
    library: Library, browsers: dict[str, httpx.Client]
) -> None:
    table, row, column = WRONG
    place = {"kind": "cell", "table": table, "row": row, "column": column}
    new = {"run_id": library.run_id, "place": place, "text": TRUE, "seen": None}
    address = f"/api/v1/pages/{library.page_id}/corrections"
    browser = browsers["corrector"]
    for headers in ({}, {"X-CSRF-Token": "0" * 64}):
        refused = browser.post(address, json=new, headers=headers)
        assert refused.status_code == 403
        assert "CSRF" in refused.json()["detail"]
    assert browser.get(address).json() == []


def test_the_audit_log_and_tokens_are_for_admins(clients: dict[str, TestClient]) -> None:
    admin = clients["admin"]
    made = admin.post("/api/v1/users", json={"name": "anna", "role": "reader"})
    assert (made.status_code, made.json()["role"]) == (201, "reader")
    assert admin.post("/api/v1/users", json={"name": "anna"}).status_code == 422
    token = {"user": "anna", "name": "script", "role": "admin"}
    secret = admin.post("/api/v1/tokens", json=token).json()["secret"]
    bearer = {"Authorization": f"Bearer {secret}"}
    # A token's rights are never more than its user's.
    assert clients["nobody"].get("/api/v1/me", headers=bearer).json()["role"] == "reader"
    (kept,) = admin.get("/api/v1/tokens", params={"user": "anna"}).json()
    assert kept["used_at"] is not None
    assert secret not in admin.get("/api/v1/tokens").text
    changed = admin.patch("/api/v1/users/anna", json={"role": "corrector"})
    assert changed.json()["role"] == "corrector"
    assert admin.delete(f"/api/v1/tokens/{kept['id']}").status_code == 204
    assert clients["nobody"].get("/api/v1/me", headers=bearer).status_code == 401
    assert admin.delete("/api/v1/users/anna").status_code == 204
    assert admin.delete("/api/v1/users/anna").status_code == 404
    log = admin.get("/api/v1/audit", params={"limit": 3}).json()
    assert [entry["action"] for entry in log["items"]] == [
        "user.remove",
        "token.revoke",
        "user.change",
    ]
    older = admin.get("/api/v1/audit", params={"cursor": log["next"]}).json()
    assert [entry["action"] for entry in older["items"]] == ["token.create", "user.add"]
    assert all(entry["user"] == "admin" for entry in log["items"] + older["items"])
