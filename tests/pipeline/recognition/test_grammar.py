"""Constrained decoding against the definition: every alignment of every allowed text."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BadInput
from pipeline.recognition.ctc import decode
from pipeline.recognition.grammar import compile_grammar, compile_words, decode_with

LETTERS = "01.-"


def rows(steps: int, classes: int) -> st.SearchStrategy[np.ndarray]:
    weights = st.lists(st.floats(0.001, 1), min_size=classes, max_size=classes)
    return st.lists(weights, min_size=steps, max_size=steps).map(
        lambda m: (np.array(m) / np.sum(m, axis=1, keepdims=True)).astype(np.float32)
    )


def brute_force(probabilities: np.ndarray, letters: str) -> dict[str, float]:
    """Return the probability of each text, summed over all alignments."""
    steps, classes = probabilities.shape
    total: dict[str, float] = {}
    for path in itertools.product(range(classes), repeat=steps):
        text = "".join(letters[k - 1] for k, _ in itertools.groupby(path) if k)
        p = math.prod(float(probabilities[t, k]) for t, k in enumerate(path))
        total[text] = total.get(text, 0.0) + p
    return total


PATTERNS = [
    "[01]+",
    "-?[01]",
    "0?1?",
    r"[01](\.[01])?",
    "(00|11|1-1)*",
    ".*",
    r"1{2,3}|\.",
    "[^0]+",
]


@settings(max_examples=150, deadline=None)
@given(rows(4, 5), st.sampled_from(PATTERNS))
def test_it_finds_exactly_the_likeliest_allowed_texts(
    probabilities: np.ndarray, pattern: str
) -> None:
    every = brute_force(probabilities, LETTERS)
    allowed = {text: p for text, p in every.items() if re.fullmatch(pattern, text)}
    whole = sum(allowed.values())
    automaton = compile_grammar(pattern).over(LETTERS)
    reading = automaton.decode(probabilities)
    best = sorted(allowed.values(), reverse=True)[:5]
    assert [math.exp(a.logprob) for a in reading.alternatives] == pytest.approx(
        [p / whole for p in best], rel=1e-5
    )
    for alternative in reading.alternatives:
        assert math.exp(alternative.logprob) * whole == pytest.approx(
            allowed[alternative.text], rel=1e-5
        )
    assert reading.text == reading.alternatives[0].text
    assert reading.confidence == pytest.approx(best[0] / whole, rel=1e-5)
    assert automaton.fit(probabilities) == pytest.approx(math.log(whole), abs=1e-5)


NUMBERS = "0123456789.,·-/ "
SHAPES = [r"\d\.\d{3}", r"\d\d[.,·]\d", r"-?\d{1,2}\.\d", r"[0-3]?\d/[01]?\d/1[89]\d\d", r"(\d+)?"]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SHAPES), st.integers(0, 10**6), st.integers(12, 120), st.floats(0.1, 12))
def test_whatever_is_read_is_allowed(pattern: str, seed: int, steps: int, sharp: float) -> None:
    logits = np.random.default_rng(seed).normal(size=(steps, len(NUMBERS) + 1)) * sharp
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    reading = decode_with(probabilities.astype(np.float32), NUMBERS, compile_grammar(pattern))
    assert reading.alternatives
    logprobs = [a.logprob for a in reading.alternatives]
    assert logprobs == sorted(logprobs, reverse=True)
    assert sum(map(math.exp, logprobs)) <= 1 + 1e-6
    for alternative in reading.alternatives:
        assert re.fullmatch(pattern, alternative.text)


@settings(max_examples=40, deadline=None)
@given(rows(5, 5))
def test_where_all_is_allowed_nothing_changes(probabilities: np.ndarray) -> None:
    free = decode(probabilities, LETTERS)
    automaton = compile_grammar(".*").over(LETTERS)
    assert automaton.fit(probabilities) == pytest.approx(0, abs=1e-5)
    # A beam may miss the best, and some of its alignments.
    assert automaton.decode(probabilities).confidence >= free.confidence * (1 - 1e-4)


WORDS = ["calm", "cloudy", "clear", "rain", ""]


def spoken(text: str, letters: str, doubt: float = 0.1) -> np.ndarray:
    """Return probabilities that say `text`, each letter for two steps and a blank between."""
    steps = [i for c in text for i in [letters.index(c) + 1] * 2 + [0]] or [0, 0, 0]
    said = np.full((len(steps), len(letters) + 1), doubt / len(letters))
    said[np.arange(len(steps)), steps] = 1 - doubt
    return said.astype(np.float32)


def test_a_word_list_reads_the_word_that_is_nearest() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    automaton = compile_words(WORDS).over(letters)
    assert automaton.decode(spoken("cloudy", letters)).text == "cloudy"
    assert automaton.decode(spoken("claudy", letters)).text == "cloudy"
    assert automaton.decode(spoken("", letters)).text == ""
    assert {a.text for a in automaton.decode(spoken("caln", letters)).alternatives} == set(WORDS)
    assert automaton.fit(spoken("clear", letters)) > automaton.fit(spoken("zzzzz", letters)) + 5


def test_what_no_text_fits_is_empty() -> None:
    automaton = compile_grammar("0000").over(LETTERS)
    short = np.full((6, 5), 0.2, np.float32)  # four times 0 needs three blanks between
    assert automaton.decode(short).alternatives == ()
    assert automaton.decode(short).confidence == 0
    assert automaton.fit(short) == -math.inf
    unknown = compile_grammar("ab").over(LETTERS)
    assert unknown.decode(np.full((9, 5), 0.2, np.float32)).text == ""


def test_long_lines_do_not_underflow() -> None:
    letters = "0123456789."
    automaton = compile_grammar(r"[0-8]*").over(letters)
    reading = automaton.decode(spoken("1234567890" * 60, letters, 0.3))
    assert 500 < len(reading.text) <= 700
    assert "9" not in reading.text


def test_a_flat_network_ends_in_time() -> None:
    flat = np.full((90, 5), 0.2, np.float32)
    reading = compile_grammar(r"[01]+\.[01]+").over(LETTERS).decode(flat)
    assert re.fullmatch(r"[01]+\.[01]+", reading.text)


@pytest.mark.parametrize(
    ("pattern", "texts", "others"),
    [
        (r"\d{2,}", ["12", "12345"], ["1", "a1"]),
        (r"[+-]?\d", ["+1", "1", "-1"], ["--1", "+"]),
        (r"a|bc|", ["a", "bc", ""], ["b", "abc"]),
        (r"(a+b)?c", ["c", "abc", "aabc"], ["ac", "bc"]),
        (r"\.[\].]x{0,2}", [".]", "..", ".]xx"], ["x]", ".]xxx"]),
        (r"[^\d-]", ["a", "."], ["1", "-"]),
        (r"(a?){3}b", ["b", "aab"], ["aaaab"]),
        (r"(ab|a)*", ["", "aab", "aba"], ["b", "abb"]),
        (r"[a-]", ["a", "-"], ["b"]),
    ],
)
def test_patterns_mean_what_regular_expressions_mean(
    pattern: str, texts: list[str], others: list[str]
) -> None:
    letters = "ab c12345x.+-]"
    automaton = compile_grammar(pattern).over(letters)
    for text in texts:
        assert re.fullmatch(pattern, text)
        assert automaton.decode(spoken(text, letters, 0.01)).text == text
    for text in others:
        assert not re.fullmatch(pattern, text)
        assert automaton.decode(spoken(text, letters, 0.01)).text != text


@pytest.mark.parametrize(
    "pattern",
    ["(", "a)", "*", "[a", "a{", "a{3,1}", "a{99}", "\\", r"\q", "[z-a]", "a{x}", "(?:a)"],
)
def test_what_is_no_pattern_is_refused_in_one_line(pattern: str) -> None:
    with pytest.raises(BadInput) as caught:
        compile_grammar(pattern)
    assert str(caught.value).startswith(f"pattern {pattern}: ")
    assert "\n" not in str(caught.value)


def test_a_pattern_that_explodes_is_refused() -> None:
    with pytest.raises(BadInput, match="more than"):
        compile_grammar("((((a{60}){60}){60}){60})")
    with pytest.raises(BadInput, match="more than"):
        compile_grammar("[ab]*a" + "[ab]" * 40).over("ab")
