"""What axe-core finds on every page, by day and by night: nothing serious; and all fit a phone."""

from __future__ import annotations

import pytest
import sqlalchemy

from tests.web.library import WRONG, Library
from tests.web.pages.conftest import Open

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.timeout(300)

SERIOUS = ("serious", "critical")


def test_axe_finds_nothing_serious(
    browse: Open, library: Library, connection: sqlalchemy.Connection
) -> None:
    page = browse("operator")
    collection = connection.execute(sqlalchemy.text("select id from mill.collection")).scalar_one()
    place = library.page_id, ",".join(map(str, WRONG))
    paths = {
        "/": "form[role=search]",
        "/search?q=value+between+40+and+60": ".facets a",
        f"/collections/{collection}": "table.list",
        f"/pages/{place[0]}?cell={place[1]}": "#detail dl",
        f"/pages/{place[0]}/compare": "main p",
        f"/pages/{place[0]}/tables/0/columns/1": "#relations .relations",
        "/review": "table.list",
        f"/review/{collection}": "#answer",
        "/jobs": "#now",
        "/learning": "#learnt",
        "/series": ".chart a",
        "/sql": "textarea",
    }
    found: list[tuple[object, ...]] = []
    for path, there in paths.items():
        page.goto(path)
        page.locator(there).first.wait_for()
        if path.startswith(f"/pages/{place[0]}?"):
            page.keyboard.press("r")
            page.locator("#relations .relations").wait_for()
            page.keyboard.press("?")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            results = axe.Axe().run(page, options={"resultTypes": ["violations"]})
            assert results.response["passes"], path
            found += [
                (path, scheme, fault["id"], [node["html"][:200] for node in fault["nodes"][:3]])
                for fault in results.response["violations"]
                if fault["impact"] in SERIOUS
            ]
        page.set_viewport_size({"width": 360, "height": 740})  # a phone's
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [(path, "scrolls sideways", wide)] if wide > 360 else []
        page.set_viewport_size({"width": 1280, "height": 800})
    page.context.clear_cookies()
    page.goto("/sign-in")
    results = axe.Axe().run(page, options={"resultTypes": ["violations"]})
    found += [("/sign-in", fault["id"]) for fault in results.response["violations"]]
    assert found == []
