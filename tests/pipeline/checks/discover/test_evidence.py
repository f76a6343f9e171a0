from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.checks.discover.evidence import log_e, log_mean, shares
from pipeline.checks.discover.grid import Bools, Ints

NUMBERS = st.lists(st.integers(-3, 3), min_size=5, max_size=5)


@given(targets=NUMBERS, wanted=NUMBERS, base=NUMBERS, room=st.integers(0, 2))
@settings(max_examples=40, deadline=None)
def test_shuffled_values_give_no_more_evidence_than_one_on_average(
    targets: list[int], wanted: list[int], base: list[int], room: int
) -> None:
    """The exact mean over all orders of what is left of a column once a likeness is taken off."""
    rest, wish, known = np.array(targets), np.array(wanted), np.ones(5, bool)
    likeness = np.array(base)
    evidence = []
    for order in permutations(range(5)):
        values: Ints = likeness + rest[list(order)]
        low, high = wish - room, wish + room
        chance = shares(values, known, low, high, known, [(likeness, known)])
        held = (values >= low) & (values <= high)
        evidence.append(np.exp(log_e(held.astype(float), chance, 5)))
    assert np.mean(evidence) <= 1 + 1e-9


def test_a_column_copied_whole_is_beyond_chance() -> None:
    values = np.arange(20)
    known = np.ones(20, bool)
    nothing = np.zeros(20, np.int64), known
    chance = shares(values, known, values, values, known, [nothing])
    assert chance == pytest.approx(np.full(20, 1 / 20))
    assert log_e(np.ones(20), chance, 20) > np.log(1e15)


def test_what_is_near_anyway_is_no_evidence() -> None:
    values = np.arange(20)
    known: Bools = np.ones(20, bool)
    near = values - 1, known  # the row before: every value is one more
    chance = shares(values, known, values, values, known, [near])
    assert chance.min() == 1
    assert log_e(np.ones(20), chance, 20) == 0


def test_shares_count_known_values_within_the_room() -> None:
    values = np.array([1, 2, 3, 9])
    known = np.array([True, True, True, False])
    nothing = np.zeros(4, np.int64), np.ones(4, bool)
    low, high = np.array([1, 3, 9, 9]), np.array([2, 9, 9, 9])
    chance = shares(values, known, low, high, known, [nothing])
    assert chance == pytest.approx([2 / 3, 1 / 3, 1 / 3, 0])


def test_misses_weigh_less_where_much_was_not_looked_at() -> None:
    weights, chances = np.array([0.0, 0.5]), np.array([0.01, 0.01])
    little = log_e(weights, chances, seen=np.array([0.3, 0.9]))
    much = log_e(weights, chances, seen=np.array([0.9, 0.9]))
    assert little > much


def test_a_mean_of_logarithms() -> None:
    assert log_mean(np.log(np.array([1.0, 3.0]))) == pytest.approx(np.log(2))
    assert log_mean(np.array([-1000.0, -1000.0])) == pytest.approx(-1000)
