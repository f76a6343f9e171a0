"""CER and WER by grapheme cluster, and the five kinds of errors."""

import unicodedata
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from pipeline.evaluation.text import (
    ErrorKinds,
    TextScore,
    characters,
    error_kinds,
    normalize,
    score_text,
    score_texts,
)

texts = st.text(alphabet="ab1 ·.né가각", max_size=14)
lists = st.lists(st.sampled_from(["a", "b", "c", "é", "각", " "]), max_size=12)


@given(texts)
def test_a_text_has_no_errors_against_itself(text: str) -> None:
    score = score_text(text, text)
    assert score.kinds == ErrorKinds()
    assert score.word_edits == 0
    assert score.cer in (0.0, None)


@given(lists, lists)
def test_kinds_make_up_the_edit_distance(truth: list[str], read: list[str]) -> None:
    kinds = error_kinds(truth, read)
    assert kinds.edits == Levenshtein.distance(truth, read)
    assert min(asdict(kinds).values()) >= 0
    lost = kinds.missing + kinds.combination
    won = kinds.insertion + kinds.decomposition
    assert len(truth) - lost + won == len(read)


@given(texts, texts)
def test_edits_are_the_same_both_ways(truth: str, read: str) -> None:
    there, back = score_text(truth, read), score_text(read, truth)
    assert there.kinds.edits == back.kinds.edits
    assert there.word_edits == back.word_edits
    assert there.characters == len(characters(normalize(truth)))
    assert back.characters == len(characters(normalize(read)))


@given(st.lists(st.tuples(texts, texts), max_size=5))
def test_a_total_is_micro(pairs: list[tuple[str, str]]) -> None:
    total = score_texts(pairs)
    parts = [score_text(truth, read) for truth, read in pairs]
    assert total.kinds.edits == sum(part.kinds.edits for part in parts)
    if total.characters:
        assert total.cer == total.kinds.edits / sum(part.characters for part in parts)
    else:
        assert total.cer is None


@pytest.mark.parametrize(
    ("truth", "read", "kinds"),
    [
        ("abc", "axc", ErrorKinds(substitution=1)),
        ("abc", "ac", ErrorKinds(missing=1)),
        ("abc", "abxc", ErrorKinds(insertion=1)),
        ("barn", "bam", ErrorKinds(combination=1)),
        ("bam", "barn", ErrorKinds(decomposition=1)),
        ("13", "B", ErrorKinds(combination=1)),
        ("", "ab", ErrorKinds(insertion=2)),
        ("abc", "", ErrorKinds(missing=3)),
        ("abcd", "xcd", ErrorKinds(combination=1)),
        ("abcd", "x", ErrorKinds(combination=1, missing=2)),
        ("rn rn", "m m", ErrorKinds(combination=2)),
        # White space is never part of a combination: a joint lost is a space missing.
        ("a b", "ab", ErrorKinds(missing=1)),
        ("ab", "a b", ErrorKinds(insertion=1)),
        # Two characters apart are not combined.
        ("axbyc", "azbc", ErrorKinds(substitution=1, missing=1)),
    ],
)
def test_kinds(truth: str, read: str, kinds: ErrorKinds) -> None:
    assert error_kinds(characters(truth), characters(read)) == kinds


def test_a_letter_and_its_marks_are_one_character() -> None:
    assert score_text("é", unicodedata.normalize("NFD", "é")).kinds == ErrorKinds()
    assert score_text("각", "가") == TextScore(1, 1, 1, ErrorKinds(substitution=1))
    assert len(characters("n\u0331\u0307")) == 1


def test_white_space_counts_but_only_once() -> None:
    assert score_text("a  b\n c ", " a b c").kinds == ErrorKinds()
    assert score_text("a b", "ab").kinds.edits == 1


def test_a_raised_decimal_dot_is_a_dot() -> None:
    assert score_text("9·373", "9.373").kinds == ErrorKinds()
    assert score_text("a·b", "a.b").kinds == ErrorKinds(substitution=1)


def test_rates() -> None:
    score = score_text("the cat sat", "the bat")
    assert score.cer == pytest.approx(5 / 11)
    assert score.wer == pytest.approx(2 / 3)
