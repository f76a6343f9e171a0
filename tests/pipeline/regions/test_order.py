"""Boxes come out as they are read: columns one after the other, lines in each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.regions.order import Boxes, columns

LINE = 20.0


def line(x: float, y: float, wide: float) -> tuple[float, float, float, float]:
    return (x, y, x + wide, y + LINE)


def column(x: float, y: float, wide: float, rows: int) -> list[tuple[float, float, float, float]]:
    return [line(x, y + 28 * row, wide) for row in range(rows)]


HEADING = line(300, 0, 300)
LEFT, RIGHT = column(0, 60, 430, 8), column(470, 60, 430, 6)
BELOW = column(0, 300, 900, 3)
THIRDS = [column(x, 400, 280, 5) for x in (0, 310, 620)]
PAGE = [HEADING, *LEFT, *RIGHT, *BELOW, *THIRDS[0], *THIRDS[1], *THIRDS[2]]


def read(boxes: list[tuple[float, float, float, float]]) -> list[int]:
    return [i for each in columns(np.array(boxes), LINE) for i in each]


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(len(PAGE))), st.integers(0, 2**32 - 1))
def test_columns_are_read_one_after_the_other_in_whatever_order_they_were_found(
    order: list[int], seed: int
) -> None:
    jitter = np.random.default_rng(seed).uniform(-2, 2, (len(PAGE), 4))
    boxes: Boxes = (np.array(PAGE) + jitter)[order]
    found = [i for each in columns(boxes, LINE) for i in each]
    assert [order[i] for i in found] == list(range(len(PAGE)))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 900), st.floats(0, 900), st.floats(1, 900), st.floats(1, 90)),
        max_size=30,
    )
)
def test_every_box_is_read_once(sides: list[tuple[float, float, float, float]]) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in sides]).reshape(-1, 4)
    found = [i for each in columns(boxes, LINE) for i in each]
    assert sorted(found) == list(range(len(boxes)))


def test_a_list_with_figures_at_its_right_is_read_row_by_row() -> None:
    names, figures = column(0, 0, 300, 5), column(700, 0, 60, 5)
    pairs = [box for pair in zip(names, figures, strict=True) for box in pair]
    assert read(pairs) == list(range(10))


def test_a_line_found_in_pieces_is_read_as_one() -> None:
    pieces = [line(0, 0, 200), line(230, 3, 300), line(560, -2, 300), line(0, 28, 880)]
    assert read(pieces) == [0, 1, 2, 3]


@pytest.mark.parametrize("rows", [1, 2])
def test_what_stands_side_by_side_for_a_line_or_two_makes_no_columns(rows: int) -> None:
    """A place at the left and a date at the right are parts of the same line."""
    boxes = [
        box for row in range(rows) for box in (line(0, 28 * row, 300), line(600, 28 * row, 300))
    ]
    assert read([*boxes, *column(0, 120, 900, 4)]) == list(range(2 * rows + 4))
