"""The queue by keyboard alone, and a column as a sheet."""

from __future__ import annotations

import pytest
import sqlalchemy

from storage.corrections import corrections_of
from tests.web.library import READ, TRUE, WRONG, Library
from tests.web.pages.conftest import Open

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.timeout(300)


def test_accept_correct_and_undo_one_after_the_other(
    browse: Open, library: Library, connection: sqlalchemy.Connection
) -> None:
    page = browse("corrector")
    collection = connection.execute(sqlalchemy.text("select id from mill.collection")).scalar_one()
    connection.rollback()
    page.goto(f"/review/{collection}")
    answer = page.get_by_role("textbox", name="What stands there")
    expect(answer).to_be_focused()
    expect(answer).to_have_value(READ)  # at odds with what must add up, and the least sure of that
    page.keyboard.type(TRUE)
    expect(page.locator("button.main")).to_contain_text("Save")
    page.keyboard.press("Enter")
    expect(page.locator("#item")).to_contain_text(f"“{TRUE}” in place of “{READ}”")
    assert [each.text for each in corrections_of(connection, library.page_id)] == [TRUE]

    page.keyboard.press("PageUp")
    expect(page.locator("#item")).to_contain_text(f"“{TRUE}” undone")
    expect(answer).to_be_focused()
    expect(answer).to_have_value(READ)
    connection.rollback()
    assert corrections_of(connection, library.page_id)[0].withdrawn_by == "corrector"


def test_a_column_is_corrected_like_a_spreadsheet(browse: Open, library: Library) -> None:
    page = browse("corrector")
    table, row, column = WRONG
    page.goto(f"/pages/{library.page_id}/tables/{table}/columns/{column}")
    wrong = page.locator(f"#cell-{table}-{row}-{column}")
    expect(wrong).to_be_focused()  # the first that is doubtful
    expect(page.locator("#relations")).to_contain_text("1 do not hold")
    page.keyboard.type(TRUE)
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"#cell-{table}-{row + 1}-{column}")).to_be_focused()
    expect(page.locator("#said")).to_contain_text(f"“{TRUE}” saved")
    expect(page.locator(f"#row-cell-{table}-{row}-{column}")).to_contain_text("verified")
    expect(page.locator("#relations")).not_to_contain_text("do not hold")
    page.keyboard.press("Control+z")
    expect(wrong).to_have_value(READ)

    # Meanwhile nobody else gets at that column, and everybody sees who has it.
    other = browse("operator")
    other.goto(page.url)
    expect(other.locator("main")).to_contain_text("corrector is at this column just now")
    expect(other.locator("#sheet input").first).to_be_disabled()
    other.goto(f"/pages/{library.page_id}")
    expect(other.locator(".held")).to_have_text("✎ corrector")
