"""Take the pictures of the reading room in `docs/`, from what `make demo` digitized.

    make demo && LEDGERMILL_HOME=.demo .venv/bin/python docs/screenshots.py

A server is started for it on the embedded services, and Chromium (`apt-get install chromium`) looks
at it as a user of its own, who is removed again.
"""

from __future__ import annotations

import io
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from sqlalchemy import text

from storage import accounts
from web.app import create_app
from web.site import Site
from workers.settings import settings

HERE = Path(__file__).resolve().parent
PAGE = "daily-ledger"
USER = "screenshots"
SLOW = 120_000
COLOURS = 128


def main() -> None:
    app = create_app(settings())
    with _served(app) as address, _link(app.state.site) as secret, sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        page = browser.new_page(
            base_url=address, viewport={"width": 1280, "height": 760}, reduced_motion="reduce"
        )
        page.set_default_timeout(SLOW)
        page.goto(f"/sign-in/{secret}")
        _search(page)
        _page(page, app.state.site)
        _review(page)
        browser.close()


def _search(page: Page) -> None:
    page.goto("/search?q=value+between+29+and+29.8")
    page.wait_for_load_state("networkidle")
    _take(page, "web-search")


def _page(page: Page, site: Site) -> None:
    with site.reading() as connection:
        found = connection.execute(
            text("select id from mill.page where name = :name order by id"), {"name": PAGE}
        ).scalars()
        number = next(iter(found))
    page.goto(f"/pages/{number}?cell=0,4,3")
    page.keyboard.press("r")
    page.locator("#relations .relations").wait_for()
    page.locator("#detail dl").wait_for()
    page.evaluate("document.getElementById('cell-0-4-3').focus()")
    page.wait_for_timeout(1500)
    _take(page, "web-page")
    page.emulate_media(color_scheme="dark")
    page.keyboard.press("r")
    page.wait_for_timeout(500)
    _take(page, "web-page-dark")
    page.emulate_media(color_scheme="light")


def _review(page: Page) -> None:
    page.goto("/review")
    page.locator("table.list a").first.click()
    page.locator("#answer").wait_for()
    page.wait_for_load_state("networkidle")
    _take(page, "web-review")


def _take(page: Page, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    small = picture.quantize(COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(HERE / f"{name}.png", optimize=True)


@contextmanager
def _served(app: object) -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def _link(site: Site) -> Iterator[str]:
    with site.database.begin() as connection:
        user = accounts.add(connection, f"{USER}-{secrets.token_hex(4)}", "corrector")
        secret = accounts.link(connection, user, timedelta(hours=1))
    try:
        yield secret
    finally:
        with site.database.begin() as connection:
            accounts.remove(connection, user.name)


if __name__ == "__main__":
    main()
