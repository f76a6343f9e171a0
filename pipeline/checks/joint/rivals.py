"""What else a cell may say: readings that the recognizer named, and those that it did not.

A reader that is wrong mostly takes one digit for another, loses one or sees one twice (the three
edits of Levenshtein). Such rivals get a small share of the probability, so that a relation can
choose one where it must; what is left is spread over all numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.checks.sheet import Candidate, Column, Entry

LEAST_REST = 0.003
"""What is always kept for readings that are not named: confidence cannot be believed beyond."""

TAKEN, LOST, TWICE = 0.6, 0.1, 0.1
"""Shares of the rest: a digit taken for another, lost by the reader, seen twice or too much."""

ORIGINS = 3
"""How many of the readings rivals are made of."""

ALIKE = {frozenset(pair) for pair in ("17", "38", "35", "56", "58", "68", "06", "49", "79", "27")}
ALIKE_WEIGHT = 4.0
"""Digits that are taken for each other more often than others."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """The numbers that a cell may say, the likeliest first, and the texts that say them.

    `logprobs` are natural logarithms; `rest` is the probability of all numbers not listed.
    """

    values: tuple[int, ...]
    logprobs: tuple[float, ...]
    texts: tuple[str, ...]
    rest: float


def find_rivals(entry: Entry, column: Column, scale: int) -> Rivals:
    """Return all that a cell may say; nothing is listed where no candidate is a number."""
    read = _read(entry)
    if not read:
        return Rivals((), (), (), 1.0)
    named = sum(math.exp(each.logprob) for each in read)
    rest = max(1 - named, LEAST_REST)
    share = math.log((1 - rest) / named)
    listed = {each.value: (each.logprob + share, each.text) for each in read}
    chances: dict[int, tuple[float, str]] = {}
    spent = 0.0
    digits = None if column.pattern is None or "d" not in column.pattern else column.pattern
    count = None if digits is None else digits.count("d")
    unit = 10 ** max(scale - entry.decimals, 0)
    origins = read[:ORIGINS]
    weight = sum(math.exp(each.logprob) for each in origins)
    for each in origins:
        part = rest * math.exp(each.logprob) / weight
        for chance, text, units in _edits(each.text, count):
            assert each.value is not None
            value = each.value + units * unit
            before = chances.get(value)
            chances[value] = (chance * part + (before[0] if before else 0.0), text)
            spent += chance * part
    for value, (chance, text) in chances.items():
        if value in listed:
            logprob, text = listed[value]
            listed[value] = (float(math.log(math.exp(logprob) + chance)), text)
        else:
            listed[value] = (math.log(chance), text)
    ranked = sorted(listed.items(), key=lambda item: -item[1][0])
    return Rivals(
        tuple(value for value, _ in ranked if value is not None),
        tuple(logprob for _, (logprob, _) in ranked),
        tuple(text for _, (_, text) in ranked),
        rest - spent,
    )


def _read(entry: Entry) -> list[Candidate]:
    """Return the candidates that are numbers, those of the same value made one."""
    merged: dict[int, Candidate] = {}
    for each in entry.candidates:
        if each.value is None:
            continue
        same = merged.get(each.value)
        if same is None:
            merged[each.value] = each
        else:
            both = math.exp(same.logprob) + math.exp(each.logprob)
            merged[each.value] = Candidate(same.text, same.value, math.log(min(both, 1.0)))
    return sorted(merged.values(), key=lambda each: -each.logprob)


def _edits(text: str, count: int | None) -> Iterator[tuple[float, str, int]]:
    """Yield chance, new text and by how many of its last digit's units the number changes.

    With a `count` of digits that the column's numbers have, only such numbers.
    """
    places = [i for i, character in enumerate(text) if character in "0123456789"]
    digits = [text[i] for i in places]
    if not digits or len(digits) > 9:
        return
    sign = -1 if text.lstrip()[:1] in "-–—−" else 1
    whole = int("".join(digits))
    if count is None or len(digits) == count:
        yield from _taken(text, places, digits, sign)
    if count is None or len(digits) == count - 1:
        yield from _lost(text, places, digits, sign, whole)
    if len(digits) > 1 and (count is None or len(digits) == count + 1):
        for k, place in enumerate(places):
            less = int("".join(digits[:k] + digits[k + 1 :]))
            changed = text[:place] + text[place + 1 :]
            yield TWICE / len(places), changed, sign * (less - whole)


def _taken(
    text: str, places: Sequence[int], digits: Sequence[str], sign: int
) -> Iterator[tuple[float, str, int]]:
    for k, (place, old) in enumerate(zip(places, digits, strict=True)):
        weights = _CONFUSED[old]
        power = 10 ** (len(digits) - 1 - k)
        for new, weight in weights:
            chance = TAKEN * weight / len(places)
            step = (int(new) - int(old)) * power
            yield chance, text[:place] + new + text[place + 1 :], sign * step


def _lost(
    text: str, places: Sequence[int], digits: Sequence[str], sign: int, whole: int
) -> Iterator[tuple[float, str, int]]:
    chance = LOST / (10 * (len(digits) + 1))
    for k in range(len(digits) + 1):
        place = places[k] if k < len(places) else places[-1] + 1
        for new in "0123456789":
            more = int("".join([*digits[:k], new, *digits[k:]]))
            yield chance, text[:place] + new + text[place:], sign * (more - whole)


def _confused(old: str) -> list[tuple[str, float]]:
    weights = {
        new: ALIKE_WEIGHT if frozenset((old, new)) in ALIKE else 1.0
        for new in "0123456789"
        if new != old
    }
    total = sum(weights.values())
    return [(new, weight / total) for new, weight in weights.items()]


_CONFUSED = {old: _confused(old) for old in "0123456789"}
