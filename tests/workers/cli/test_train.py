"""`ledgermill train` with a network so small that it is done before it has learnt anything."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.models.load import load_recognizer
from pipeline.page import Cell, Table, Transcription, to_json
from pipeline.recognition.network import RecognizerConfig
from pipeline.training import lessons
from pipeline.training.datasets import Labelled
from pipeline.training.datasets.corrected import read_corrected
from pipeline.training.recognizer import Lesson
from workers.cli.main import run

TINY = RecognizerConfig(
    "01", height=16, least=16, area=512, channels=(2, 2, 4), width=16, layers=1, sequence="dilated"
)


def sample(rng: Any) -> Labelled:
    text = "".join(str(rng.integers(2)) for _ in range(3))
    crop = np.full((24, 64), 230, np.uint8)
    cv2.putText(crop, text, (4, 20), cv2.FONT_HERSHEY_PLAIN, 1.5, 10, 2)
    return Labelled(crop, (text,), "drawn")


def tiny(data: Path | None, work: Path) -> Lesson:
    rng = np.random.default_rng(1)
    return Lesson(TINY, sample, {"drawn": [sample(rng) for _ in range(12)]}, crops=4)


@pytest.fixture(autouse=True)
def lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lessons.LESSONS, "tiny", tiny)


def train(out: Path, *options: str) -> int:
    return run(["train", "recognizer", "--profile", "tiny", "--out", str(out), "--json", *options])


def test_a_training_leaves_weights_and_a_card_and_is_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tiny"
    assert train(out, "--steps", "3") == 0
    said = json.loads(capsys.readouterr().out)
    network, config = load_recognizer(Path(said["weights"]))
    assert network.config == TINY
    assert config["step"] == 3
    assert set(said["accuracy"]) == {"drawn"}
    card = Path(said["card"]).read_text("utf-8")
    assert "ledgermill train recognizer --profile tiny --steps 3 --out DIR" in card
    assert "| drawn | 1 | 12 |" in card
    assert train(out, "--steps", "5") == 0
    steps = [int(row["step"]) for row in csv.DictReader((out / "curves.csv").open())]
    assert steps == [3, 5]


def test_another_training_does_not_go_on_in_the_same_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tiny"
    assert train(out, "--steps", "2") == 0
    capsys.readouterr()
    assert train(out, "--steps", "2", "--from", str(out / "tiny.safetensors")) == 1
    assert "holds another training" in capsys.readouterr().err
    finer = tmp_path / "finer"
    assert train(finer, "--steps", "2", "--from", str(out / "tiny.safetensors")) == 0
    assert (finer / "tiny.safetensors").exists()


def test_wrong_names_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "recognizer", "--profile", "runes", "--out", str(tmp_path)]) == 1
    assert "no such lesson; choose one of numeric" in capsys.readouterr().err
    assert train(tmp_path / "x", "--from", str(tmp_path / "none.safetensors")) == 1
    assert capsys.readouterr().err.count("\n") == 1


def corrected_page(folder: Path) -> None:
    """Write a page with the cells 12, 3x, an empty one and one that nobody settled."""
    image = np.full((60, 400), 240, np.uint8)
    says = ["12", "3x", "", "45"]
    cells = []
    for column, text in enumerate(says):
        left = 100 * column
        cv2.putText(image, text, (left + 20, 40), cv2.FONT_HERSHEY_PLAIN, 2, 0, 2)
        corners = ((left, 0.0), (left + 99.0, 0.0), (left + 99.0, 59.0), (left, 59.0))
        status: Any = "doubtful" if text == "45" else "plain"
        cells.append(Cell(0, column, text, text, 0.5, corners, status=status))
    whole = ((0.0, 0.0), (399.0, 0.0), (399.0, 59.0), (0.0, 59.0))
    page = Transcription(400, 60, 0.0, (), (Table(whole, 1, 4, tuple(cells)),))
    (folder / "page.json").write_text(json.dumps(to_json(page, "page", "run")))
    cv2.imwrite(str(folder / "page.png"), image)


def test_corrected_pages_are_cut_into_what_the_alphabet_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corrected_page(tmp_path)
    (cell,) = read_corrected(tmp_path, "0123456789")
    assert (cell.texts, cell.group) == (("12",), "page")
    assert 50 <= cell.gray.shape[0] <= 72
    assert cell.gray.min() < 60
    lesson = lessons.numeric(tmp_path, tmp_path / "work")
    assert "corrected" in lesson.validation
    (tmp_path / "page.png").unlink()
    assert run(["train", "recognizer", "--profile", "numeric", "--data", str(tmp_path),
                "--out", str(tmp_path / "out")]) == 1  # fmt: skip
    assert "has no image of the same name" in capsys.readouterr().err
