import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.page import Alternative, Reading
from pipeline.recognition.second import agree

CHANCES = st.dictionaries(st.text("0123456789.", max_size=4), st.floats(1e-3, 1), max_size=5).map(
    lambda found: {text: p / max(1.0, sum(found.values())) for text, p in found.items()}
)


def reading(chances: dict[str, float]) -> Reading:
    ranked = sorted(chances, key=lambda text: -chances[text])
    alternatives = tuple(Alternative(text, math.log(chances[text])) for text in ranked)
    best = ranked[0] if ranked else ""
    return Reading(best, chances.get(best, 0.0), alternatives)


def test_what_both_hold_likely_wins_over_what_one_holds_likeliest() -> None:
    one = reading({"34.5": 0.5, "31.5": 0.45})
    other = reading({"31.5": 0.6, "37.5": 0.3})
    both = agree([one, other])
    assert both.text == "31.5"
    assert both.alternatives[0].text == "31.5"
    assert both.confidence == pytest.approx(math.exp(both.alternatives[0].logprob))
    assert both.confidence > 0.8


def test_of_a_character_all_that_begins_alike_is_sure() -> None:
    both = agree([reading({"31.5": 0.5, "34.5": 0.5}), reading({"31.5": 0.6, "34.5": 0.4})])
    assert both.characters[0] == pytest.approx(1)
    assert both.characters[1] == pytest.approx(0.55, abs=0.01)
    assert len(both.characters) == 4


@given(CHANCES, CHANCES)
def test_chances_stay_chances(one: dict[str, float], other: dict[str, float]) -> None:
    both = agree([reading(one), reading(other)])
    chances = [math.exp(a.logprob) for a in both.alternatives]
    assert sum(chances) <= 1 + 1e-9
    assert chances == sorted(chances, reverse=True)
    assert len(both.characters) in (0, len(both.text))
    assert all(0 <= odds <= 1 + 1e-9 for odds in both.characters)


@given(CHANCES.filter(len), CHANCES.filter(len))
def test_neither_is_asked_first(one: dict[str, float], other: dict[str, float]) -> None:
    if len(one) == len(other):
        here, there = (
            agree(each) for each in ([reading(one), reading(other)], [reading(other), reading(one)])
        )
        assert here.confidence == pytest.approx(there.confidence)
        found = [[math.exp(a.logprob) for a in both.alternatives] for both in (here, there)]
        assert found[0] == pytest.approx(found[1])


@given(CHANCES.filter(len))
def test_of_one_mind_nothing_changes(chances: dict[str, float]) -> None:
    same = agree([reading(chances)] * 3)
    assert same.confidence == pytest.approx(max(chances.values()), abs=1e-3)
