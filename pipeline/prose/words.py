"""How likely a word is in a language: by how often it is used, else by its letters.

Frequencies are those of `wordfreq` (https://doi.org/10.5281/zenodo.7199437). What is not among
them is spelled by a Markov chain of order three over letters, learnt from the most frequent words
(Witten-Bell smoothing), as names and old spellings are. Korean words grow endings on, and lists
have both apart: there a word is the likeliest row of parts.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

UNKNOWN = 0.05
"""How much of running text is words that no list has."""

ORDER = 3
MOST_FREQUENT = 10_000
"""Words that spelling is learnt from, each counted once."""

LETTERS = 200.0
"""Letters that might come where none has been seen: of these each is as likely."""

SIGN, DIGIT = math.log(0.02), math.log(0.1)
"""What a sign of punctuation (or a space) and a digit cost, as the logarithm of a probability."""

ODD_CASE = math.log(0.03)
"""What capitals within a word cost."""

LONGEST_PART = 8
NO_PART = math.log(1e-8)
"""What a syllable costs that no part of a word has."""

_WORD = re.compile(r"[^\W\d_]+")
_IN_PARTS = frozenset({"ko"})
_OLD = str.maketrans({"ſ": "s", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl"})


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Relative frequencies of words in lower case, and counts of what follows up to 3 letters.

    With `parts` the words of the list are what words are put together from.
    """

    frequencies: Mapping[str, float]
    following: Mapping[str, Counter[str]]
    parts: bool = False

    def knows(self, word: str) -> bool:
        """Tell whether the list has a word, in any case."""
        return folded(word) in self.frequencies

    def text(self, text: str) -> float:
        """Return the logarithm of how likely a piece of text is, word by word."""
        total, end = 0.0, 0
        for match in _WORD.finditer(text):
            total += _signs(text[end : match.start()]) + self.word(match[0])
            end = match.end()
        return total + _signs(text[end:])

    def word(self, word: str) -> float:
        """Return the logarithm of how likely a word is, in the case that it is written in."""
        if self.parts:
            return self._together(word)
        case = 0.0 if word.islower() or word.isupper() or word.istitle() else ODD_CASE
        lower = folded(word)
        known = self.frequencies.get(lower, 0.0)
        return case + math.log((1 - UNKNOWN) * known + UNKNOWN * math.exp(self.spelled(lower)))

    def _together(self, word: str) -> float:
        """Return the logarithm of how likely the likeliest row of parts is (Viterbi)."""
        best = [0.0, *[-math.inf] * len(word)]
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - LONGEST_PART), end):
                part = self.frequencies.get(word[start:end])
                if part is not None:
                    best[end] = max(best[end], best[start] + math.log(part))
            best[end] = max(best[end], best[end - 1] + NO_PART)
        return best[-1]

    def spelled(self, word: str) -> float:
        """Return the logarithm of how likely letters follow upon each other as in a word."""
        total = 0.0
        padded = f"^{word}$"
        for i in range(1, len(padded)):
            chance = 1 / LETTERS
            for first in range(i, max(0, i - ORDER) - 1, -1):
                counts = self.following.get(padded[first:i])
                if counts is not None:
                    distinct = len(counts)
                    seen = counts.total()
                    chance = (counts[padded[i]] + distinct * chance) / (seen + distinct)
            total += math.log(chance)
        return max(total, -300.0)


def folded(word: str) -> str:
    """Return a word as lists have it: in lower case, in today's letters."""
    return word.translate(_OLD).lower()


def _signs(text: str) -> float:
    return sum(DIGIT if sign.isdigit() else SIGN for sign in text)


@lru_cache(maxsize=8)
def lexicon(language: str) -> Lexicon | None:
    """Return the lexicon of a language (BCP 47), `None` where there is no list of its words."""
    import wordfreq

    name = language.partition("-")[0]
    if name not in _languages():
        return None
    if name in _IN_PARTS:
        return Lexicon(wordfreq.get_frequency_dict(name, "best"), {}, parts=True)
    following: dict[str, Counter[str]] = {}
    for word in wordfreq.top_n_list(name, MOST_FREQUENT, "small"):
        if _WORD.fullmatch(word):
            padded = f"^{word}$"
            for i in range(1, len(padded)):
                for first in range(max(0, i - ORDER), i + 1):
                    following.setdefault(padded[first:i], Counter())[padded[i]] += 1
    return Lexicon(wordfreq.get_frequency_dict(name, "best"), following)


@cache
def _languages() -> frozenset[str]:
    import wordfreq

    return frozenset(wordfreq.available_languages("best"))
