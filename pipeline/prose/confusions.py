"""Characters that look alike, and the known words that they make of an unknown one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from pipeline.prose.words import Lexicon

ALIKE = (
    "ſf", "fs", "ſs", "fk", "kt", "ft", "lI", "Il", "li", "ij", "ec", "co", "oe", "ae", "ao", "nu",
    "nr", "uv", "hb", "hk", "yg", "vr", "CG", "CO", "OQ", "EF", "BR", "BV", "PR", "SJ", "TJ", "NR",
    "éè", "eé", "eè", "eê", "àa", "uü", "oö", "aä", "cç", "iî", "oô",
)  # fmt: skip
"""Pairs that are taken for each other, in print and in writing."""

ALIKE_GROUPS = (("rn", "m"), ("ni", "m"), ("in", "m"), ("cl", "d"), ("ii", "u"), ("vv", "w"))

FIGURES = {"0": "oO", "1": "lIi", "5": "sS", "8": "B"}
"""Figures within words, and the letters that they look like."""

SHORTEST = 3
"""Words of fewer letters are too easily made of each other."""

# Of the letters that Hangul syllables are made of, by their place in the syllable.
INITIALS = ("ᄋᄆ", "ᄇᄑ", "ᄃᄐ", "ᄀᄏ", "ᄌᄎ", "ᄋᄒ", "ᄂᄃ", "ᄉᄌ")
VOWELS = ("ᅡᅣ", "ᅡᅵ", "ᅥᅧ", "ᅥᅵ", "ᅩᅭ", "ᅮᅲ", "ᅩᅳ", "ᅮᅳ", "ᅢᅦ", "ᅡᅥ", "ᅩᅮ", "ᅢᅡ", "ᅦᅥ")
FINALS = ("ᆫᆯ", "ᆫᆼ", "ᆼᆷ", "ᆯᆰ", "ᆸᆷ", "ᆺᆻ", "ᆮᆯ", "ᆨᆯ", "ᆫᆮ")

_AROUND = ".,;:!?()[]«»„“”\"'’-–—"


def confused(word: str, lexicon: Lexicon) -> list[str]:
    """Return what a word may be that is not known: known words with one character else.

    In Korean, where most rows of syllables can be some word, any with one letter of one syllable
    else. A figure counts as a letter only within a word.
    """
    core = word.strip(_AROUND)
    if len(core) < 2:
        return []
    before, _, after = word.partition(core)
    if lexicon.parts:
        found = [other for i in range(len(core)) for other in syllables(core, i)]
    elif len(core) < SHORTEST or lexicon.knows(core):
        return []
    elif core.isalpha():
        found = [other for other in _alike(core) if lexicon.knows(other)]
    else:
        found = [other for other in _without_figures(core) if lexicon.knows(other)]
    return [before + other + after for other in found]


def _alike(word: str) -> Iterator[str]:
    """Yield what a word would be with one character in place of another."""
    letters, groups = _tables()
    for i, letter in enumerate(word):
        for other in letters.get(letter, ()):
            yield word[:i] + other + word[i + 1 :]
        for group, one in groups:
            if word.startswith(group, i):
                yield word[:i] + one + word[i + len(group) :]


def _without_figures(word: str) -> Iterator[str]:
    """Yield a word with letters for its figures, all of one kind, where most of it is letters."""
    letters = sum(c.isalpha() for c in word)
    figure = next((c for c in word if c in FIGURES), "")
    if letters >= SHORTEST and letters + word.count(figure) == len(word):
        for letter in FIGURES[figure]:
            yield word.replace(figure, letter)


def syllables(word: str, place: int) -> Iterator[str]:
    """Yield a Korean word with one letter of one syllable in place of one that looks like it."""
    letters = list(unicodedata.normalize("NFD", word[place]))
    if len(letters) < 2:
        return
    for i, (letter, pairs) in enumerate(zip(letters, (INITIALS, VOWELS, FINALS), strict=False)):
        for other in _others(letter, pairs):
            made = unicodedata.normalize("NFC", "".join([*letters[:i], other, *letters[i + 1 :]]))
            yield word[:place] + made + word[place + 1 :]


def _others(letter: str, pairs: Sequence[str]) -> Iterator[str]:
    for pair in pairs:
        if letter in pair:
            yield pair.replace(letter, "")


@cache
def _tables() -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    letters: dict[str, list[str]] = {}
    for pair in ALIKE:
        for letter in pair:
            letters.setdefault(letter, []).append(pair.replace(letter, ""))
    groups = [*ALIKE_GROUPS, *((one, group) for group, one in ALIKE_GROUPS)]
    return letters, groups
