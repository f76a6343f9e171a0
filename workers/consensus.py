"""Opinions become corrections where people agree, and are listed where they don't."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from pipeline.consensus import Opinion, agree
from pipeline.tables.values import parse_value
from storage.corrections import Conflict, Correction, correct, corrections_of
from storage.opinions import Item, Said, opinions_of

AUTHOR = "consensus"
"""Who makes the corrections that opinions come to."""

LEAST_VOTES = 2
"""One person alone is no agreement."""


@dataclass(frozen=True, slots=True)
class Open:
    """A place whose opinions do not come to anything yet: `said` is who said what."""

    page: str
    item: Item
    said: tuple[tuple[str, str], ...]
    likeliest: str
    probability: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the opinions of a collection came to.

    `settled` places were corrected now, `standing` ones before, or by a person; `open` ones ask for
    more opinions or somebody's decision. `agreement` is the part of all pairs of opinions of one
    place that say the same. `reliability` is how often each person is right.
    """

    settled: int
    standing: int
    open: tuple[Open, ...]
    agreement: float | None
    reliability: Mapping[str, float]


def settle(engine: Engine, collection: str, least: float = 0.95) -> Outcome:
    """Correct those places of a collection of whose text the opinions make sure.

    That is where an answer is as probable as `least` and at least two gave it. Nothing that a
    person decided is changed; what was settled before is, if later opinions say otherwise.
    """
    with engine.connect() as connection:
        said = list(opinions_of(connection, collection))
    by_item: defaultdict[Item, list[Said]] = defaultdict(list)
    for each in said:
        by_item[each.item].append(each)
    found = agree([Opinion(each.item, each.author, answer_of(each.text)) for each in said])
    settled = standing = 0
    left = []
    for item, opinions in by_item.items():
        decided = found.items[item]
        spellings = Counter(o.text for o in opinions if answer_of(o.text) == decided.answer)
        text = spellings.most_common(1)[0][0]
        if decided.probability < least or decided.votes < LEAST_VOTES:
            with engine.connect() as connection:
                stands = _standing(corrections_of(connection, item.page_id), item)
            if stands is None or stands.author == AUTHOR:
                who = tuple((each.author, each.text) for each in opinions)
                left.append(Open(opinions[0].page, item, who, text, decided.probability))
            else:
                standing += 1
            continue
        changed = _decide(engine, item, text)
        settled += changed
        standing += not changed
    return Outcome(settled, standing, tuple(left), _agreement(by_item), found.reliability)


def _decide(engine: Engine, item: Item, text: str) -> bool:
    """Correct a place to what was agreed; tell whether that changed anything."""
    with engine.begin() as connection:
        stands = _standing(corrections_of(connection, item.page_id), item)
        if stands is not None and (stands.author != AUTHOR or stands.text == text):
            return False
        seen = None if stands is None else stands.id
        try:
            correct(connection, item.page_id, item.run_id, item.place, text, AUTHOR, seen)
        except Conflict:  # somebody decides just now
            return False
    return True


def _standing(corrections: Sequence[Correction], item: Item) -> Correction | None:
    """Return the correction in effect at a place of the reading that was asked about."""
    spots = {c.spot for c in corrections if (c.run_id, c.made_at) == (item.run_id, item.place)}
    return next((c for c in corrections if c.in_effect and c.spot in spots), None)


def answer_of(text: str) -> str:
    """Return what an opinion says, whatever marks it is written with: 28,1 and 28·1 are one."""
    value = parse_value(text)
    return " ".join(text.split()) if value is None else repr(value)


def _agreement(by_item: Mapping[Item, Sequence[Said]]) -> float | None:
    same = pairs = 0
    for opinions in by_item.values():
        counts = Counter(answer_of(each.text) for each in opinions)
        pairs += len(opinions) * (len(opinions) - 1) // 2
        same += sum(n * (n - 1) // 2 for n in counts.values())
    return same / pairs if pairs else None
