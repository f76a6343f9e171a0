"""A real browser, signed in; whatever it complains of fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.web.conftest import SignIn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

CHROMIUM = Path("/usr/bin/chromium")
SLOW = 100_000
"""Milliseconds that a step may take: the machine may be busy, and nothing waits without need."""

Open = Callable[[str], "Page"]
"""Called with a role, gives a page of a browser of its own that is signed in so."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Browser, server: str, sign_in: SignIn) -> Iterator[Open]:
    """Return a function that opens the front page, signed in as a user of some role.

    In the end no page may have had an error, nor broken the content security policy. What the
    network says of an answer that was meant to be refused (409) is no error.
    """
    complaints: list[str] = []
    contexts = []

    def start(role: str) -> Page:
        context = chromium.new_context(
            base_url=server,
            viewport={"width": 1280, "height": 800},
            reduced_motion="reduce",
            accept_downloads=True,
        )
        context.set_default_timeout(SLOW)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: _note(complaints, said))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(sign_in(role))
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints: list[str], said: ConsoleMessage) -> None:
    refused = "the server responded with a status of 409" in said.text
    if said.type in ("error", "warning") and not refused:
        complaints.append(f"{said.text} ({said.location.get('url')})")
