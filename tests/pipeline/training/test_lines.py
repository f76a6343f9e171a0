from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LedgermillError
from pipeline.recognition.alphabets import LATIN
from pipeline.training.datasets import Labelled
from pipeline.training.fonts import BUNDLED
from pipeline.training.hands import Hand, covered
from pipeline.training.lines import Drawn, Real, sampler
from pipeline.training.prose import HELD, WRITER, real_lines


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    hand = Hand("sans", (BUNDLED,), dict.fromkeys(covered(BUNDLED, LATIN), 0))
    return Drawn([hand], {"sans": 1.0, "hand": 1.0}, lambda rng: f"No {rng.integers(99)}", {})


def test_samples_follow_the_seed(drawn: Drawn) -> None:
    sample = sampler(drawn)
    first, second = (sample(np.random.default_rng(3)) for _ in range(2))
    assert first.texts == second.texts
    assert np.array_equal(first.gray, second.gray)
    assert first.compare == "text"


def test_real_lines_come_as_often_as_they_should(drawn: Drawn) -> None:
    line = Labelled(np.full((30, 90), 200, np.uint8), ("real",), "writer")
    sample = sampler(drawn, [Real([line], 0.25), Real([], 0.5)])
    rng = np.random.default_rng(0)
    share = np.mean([sample(rng).texts == ("real",) for _ in range(400)])
    assert 0.18 < share < 0.32


def test_respelling_is_by_style(drawn: Drawn) -> None:
    spelt = Drawn(drawn.hands, drawn.styles, drawn.text, {"sans": lambda text, _: text.upper()})
    assert sampler(spelt)(np.random.default_rng(0)).texts[0].startswith("NO ")


def test_no_faces_is_said(drawn: Drawn) -> None:
    with pytest.raises(LedgermillError, match="install_fonts"):
        sampler(Drawn([], drawn.styles, drawn.text, {}))


def test_the_split_is_by_writer_and_book() -> None:
    assert HELD.match("riant-4/")
    assert not HELD.match("dufour-1/")
    assert HELD.match("cremma-20/01R")
    assert not HELD.match("cremma-20/")
    assert WRITER["archiscribe-lines"] == r".*(?=_)"


def test_lines_of_a_folder(tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "archiscribe-lines"
    folder.mkdir()
    for name in ("1800_book_0a", "1812_book_0b"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((20, 60), 220, np.uint8))
        (folder / f"{name}.txt").write_text("Waſſer\n", "utf-8")
    train, held = real_lines(tmp_path)
    assert [line.labelled.group for line in train] == ["archiscribe-lines/1800_book"]
    assert [line.texts for line in held["archiscribe-lines_print"]] == [("Waſſer",)]
