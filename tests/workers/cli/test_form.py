"""`ledgermill form`: learnt from drawn pages, shown, and never written over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline import engines
from pipeline.forms.form import load_form
from pipeline.page import Reading
from pipeline.preprocess import Gray
from tests.pipeline.forms.pages import Page
from workers.cli.main import run


class Reader:
    """Finds what was drawn on the page of that size; reads every crop as the same number."""

    digest = "0" * 64

    def __init__(self) -> None:
        self.pages: list[Page] = []

    def detect(self, gray: Gray) -> np.ndarray:
        return next((page.corners for page in self.pages if page.image.shape == gray.shape), NONE)

    def recognize(self, crops: Sequence[Gray], charset: str | None = None) -> list[Reading]:
        return [Reading("29.7", 0.9) for _ in crops]


NONE = np.zeros((0, 4, 2), np.float32)


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    reader = Reader()
    monkeypatch.setattr(engines, "load_engine", lambda *_: reader)
    return reader


@pytest.fixture
def pages(reader: Reader, tmp_path: Path) -> list[str]:
    files = []
    for number, rows in enumerate((8, 9)):
        page = Page(np.random.default_rng(number), rows=rows)
        reader.pages.append(page)
        files.append(str(tmp_path / f"page-{number}.png"))
        cv2.imwrite(files[-1], page.image)
    return files


def test_a_form_is_learnt_and_shown(
    pages: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = str(tmp_path / "blank.png")
    cv2.imwrite(empty, np.full((700, 650), 245, np.uint8))
    out = tmp_path / "My form.toml"
    profile = tmp_path / "plain.toml"
    profile.write_text("[preprocessing]\ncrop = false\ndeskew = false\n")
    options = ["--out", str(out), "--profile", str(profile), "--json"]
    assert run(["form", "learn", *pages, empty, *options]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"form": str(out), "pages": 2, "of_form": 2}
    assert "blank: no table found" in shown.err
    form = load_form(out)
    assert form.name == "My-form"
    assert len(form.columns) == 7
    assert form.grid is not None
    assert len(form.grid.rows) in (9, 10)
    assert {column.role for column in form.columns} == {"number"}

    assert run(["form", "show", str(out)]) == 0
    assert "My-form: 7 columns" in capsys.readouterr().out
    assert run(["form", "show", str(out), "--json"]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [column["role"] for column in said["columns"]] == ["number"] * 7

    before = out.read_bytes()
    assert run(["form", "learn", *pages, "--out", str(out)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == before


def test_pages_that_cannot_be_opened_are_told_in_one_line(
    reader: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none.png")
    assert run(["form", "learn", missing, "--out", str(tmp_path / "form.toml")]) == 1
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 2
    assert "none.png" in shown[0]
    assert "no page with a table found" in shown[1]
    assert not (tmp_path / "form.toml").exists()


def test_what_is_no_form_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("[[columns]]\nrole = 'colour'\n")
    assert run(["form", "show", str(path)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "wrong.toml: is no valid form (columns.0.role" in line
