"""`recognize` and `--detect-only`, with an engine that finds and reads always the same."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline import engines
from pipeline.page import Reading
from workers.cli.main import run


class Fixed:
    digest = "0" * 64

    def detect(self, gray: np.ndarray) -> np.ndarray:
        return np.array([[(20, 10), (120, 10), (120, 40), (20, 40)]], np.float32)

    def recognize(self, crops: Sequence[np.ndarray], charset: str | None = None) -> list[Reading]:
        return [Reading("29.7", crop.shape[1] / 100) for crop in crops]


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: Any) -> Fixed:
        return Fixed()

    monkeypatch.setattr(engines, "load_engine", load)


@pytest.fixture
def pages(tmp_path: Path) -> list[str]:
    files = []
    for name, width in (("a", 40), ("b", 90)):
        page = np.full((100, width), 235, np.uint8)
        cv2.putText(page, "29.7", (4, 40), cv2.FONT_HERSHEY_PLAIN, 1, 10, 1)
        files.append(str(tmp_path / f"{name}.png"))
        cv2.imwrite(files[-1], page)
    return files


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_only_polygons_come_of_detecting(
    pages: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none.png")
    assert run(["recognize", "--detect-only", *pages, missing]) == 1
    shown = capsys.readouterr()
    found = lines(shown.out)
    assert [page["page"] for page in found] == ["a", "b"]
    assert all(set(page) == {"page", "width", "height", "angle", "polygons"} for page in found)
    assert (found[1]["width"], found[1]["height"]) == (90, 100)
    assert len(found[1]["polygons"][0]) == 4
    assert shown.err.count("\n") == 1
    assert "none.png: there is no such file" in shown.err

    out = tmp_path / "out"
    assert run(["digitize", pages[0], "--out", str(out), "--detect-only"]) == 0
    assert lines((out / "polygons.jsonl").read_text("utf-8")) == found[:1]


def test_detecting_reads_nothing(pages: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recognize", "--detect-only", "--charset", "numeric", *pages]) == 2
    assert "reads nothing" in capsys.readouterr().err
    assert run(["recognize", "--detect-only"]) == 1
    assert "no pages found" in capsys.readouterr().err


def test_a_wrong_charset_is_refused(pages: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recognize", "--charset", "roman", *pages]) == 1
    assert "charset roman: there is none of that name" in capsys.readouterr().err


def test_a_reading_that_is_not_sure_enough_is_rejected_but_kept(
    pages: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "strict.toml"
    profile.write_text("[recognition]\nreject_below = 0.5\n")
    assert run(["recognize", "--profile", str(profile), *pages]) == 0
    found = lines(capsys.readouterr().out)
    assert [(each["text"], each["status"]) for each in found] == [
        ("29.7", "rejected"),
        ("29.7", "plain"),
    ]
    grid = tmp_path / "grid.csv"
    grid.write_text("sheet,cell,image\nS,D4,a.png\nS,D5,b.png\n")
    assert run(["recognize", "--profile", str(profile), "--grid", str(grid)]) == 0
    found = lines(capsys.readouterr().out)
    assert [each["status"] for each in found] == ["rejected", "plain"]
    assert all(each["raw"] == "29.7" for each in found)
