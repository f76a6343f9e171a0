from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipeline.recognition.alphabets import KOREAN, LATIN
from pipeline.training.texts import in_fraktur, line_text, read_texts
from pipeline.training.texts_korean import line_text as korean_line
from pipeline.training.texts_korean import read_words


def lines(make: Callable[[np.random.Generator], str], count: int = 300) -> list[str]:
    rng = np.random.default_rng(0)
    return [make(rng) for _ in range(count)]


def test_lines_without_word_lists(tmp_path: Path) -> None:
    texts = read_texts(folder=tmp_path)
    made = lines(lambda rng: line_text(texts, rng))
    assert made == lines(lambda rng: line_text(texts, rng))
    assert all(0 < len(text) <= 66 for text in made)
    assert set("".join(made)) <= set(LATIN)


def test_word_lists_and_own_words_are_used(tmp_path: Path) -> None:
    (tmp_path / "french").write_text("anticonstitutionnellement\n", "utf-8")
    texts = read_texts(["Greffe Xantippe"], tmp_path)
    made = " ".join(lines(lambda rng: line_text(texts, rng), 600))
    assert "anticonstitutionnellement" in made
    assert "Xantippe" in made


def test_fraktur_has_a_long_s_within_words() -> None:
    rng = np.random.default_rng(0)
    assert in_fraktur("es ist das Wasser.", rng).replace("⸗", "-") == "es iſt das Waſſer."
    spelt = {in_fraktur("Bär", rng) for _ in range(40)}
    assert spelt == {"Bär", "Ba\u0364r"}


def test_korean_lines_bring_every_syllable(tmp_path: Path) -> None:
    words = read_words(tmp_path / "missing.dic")
    assert words == ()
    made = lines(lambda rng: korean_line(words, rng), 4000)
    assert set("".join(made)) <= set(KOREAN)
    seen = {c for c in "".join(made) if "가" <= c <= "힣"}
    assert len(seen) == 2350


def test_words_of_a_dictionary(tmp_path: Path) -> None:
    file = tmp_path / "ko.dic"
    file.write_text("3\n감질나아/2\n1루수/25\n쫗/1\n", "utf-8")
    assert read_words(file)[0] == "감질나아"
    assert "1루수" not in read_words(file)
