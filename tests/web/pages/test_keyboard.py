"""From a question to corrected files without a mouse."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from tests.web.library import READ, TRUE, WRONG, Library
from tests.web.pages.conftest import Open

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.timeout(300)

CELL = "#cell-{}-{}-{}".format(*WRONG)
MEAN = f"#cell-0-{WRONG[1]}-3"
"""The cell that is halfway between the maximum and the minimum of the row."""


def test_search_open_correct_see_the_total_turn_green_undo_export(
    browse: Open, library: Library, tmp_path: Path
) -> None:
    page = browse("corrector")
    press = page.keyboard.press
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("register")
    press("Enter")
    page.wait_for_url(re.compile(r"/search\?"))
    expect(page.locator("mark")).to_have_text("Register")
    press("j")
    press("Enter")
    page.wait_for_url(re.compile(rf"/pages/{library.page_id}\?line=0$"))
    expect(page.locator("#line-0")).to_be_focused()
    mean = page.locator(MEAN)
    expect(mean).to_have_class(re.compile("failed"))
    expect(mean.get_by_role("img", name="failed")).to_have_text("≠")

    press("t")
    press("n")
    for _ in range(8):  # the doubtful places of the page, in turn
        if page.evaluate("document.activeElement.id") == CELL[1:]:
            break
        press("n")
    expect(page.locator(CELL)).to_be_focused()
    press("Enter")
    page.keyboard.type(TRUE)
    press("Enter")
    expect(page.locator("#said")).to_contain_text(f"Corrected to “{TRUE}”")
    expect(page.locator(CELL)).to_contain_text(TRUE)
    expect(mean).to_have_class(re.compile("verified"))
    expect(mean.get_by_role("img", name="verified")).to_have_text("✓")
    # Enter went on to the row below, as in a spreadsheet.
    expect(page.locator(f"#cell-0-{WRONG[1] + 1}-{WRONG[2]}")).to_be_focused()

    press("u")
    expect(page.locator(CELL)).to_contain_text(READ)
    expect(mean).to_have_class(re.compile("failed"))

    press("ArrowUp")
    expect(page.locator(CELL)).to_be_focused()
    page.keyboard.type(TRUE)  # a figure begins to type at once
    press("Enter")
    expect(mean).to_have_class(re.compile("verified"))

    press("x")
    expect(page.get_by_role("link", name=re.compile("^CSV"))).to_be_focused()
    with page.expect_download() as waiting:
        press("Enter")
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert TRUE in _text(path)
    assert READ not in _text(path)


def test_what_adds_up_is_shown_and_keys_are_told(browse: Open, library: Library) -> None:
    page = browse("corrector")
    page.goto(f"/pages/{library.page_id}?cell=0,{WRONG[1]},3")
    press = page.keyboard.press
    press("r")
    expect(page.locator("#equation")).to_contain_text("Mean = (Max. + Min.) / 2: ≠ does not hold")
    expect(page.locator(CELL)).to_have_class(re.compile("operand"))
    expect(page.locator(".glass polygon.operand")).to_have_count(2)
    press("ArrowDown")
    expect(page.locator("#equation")).to_contain_text("✓ holds")
    press("r")
    expect(page.locator(".operand")).to_have_count(0)

    press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    press("g")
    press("j")
    page.wait_for_url(re.compile("/jobs$"))


def _text(path: Path) -> str:
    if path.suffix != ".zip":
        return path.read_text("utf-8")
    with zipfile.ZipFile(path) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())
