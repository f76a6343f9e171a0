import csv
from pathlib import Path

import pytest
from PIL import Image

from pipeline.checks.cutouts import CutOut
from pipeline.training.datasets import held_back, sheets, split
from pipeline.training.datasets.cells import read_cells

HEAD = "sheet,cell,image,truth,meteosaver\n"


def test_writers_held_back_are_those_that_a_split_validates_on(tmp_path: Path) -> None:
    Image.new("L", (30, 20), 255).save(tmp_path / "a.png")
    rows = "".join(f"{writer}_1960,D4,a.png,28.7,\n" for writer in "edcba")
    (tmp_path / "cells.csv").write_text(HEAD + rows)
    _, validation = split(read_cells(tmp_path))
    assert {cell.group for cell in validation} == held_back("abcde") == {"d"}


def test_sheets_are_proved_once_and_none_of_a_writer_held_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def read(cutouts: list[CutOut]) -> list[tuple[str, str, str]]:
        asked.extend(cutout.sheet for cutout in cutouts)
        return [(cutouts[0].sheet, cutouts[0].cell, "28.7")]

    monkeypatch.setattr(sheets, "_read", read)
    (tmp_path / "cells.csv").write_text(HEAD + "a_1,D4,a.png,,\na_1,D5,a.png,,\nb_1,D4,a.png,,\n")
    for _ in range(2):
        assert sheets.proved(tmp_path, tmp_path / "work", {"b"}) == {("a_1", "D4"): "28.7"}
    assert asked == ["a_1", "a_1"]
    with (tmp_path / "work" / "proved.csv").open() as file:
        assert len(list(csv.reader(file))) == 2


def test_what_is_proved_is_learnt_and_a_truth_that_it_contradicts_is_left_open(
    tmp_path: Path,
) -> None:
    Image.new("L", (30, 20), 255).save(tmp_path / "a.png")
    (tmp_path / "cells.csv").write_text(
        HEAD + "s,D4,a.png,29.2,\ns,D5,a.png,,999\ns,D6,a.png,,71\ns,D7,a.png,,\n"
    )
    proved = {("s", "D4"): "290", ("s", "D5"): "123"}
    first, second, third = read_cells(tmp_path, proved)
    assert first.texts == ("292", "29.2", "290", "29.0")
    assert (second.texts, second.sure) == (("123", "12.3"), True)
    assert (third.texts, third.sure) == (("71",), False)
