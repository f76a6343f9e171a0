"""What several people together say: the answer to each item, and how reliable each of them is.

Dawid & Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM
algorithm", in its form for open answers, with one reliability for each person in place of a table
of confusions (Zhang, Chen, Zhou & Jordan 2014, arXiv 1406.3824): a person is right as often as
their reliability says, and when wrong gives one of `WRONG` other answers, all alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Key = TypeVar("Key", bound=Hashable)

WRONG = 10
"""Wrong answers that come to mind for an item: ten figures that one figure is misread as."""

RIGHT_BEFORE, WRONG_BEFORE = 8.0, 1.0
"""What is believed of a person before they have said anything: as if 8 of 9 had been right."""

ROUNDS, SETTLED = 100, 1e-6


@dataclass(frozen=True, slots=True)
class Opinion:
    """One answer of one person to one item."""

    item: Hashable
    person: str
    answer: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be believed of an item.

    `answer` is the likeliest, `probability` how likely, `votes` how many gave it of `opinions`.
    """

    answer: str
    probability: float
    votes: int
    opinions: int


@dataclass(frozen=True, slots=True)
class Consensus:
    """All items as settled, and how often each person is right (a probability)."""

    items: Mapping[Hashable, Settled]
    reliability: Mapping[str, float]


def agree(opinions: Sequence[Opinion]) -> Consensus:
    """Return what the opinions come to, by expectation and maximization.

    A person who answers an item more than once counts with their last answer. Nothing but the
    answers is looked at: none is taken to be right because of who gave it.
    """
    last = {(each.item, each.person): each.answer for each in opinions}
    if not last:
        return Consensus({}, {})
    items, item = _numbered([place for place, _ in last])
    people, person = _numbered([name for _, name in last])
    answers, answer = _numbered([(place, text) for (place, _), text in last.items()])
    home = np.array([items[place] for place, _ in answers])
    count = len(items)
    reliability = np.full(len(people), RIGHT_BEFORE / (RIGHT_BEFORE + WRONG_BEFORE))
    chance = _weighed(reliability, person, answer, item, home, count)
    for _ in range(ROUNDS):
        right = np.bincount(person, chance[answer], len(people))
        said = np.bincount(person, minlength=len(people))
        after = (right + RIGHT_BEFORE) / (said + RIGHT_BEFORE + WRONG_BEFORE)
        moved = float(np.abs(after - reliability).max())
        reliability = after
        chance = _weighed(reliability, person, answer, item, home, count)
        if moved < SETTLED:
            break
    votes = np.bincount(answer, minlength=len(answers))
    asked = np.bincount(item, minlength=count)
    settled: dict[Hashable, Settled] = {}
    for (place, text), i in sorted(answers.items(), key=lambda each: float(-chance[each[1]])):
        if place not in settled:
            opinions_of = int(asked[items[place]])
            settled[place] = Settled(text, float(chance[i]), int(votes[i]), opinions_of)
    named = {name: float(reliability[i]) for name, i in people.items()}
    return Consensus({place: settled[place] for place in items}, named)


def _numbered(keys: Sequence[Key]) -> tuple[dict[Key, int], NDArray[np.intp]]:
    """Return the distinct keys with a number each, and the number of every key."""
    numbers: dict[Key, int] = {}
    return numbers, np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.intp)


def _weighed(
    reliability: NDArray[np.float64],
    person: NDArray[np.intp],
    answer: NDArray[np.intp],
    item: NDArray[np.intp],
    home: NDArray[np.intp],
    count: int,
) -> NDArray[np.float64]:
    """Return how likely each distinct answer is, among those given to its item and all others.

    `person`, `answer` and `item` say who gave which answer to what (N each); `home` is the item of
    each distinct answer.
    """
    wrong = np.log1p(-reliability) - np.log(WRONG)
    all_wrong = np.bincount(item, wrong[person], count)
    gain = (np.log(reliability) - wrong)[person]
    weight = np.asarray(all_wrong[home] + np.bincount(answer, gain, len(home)), np.float64)
    top = np.maximum(all_wrong, _most(weight, home, count))
    unsaid = np.maximum(WRONG + 1 - np.bincount(home, minlength=count), 1)
    mass = np.bincount(home, np.exp(weight - top[home]), count) + unsaid * np.exp(all_wrong - top)
    likely: NDArray[np.float64] = np.exp(weight - top[home]) / mass[home]
    return likely


def _most(weight: NDArray[np.float64], home: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    most = np.full(count, -np.inf)
    np.maximum.at(most, home, weight)
    return most
