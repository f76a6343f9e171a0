"""Decode a network's probabilities as a charset allows: one name for classes and for patterns.

A charset is a name of `pipeline.recognition.ctc.CHARSETS`, or a pattern between slashes such as
`/-?\\d{1,2}\\.\\d/` (see `pipeline.recognition.patterns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import BadInput
from pipeline.page import Reading
from pipeline.recognition.ctc import CHARSETS, allowed, decode_all
from pipeline.recognition.grammar import Automaton, Grammar, compile_grammar

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def pattern_of(charset: str | None) -> Grammar | None:
    """Return the grammar of a charset that is a pattern, `None` of one that is a name or nothing.

    Raises `BadInput` where it is neither.
    """
    if charset is None or charset in CHARSETS:
        return None
    if len(charset) < 3 or charset[0] != "/" or charset[-1] != "/":
        names = ", ".join(CHARSETS)
        remedy = rf"choose one of {names}, or a pattern between slashes such as /\d\d\.\d/"
        raise BadInput(f"charset {charset}", "there is none of that name", remedy)
    return compile_grammar(charset[1:-1])


def is_numeric(charset: str | None) -> bool:
    """Return whether a charset allows no letter, so that the numeric recognizer can read it."""
    grammar = pattern_of(charset)
    return charset == "numeric" if grammar is None else not grammar.over(LETTERS).dfa.edges


class Decoder:
    """Decodes what one network gives; `characters` names its classes from 1 onwards."""

    def __init__(self, characters: Sequence[str]) -> None:
        self.characters = tuple(characters)
        self._limits = lru_cache(16)(self._limit)

    def decode(
        self, crops: Sequence[NDArray[np.float32]], charset: str | None = None
    ) -> list[Reading]:
        """Decode the probabilities of crops (each T x C, rows summing to 1, class 0 the blank).

        Raises `BadInput` for a charset that is neither a name nor a pattern.
        """
        limit = self._limits(charset)
        if isinstance(limit, Automaton):
            return [limit.decode(probabilities) for probabilities in crops]
        return decode_all(crops, self.characters, limit)

    def _limit(self, charset: str | None) -> Automaton | NDArray[np.intp] | None:
        grammar = pattern_of(charset)
        return (
            allowed(self.characters, charset) if grammar is None else grammar.over(self.characters)
        )


def keep_allowed(reading: Reading, charset: str | None) -> Reading:
    """Return what of a reading's alternatives a pattern allows, for engines that cannot decode so.

    Where it allows none of them, the text is empty and its confidence 0.
    """
    grammar = pattern_of(charset)
    if grammar is None:
        return reading
    kept = tuple(a for a in reading.alternatives if grammar.matches(a.text))
    if not kept:
        return Reading("", 0.0)
    return Reading(kept[0].text, float(np.exp(kept[0].logprob)), kept)
