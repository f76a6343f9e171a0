"""Edges and rows find their counterparts though a page has drifted, lost some, and added others."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.forms.align import agrees, align, drifted

PLACES = st.lists(st.integers(20, 60), min_size=4, max_size=20).map(
    lambda widths: np.cumsum(widths).astype(float).tolist()
)


@given(PLACES, st.floats(-9, 9), st.data())
def test_what_is_left_of_a_shifted_page_is_found(
    places: list[float], shift: float, data: st.DataObject
) -> None:
    keep = data.draw(st.lists(st.booleans(), min_size=len(places), max_size=len(places)))
    keep[0] = keep[-1] = True
    left = [i for i in range(len(places)) if keep[i] or i % 9 == 0]
    found = [places[i] + shift for i in left]
    pairs = align(places, found, 10.0)
    assert pairs == [(i, j) for j, i in enumerate(left)]
    assert np.allclose(drifted(places, pairs, found), np.array(places) + shift)


@given(PLACES, PLACES)
def test_pairs_rise_and_none_is_used_twice(places: list[float], found: list[float]) -> None:
    pairs = align(places, found, 10.0)
    for (i, j), (k, m) in itertools.pairwise(pairs):
        assert i < k
        assert j < m


def test_one_wider_column_moves_all_that_follow() -> None:
    places = [0.0, 40, 80, 120, 160, 200]
    found = [1.0, 41, 81, 121 + 15, 161 + 15, 201 + 15]
    assert align(places, found, 10.0) == [(i, i) for i in range(6)]


def test_an_edge_that_is_none_is_left_out() -> None:
    places = [0.0, 40, 80, 120]
    found = [0.0, 40, 58, 80, 120]
    assert align(places, found, 10.0) == [(0, 0), (1, 1), (2, 3), (3, 4)]


def test_a_false_edge_in_a_lost_strip_is_left_out() -> None:
    places = [40.0 * i for i in range(12)]
    found = [0.0, 40, 80, 120, 225, 360, 400, 440]
    assert align(places, found, 10.0) == [(i, i) for i in range(4)] + [(9, 5), (10, 6), (11, 7)]


def test_what_lies_between_is_put_as_its_neighbours_are() -> None:
    assert drifted([0, 10, 20, 30], [(0, 0), (3, 1)], [2.0, 35.0]).tolist() == [2, 13, 24, 35]
    assert drifted([0, 10], [], []).tolist() == [0, 10]


def test_of_nothing_nothing_is_found() -> None:
    assert align([], [1.0], 1.0) == []
    assert align([1.0], [], 1.0) == []


def test_columns_of_another_table_do_not_agree() -> None:
    places = [0.0, 40, 95, 120, 190, 230, 300]
    assert agrees(places, [3.0, 43, 98, 123, 203, 243, 313], 20.0)
    assert agrees(places, [40.0, 95, 120, 300], 20.0)
    assert not agrees(places, [0.0, 61, 130, 175, 260, 300], 20.0)
