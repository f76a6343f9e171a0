from pathlib import Path

import numpy as np
import pytest

from pipeline.recognition.alphabets import LATIN
from pipeline.training.fonts import BUNDLED
from pipeline.training.hands import ABOVE, WEB, Hand, covered, find_hands, runs, set_line, writable


@pytest.fixture(scope="module")
def hand() -> Hand:
    return Hand("sans", (BUNDLED,), dict.fromkeys(covered(BUNDLED, LATIN), 0))


def test_a_face_covers_what_it_draws() -> None:
    found = covered(BUNDLED, "aB字")
    assert found == {"a", "B"}


def test_what_cannot_be_written_is_bare_or_left_out(hand: Hand) -> None:
    few = Hand("hand", hand.faces, dict.fromkeys("aeinst ", 0))
    assert writable("été  ſien 字 s", few) == "ete sien s"
    assert writable("字字", few) == ""
    assert writable(f"a{ABOVE}n", few) == f"a{ABOVE}n"


def test_a_set_line_is_cut_tight_and_follows_the_seed(hand: Hand) -> None:
    for text in ("Vente 2.20", "x", f"Ba{ABOVE}r", "iiiiiiii", "WWWWWWWWWWWWWWWWWWWW"):
        gray = set_line(text, hand, 34, np.random.default_rng(5))
        assert np.array_equal(gray, set_line(text, hand, 34, np.random.default_rng(5)))
        assert gray.min() < 100
        for edge in (gray[0], gray[-1], gray[:, 0], gray[:, -1]):
            assert edge.min() < 255


def test_longer_texts_are_wider(hand: Hand) -> None:
    widths = [set_line("n" * k, hand, 30, np.random.default_rng(1)).shape[1] for k in (2, 10, 40)]
    assert widths[0] < widths[1] < widths[2]


def test_words_are_divided_by_file(hand: Hand) -> None:
    two = Hand("serif", (BUNDLED, BUNDLED), {"a": 0, "b": 0, "ſ": 1, "e": 0})
    assert list(runs("abſa", two)) == [("ab", 0), ("ſ", 1), ("a", 0)]
    assert list(runs(f"a{ABOVE}b", two)) == [("a", 0), (ABOVE, 0), ("b", 0)]
    assert list(runs("ab", two, single=True)) == [("a", 0), ("b", 0)]


def test_parts_of_web_fonts_belong_together() -> None:
    match = WEB.fullmatch("im-fell-english-latin-ext-400-italic")
    assert match is not None
    assert (match["family"], match["rest"]) == ("im-fell-english", "400-italic")
    assert WEB.fullmatch("Kristi") is None


def test_no_faces_where_none_are(tmp_path: Path) -> None:
    (tmp_path / "hand" / "broken").mkdir(parents=True)
    (tmp_path / "hand" / "broken" / "a.ttf").write_bytes(b"no font")
    assert find_hands(("hand", "serif"), LATIN, tmp_path) == []
