"""A server with a small digitized collection, and somebody of each role to ask it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import pytest
import sqlalchemy
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from storage import accounts
from storage.accounts import ROLES
from tests.web.library import Library, fill
from web.security.rates import Rates
from web.site import Site
from workers.services import Endpoints
from workers.settings import settings

SignIn = Callable[[str], str]
"""Called with a role, returns the address that signs in as a user of that role and name."""


@pytest.fixture(scope="session")
def app(services: Endpoints) -> Iterator[FastAPI]:
    """Return the application on the embedded services."""
    from web.app import create_app

    made = create_app(settings(), hosts=("testserver",))
    yield made
    made.state.site.close()


@pytest.fixture
def site(app: FastAPI) -> Site:
    """Return what requests work with, nobody having asked too often yet."""
    site: Site = app.state.site
    object.__setattr__(site, "rates", Rates())
    return site


@pytest.fixture
def library(connection: sqlalchemy.Connection, site: Site) -> Library:
    """Return the one collection in an otherwise empty database."""
    return fill(connection, site.store)


@pytest.fixture
def tokens(connection: sqlalchemy.Connection) -> dict[str, str]:
    """Return a token of each role, of a user who is called as the role is."""
    made: dict[str, str] = {}
    for role in ROLES:
        user = accounts.add(connection, role, role)
        made[role] = accounts.issue(connection, user, "tests", role)
    connection.commit()
    return made


@pytest.fixture
def clients(app: FastAPI, site: Site, tokens: dict[str, str]) -> dict[str, TestClient]:
    """Return a client of each role, and of `nobody`, that calls the application directly."""
    return {
        role: TestClient(
            app,
            headers={"Authorization": f"Bearer {tokens[role]}"} if role in tokens else {},
            follow_redirects=False,
            raise_server_exceptions=False,
        )
        for role in (*ROLES, "nobody")
    }


@pytest.fixture(scope="session")
def server(app: FastAPI) -> Iterator[str]:
    """Return the address of the application behind a real server."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        running = uvicorn.Server(config)
        thread = threading.Thread(target=running.run, args=([listening],), daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not running.started:
            assert thread.is_alive(), "the server does not start"
            assert time.monotonic() < deadline, "the server does not start in time"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        thread.join(10)


@pytest.fixture
def sign_in(server: str, site: Site, connection: sqlalchemy.Connection) -> SignIn:
    """Return a function that gives a link that signs a browser in as a user of a role."""

    def link(role: str) -> str:
        known = {user.name: user for user in accounts.list_users(connection)}
        user = known.get(role) or accounts.add(connection, role, role)  # type: ignore[arg-type]
        secret = accounts.link(connection, user, timedelta(hours=1))
        connection.commit()
        return f"{server}/sign-in/{secret}"

    return link


@pytest.fixture
def browsers(server: str, sign_in: SignIn) -> Iterator[dict[str, httpx.Client]]:
    """Return an HTTP client of each role with a session's cookie, as a browser has it."""
    with contextlib.ExitStack() as stack:
        made: dict[str, httpx.Client] = {}
        for role in ROLES:
            client = stack.enter_context(
                httpx.Client(base_url=server, follow_redirects=False, timeout=60)
            )
            assert client.get(sign_in(role)).status_code == 303
            made[role] = client
        yield made
