"""No endpoint answers without its role."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.testclient import TestClient

from storage.accounts import ROLES, Role
from tests.web.library import Library
from web.api.description import role_of

OPEN = {"/sign-in", "/sign-in/{secret}", "/sign-out"}
"""What nobody needs a role for: to sign in, and out."""


def routes(app: FastAPI) -> Iterator[tuple[str, str, Role | None]]:
    """Yield every method and path with the role that it asks for."""
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute):
            for method in sorted(route.methods or ()):
                yield method, str(route.path), role_of(route.dependant)


def test_every_route_asks_for_a_role(app: FastAPI) -> None:
    without = {path for _, path, role in routes(app) if role is None}
    assert without == OPEN


def test_no_route_answers_a_lesser_role(
    app: FastAPI, library: Library, clients: dict[str, TestClient]
) -> None:
    asked = 0
    for method, path, role in routes(app):
        if role is None:
            continue
        address = re.sub(r"\{\w+(:\w+)?\}", "1", path)
        lesser = ["nobody", *ROLES[: ROLES.index(role)]]
        for who in lesser:
            answer = clients[who].request(method, address)
            expected = 401 if who == "nobody" else 403
            assert answer.status_code == expected, (who, method, path)
            asked += 1
    assert asked > 50


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_changes_something_is_for_more_than_readers(app: FastAPI, method: str) -> None:
    harmless = {"/api/v1/recognize", "/recognize", "/api/v1/sql", *OPEN}
    for each, path, role in routes(app):
        if each == method and path not in harmless and not path.startswith("/sql"):
            assert role in ROLES[1:], path
