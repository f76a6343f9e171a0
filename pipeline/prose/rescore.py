"""Words that a reading is unsure of, chosen by a list of words and by how letters follow.

Noisy channel (Kernighan, Church and Gale 1990), one piece of a line at a time: how likely its
alternatives are as they were read, and what they would be likely to be in the line's language.
Alternatives are those of the reading, taken apart where they differ (of two doubtful words each is
chosen by itself), and the confusions of `pipeline.prose.confusions` that make a known word. What
is a number is left alone, and no alternative becomes one: nothing tells a likely number from an
unlikely one. A figure within a word can only become a letter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from pipeline.page import Alternative
from pipeline.prose.confusions import confused
from pipeline.prose.words import Lexicon

WEIGHT, WEIGHT_OF_PARTS = 0.5, 1.0
"""What the language counts for beside the reading; a row of parts is more than it seems likely."""

CONFUSION = -6.0
"""The logarithm of how often a character is read as one that looks like it, without saying so."""

MARGIN = 1.0
"""How much likelier another text must be, as a logarithm, before it takes the reading's place."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters `start` up to `end` of a reading, and what else they may be: text to log-odds."""

    start: int
    end: int
    others: Mapping[str, float]


def rescore(text: str, alternatives: Sequence[Alternative], lexicon: Lexicon) -> str:
    """Return the likeliest text of a line, given its reading and the others, best first."""
    made, end = [], 0
    for piece in pieces(text, alternatives):
        read = text[piece.start : piece.end]
        made += [text[end : piece.start], _best(read, piece.others, lexicon)]
        end = piece.end
    return "".join([*made, text[end:]])


def _best(read: str, others: Mapping[str, float], lexicon: Lexicon) -> str:
    if _has_digit(read) or not any(character.isalpha() for character in read):
        others = {}
    chances = {other: odds for other, odds in others.items() if not _has_digit(other)}
    for other in confused(read, lexicon):
        chances.setdefault(other, CONFUSION)
    if not chances:
        return read
    weight = WEIGHT_OF_PARTS if lexicon.parts else WEIGHT
    stands = lexicon.text(read)
    gains = {
        other: odds + weight * (lexicon.text(other) - stands) for other, odds in chances.items()
    }
    best = max(gains, key=lambda other: gains[other])
    return best if gains[best] > MARGIN else read


def _has_digit(text: str) -> bool:
    return any(character.isdigit() for character in text)


def pieces(text: str, alternatives: Sequence[Alternative]) -> list[Piece]:
    """Return the words of a reading, or what holds several where an alternative parts them anew."""
    odds: dict[tuple[int, int], dict[str, float]] = {}
    known = next((other.logprob for other in alternatives if other.text == text), 0.0)
    for other in alternatives:
        changes = _changes(text, other.text)
        for span, said in changes:
            # Of an alternative that differs in two places each is as likely as both.
            each = (other.logprob - known) / len(changes)
            found = odds.setdefault(span, {})
            found[said] = max(each, found.get(said, each))
    spans = _merged([*_words(text), *odds])
    found_pieces = []
    for start, end in spans:
        others: dict[str, float] = {}
        for (first, last), said_there in odds.items():
            if start <= first and last <= end:
                for said, chance in said_there.items():
                    whole = text[start:first] + said + text[last:end]
                    others[whole] = max(chance, others.get(whole, chance))
        others.pop(text[start:end], None)
        found_pieces.append(Piece(start, end, others))
    return found_pieces


def _words(text: str) -> list[tuple[int, int]]:
    found, start = [], 0
    for word in text.split(" "):
        if word:
            found.append((start, start + len(word)))
        start += len(word) + 1
    return found


def _changes(text: str, other: str) -> list[tuple[tuple[int, int], str]]:
    """Return which characters of a text another has otherwise, and what it has, word by word."""
    found: list[tuple[int, int, int, int]] = []
    for edit in Levenshtein.opcodes(text, other):
        if edit.tag == "equal":
            continue
        start, end = edit.src_start, edit.src_end
        while start > 0 and text[start - 1] != " ":
            start -= 1
        while end < len(text) and text[end] != " ":
            end += 1
        first = edit.dest_start - (edit.src_start - start)
        last = edit.dest_end + (end - edit.src_end)
        if found and start <= found[-1][1]:
            start, _, first, _ = found.pop()
        found.append((start, end, first, last))
    return [((start, end), other[max(0, first) : last]) for start, end, first, last in found]


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that overlap as one."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(set(spans)):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        elif end > start:
            found.append((start, end))
    return found
