"""Names of towns, as far as a list of 34,000 knows them.

The list (`places.tsv.gz`, made by `pipeline.training.places`) is of GeoNames, CC BY 4.0. A name
tells which town is the largest of that name, not which was meant.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.observations.dates import MONTHS
from pipeline.page import Tag
from pipeline.prose.tagging.folding import folded

FILE = Path(__file__).with_name("places.tsv.gz")
SHORTEST = 4
LONGEST = 4
"""Words that a name has at most."""

_WORDS = re.compile(r"[^\W\d_]+(?:['’.-]+ ?[^\W\d_]+)*")
_HANGUL = re.compile(r"[가-힣]+")
_PARTICLES = frozenset(
    {"에", "에서", "에는", "의", "은", "는", "이", "가", "을", "를", "으로", "로", "와", "과", "도"}
    | {"만", "까지", "부터", "시", "시의", "시에", "시에서", "시는"}
)
_BEFORE = re.compile(
    r"(?:\b(?:at|in|from|of|to|near|between|and|via|a|de|d'|en|pres|vers|chez|par|depuis|entre|et"
    r"|zu|nach|von|bei|aus|uber|und|te|van|naar|bij|em|di|da)|[àÀ]) ?$"
)
"""Words that a place may stand behind, without accents."""

_BEHIND = re.compile(r" ?[,:(]? ?(?:le|den|the|ce|\d)")
"""What stands behind a place at the head of a letter: the day."""


@dataclass(frozen=True, slots=True)
class Place:
    """A town: its usual name, its GeoNames number, how sure a name is that is one of its names.

    It is `large` from 100,000 inhabitants on, and a `word` where a dictionary has it in small.
    """

    name: str
    number: int
    large: bool
    word: bool


def find_places(text: str, language: str | None) -> list[Tag]:
    """Return the towns that a line names; `value` is the usual name (*London* of *Londres*).

    One that is small, or whose name is a word, too, counts only behind a word such as *in* or
    before a day.
    """
    names = _east(text) if language == "ko" else _west(text)
    found: list[Tag] = []
    for start, end, place in names:
        if not found or start >= found[-1].end:
            reference = f"geonames:{place.number}"
            found.append(Tag("place", start, end, place.name, None, reference))
    return found


def _west(text: str) -> Iterator[tuple[int, int, Place]]:
    # What has accents must have the right ones (*León* is no *Léon*), what has none may lack them.
    said, small = folded(text), text.replace("ſ", "s").lower()
    if len(small) != len(text):
        small = said
    words, known = list(_WORDS.finditer(text)), _known()
    for i, first in enumerate(words):
        if not first[0][0].isupper() or first[0].lower() in MONTHS:
            continue
        for last in reversed(words[i : i + LONGEST]):
            place = known.get(small[first.start() : last.end()])
            if place is None:
                continue
            sure = place.large and not place.word
            beside = _BEFORE.search(said[: first.start()]) or _BEHIND.match(said[last.end() :])
            if sure or beside:
                yield first.start(), last.end(), place
                break


def _east(text: str) -> Iterator[tuple[int, int, Place]]:
    known = _known()
    for word in _HANGUL.finditer(text):
        for end in range(len(word[0]), 1, -1):
            place = known.get(word[0][:end])
            if place and (end == len(word[0]) or word[0][end:] in _PARTICLES):
                yield word.start(), word.start() + end, place
                break


@cache
def _known() -> Mapping[str, Place]:
    """Return the places by their names in small letters, with accents and without."""
    known: dict[str, Place] = {}
    with gzip.open(FILE, "rt", encoding="utf-8") as lines:
        for line in lines:
            name, number, flags, usual = line.rstrip("\n").split("\t")
            place = Place(usual or name, int(number), flags[0] == "1", flags[1] == "1")
            for key in {name.lower(), folded(name)}:
                before = known.get(key)
                if before is None or place.large > before.large:
                    known[key] = place
    return known
