"""Signing in, and what a session may do."""

from __future__ import annotations

import re

import httpx
import sqlalchemy
from fastapi.testclient import TestClient

from storage import accounts
from tests.web.conftest import SignIn
from tests.web.library import Library


def test_a_link_signs_in_once(sign_in: SignIn, server: str) -> None:
    link = sign_in("corrector")
    with httpx.Client(base_url=server) as first, httpx.Client(base_url=server) as second:
        answer = first.get(link)
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert first.get("/api/v1/me").json() == {"user": "corrector", "role": "corrector"}
        assert second.get(link).status_code == 401
        assert second.get("/api/v1/me").status_code == 401


def test_a_page_without_a_session_leads_to_signing_in(server: str, library: Library) -> None:
    answer = httpx.get(f"{server}/?q=1", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=%2F%3Fq%3D1"


def test_signing_out_needs_the_csrf_token_and_ends_the_session(
    browsers: dict[str, httpx.Client],
) -> None:
    browser = browsers["reader"]
    page = browser.get("/", headers={"Accept": "text/html"})
    csrf = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    assert csrf is not None
    assert browser.post("/sign-out").status_code == 403
    assert browser.post("/sign-out", data={"csrf": "0" * 64}).status_code == 403
    other = {"Origin": "https://elsewhere.example"}
    assert browser.post("/sign-out", data={"csrf": csrf[1]}, headers=other).status_code == 403
    cookie = browser.cookies["ledgermill_session"]
    assert browser.get("/api/v1/me").status_code == 200
    assert browser.post("/sign-out", data={"csrf": csrf[1]}).status_code == 303
    browser.cookies.set("ledgermill_session", cookie)
    assert browser.get("/api/v1/me").status_code == 401


def test_passwords(connection: sqlalchemy.Connection, clients: dict[str, TestClient]) -> None:
    accounts.add(connection, "anna", "corrector", "a long password")
    connection.commit()
    nobody = clients["nobody"]
    for name, password in (("anna", "a wrong password"), ("nobody", "a long password")):
        assert nobody.post("/sign-in", data={"name": name, "password": password}).status_code == 401
    form = {"name": "anna", "password": "a long password", "next": "https://elsewhere.example/"}
    answer = nobody.post("/sign-in", data=form)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert nobody.get("/api/v1/me").json()["user"] == "anna"
    accounts.remove(connection, "anna")
    connection.commit()
    assert nobody.get("/api/v1/me").status_code == 401


def test_guessing_is_slowed_down(
    connection: sqlalchemy.Connection, clients: dict[str, TestClient]
) -> None:
    nobody = clients["nobody"]
    statuses = [nobody.get(f"/sign-in/{'x' * 43}").status_code for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    form = {"name": "reader", "password": "a long password"}
    assert nobody.post("/sign-in", data=form).status_code == 429
