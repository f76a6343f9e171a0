"""Two people at the same place: the second is told, and nothing is lost."""

from __future__ import annotations

import pytest
import sqlalchemy

from storage.corrections import corrections_of
from tests.web.library import TRUE, WRONG, Library
from tests.web.pages.conftest import Open

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.timeout(300)

CELL = "#cell-{}-{}-{}".format(*WRONG)


def test_neither_overwrites_the_other_unseen(
    browse: Open, library: Library, connection: sqlalchemy.Connection
) -> None:
    first, second = browse("corrector"), browse("operator")
    for page in (first, second):
        page.goto(f"/pages/{library.page_id}?cell={','.join(map(str, WRONG))}")
        expect(page.locator(CELL)).to_be_focused()
    first.keyboard.type(TRUE)
    first.keyboard.press("Enter")
    expect(first.locator("#said")).to_contain_text("Corrected")

    second.keyboard.type("56.9")
    second.keyboard.press("Enter")
    dialog = second.get_by_role("dialog", name="Somebody was here before you")
    expect(dialog).to_contain_text(f"corrector says{TRUE}")
    expect(dialog).to_contain_text("You say56.9")
    expect(dialog.get_by_role("button", name="Keep theirs")).to_be_focused()
    second.keyboard.press("Enter")
    expect(second.locator(CELL)).to_contain_text(TRUE)
    assert _said(connection, library) == [(TRUE, "corrector", True)]

    # Having seen theirs, the second may say otherwise; what was said before is kept.
    second.locator(CELL).focus()
    second.keyboard.type("56.9")
    second.keyboard.press("Enter")
    expect(second.locator("#said")).to_contain_text("Corrected to “56.9”")
    assert _said(connection, library) == [(TRUE, "corrector", False), ("56.9", "operator", True)]

    # The first, who knows nothing of it, is told in turn, and writes over it knowingly.
    first.locator(CELL).focus()
    first.keyboard.type(TRUE)
    first.keyboard.press("Enter")
    first.get_by_role("button", name="Write mine over theirs").click()
    expect(first.locator("#said")).to_contain_text("Corrected")
    expect(first.locator(CELL)).to_contain_text(TRUE)
    assert [said[2] for said in _said(connection, library)] == [False, False, True]


def _said(connection: sqlalchemy.Connection, library: Library) -> list[tuple[str, str, bool]]:
    connection.rollback()  # to see what was committed meanwhile
    return [
        (each.text, each.author, each.in_effect)
        for each in corrections_of(connection, library.page_id)
    ]
