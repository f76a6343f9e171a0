"""Several people's answers, and what they come to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.consensus import Opinion, agree

OPINIONS = st.lists(
    st.builds(
        Opinion,
        st.integers(0, 6),
        st.sampled_from(["ann", "ben", "cy", "dora"]),
        st.sampled_from(["20.1", "20.7", "28.1"]),
    ),
    max_size=30,
)


def test_nothing_said_settles_nothing() -> None:
    found = agree([])
    assert not found.items
    assert not found.reliability


def test_two_who_agree_are_believed_over_one_alone() -> None:
    said = [Opinion("a", "ann", "20.1"), Opinion("b", "ann", "7"), Opinion("b", "ben", "7")]
    found = agree(said)
    assert found.items["b"].answer == "7"
    assert found.items["b"].probability > found.items["a"].probability
    assert (found.items["b"].votes, found.items["b"].opinions) == (2, 2)


def test_who_answers_twice_counts_with_the_last() -> None:
    found = agree([Opinion("a", "ann", "1"), Opinion("a", "ann", "7")])
    assert found.items["a"].answer == "7"
    assert found.items["a"].opinions == 1


def test_one_reliable_person_outweighs_two_who_guess() -> None:
    """Known from the items where many agree: who is careless is told from who is not."""
    rng = np.random.default_rng(5)
    said = []
    for item in range(200):
        for person, right in (("good", 0.98), ("fine", 0.95), ("poor", 0.35), ("bad", 0.3)):
            answer = "true" if rng.random() < right else f"wrong {rng.integers(10)}"
            said.append(Opinion(item, person, answer))
    said += [
        Opinion("split", "good", "true"),
        Opinion("split", "poor", "wrong 1"),
        Opinion("split", "bad", "wrong 1"),
    ]
    found = agree(said)
    assert found.items["split"].answer == "true"
    assert found.reliability["good"] == pytest.approx(0.98, abs=0.03)
    assert found.reliability["poor"] == pytest.approx(0.35, abs=0.08)
    assert np.mean([found.items[i].answer == "true" for i in range(200)]) > 0.95


@given(OPINIONS)
def test_probabilities_are_such_and_answers_were_given(said: list[Opinion]) -> None:
    found = agree(said)
    assert set(found.items) == {each.item for each in said}
    assert set(found.reliability) == {each.person for each in said}
    for item, settled in found.items.items():
        given_answers = {each.answer for each in said if each.item == item}
        assert settled.answer in given_answers
        assert 0 < settled.probability < 1
        assert 1 <= settled.votes <= settled.opinions
    assert all(0 < each < 1 for each in found.reliability.values())


@given(OPINIONS, st.randoms(use_true_random=False))
def test_the_order_of_people_does_not_matter(said: list[Opinion], random: object) -> None:
    once = list({(each.item, each.person): each for each in said}.values())
    shuffled = sorted(once, key=lambda each: random.random())  # type: ignore[attr-defined]
    one, other = agree(once), agree(shuffled)
    for item in one.items:
        assert one.items[item].probability == pytest.approx(other.items[item].probability)
