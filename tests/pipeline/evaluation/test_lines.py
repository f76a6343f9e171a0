"""Texts are paired by place, whatever order they were read in."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.lines import PlacedText, pair_by_place
from pipeline.evaluation.text import score_texts


def _at(text: str, x: float, y: float, width: float = 100, height: float = 20) -> PlacedText:
    return PlacedText(text, ((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


@given(st.randoms())
def test_reading_order_costs_nothing(order: random.Random) -> None:
    truth = [_at(f"line {i}", 10 * (i % 2), 30 * i) for i in range(6)]
    read = [_at(item.text, 2 + 10 * (i % 2), 30 * i + 3) for i, item in enumerate(truth)]
    order.shuffle(read)
    assert score_texts(pair_by_place(truth, read)).kinds.edits == 0


def test_pieces_of_a_line_are_joined_from_left_to_right() -> None:
    read = [_at("sat", 60, 0, 40), _at("the cat", 0, 0, 55)]
    assert pair_by_place([_at("the cat sat", 0, 0)], read) == [("the cat sat", "the cat sat")]


def test_what_nobody_claims_counts_in_full() -> None:
    pairs = pair_by_place([_at("here", 0, 0)], [_at("there", 0, 300)])
    assert sorted(pairs) == [("", "there"), ("here", "")]
    assert pair_by_place([], [_at("there", 0, 300)]) == [("", "there")]
    assert pair_by_place([_at("here", 0, 0)], []) == [("here", "")]
