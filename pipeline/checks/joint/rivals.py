"""What else a cell may say: readings that the recognizer named, and those that it did not.

A reader that is wrong mostly takes one digit for another, loses one or sees one twice (the three
edits of Levenshtein). Such rivals get a small share of the probability, so that a relation can
choose one where it must; what is left is spread over all numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.checks.columns.restore import restore
from pipeline.checks.notation import decimals as decimals_in
from pipeline.checks.notation import read_number
from pipeline.checks.sheet import Candidate, Column, Entry
from pipeline.checks.spelling import decimals_of

LEAST_REST = 0.001
"""What is always kept for readings that are not named: confidence cannot be believed beyond."""

TAKEN, LOST, TWICE = 0.6, 0.1, 0.1
"""Shares of the rest: a digit taken for another, lost by the reader, seen twice or too much."""

ORIGINS, FAR = 3, -5.0
"""Rivals are made of so many readings, those whose logarithm is not farther below the first's."""

MOST_DIGITS = 9

ALIKE = {frozenset(pair) for pair in ("17", "38", "35", "56", "58", "68", "06", "49", "79", "27")}
ALIKE_WEIGHT = 4.0
"""Digits that are taken for each other more often than others."""

TOO_MANY, DOUBLED_WEIGHT = 0.5, 4.0
"""How often what is no number of its column has just one figure too many; and how much likelier
that is one of two alike that stand together."""


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
    shortened = () if entry.certain else _shortened(entry, column, scale)
    read = _read([*entry.candidates, *shortened], column)
    if not read:
        return Rivals((), (), (), 1.0)
    if entry.certain and read[0].value is not None:
        return Rivals((read[0].value,), (0.0,), (read[0].text,), 0.0)
    named = sum(math.exp(each.logprob) for each in read)
    rest = max(1 - named, LEAST_REST)
    share = (1 - rest) / named
    chances = {each.value: (math.exp(each.logprob) * share, each.text) for each in read}
    origins = [each for each in read if each.logprob > read[0].logprob + FAR][:ORIGINS]
    weight = sum(math.exp(each.logprob) for each in origins)
    count = _usual_digits(column, read[0].text)
    lead = _lead(column, scale)
    spent = 0.0
    for each in origins:
        part = rest * math.exp(each.logprob) / weight
        number = _written(each, entry.decimals, scale)
        for chance, text, written in [] if number is None else _edits(number, count, scale):
            value = _meant(written, number, lead) if number and lead else written
            before, first = chances.get(value, (0.0, text))
            chances[value] = before + chance * part, first
            spent += chance * part
    ranked = sorted(chances.items(), key=lambda item: -item[1][0])
    return Rivals(
        tuple(value for value, _ in ranked if value is not None),
        tuple(math.log(chance) for _, (chance, _) in ranked),
        tuple(text for _, (_, text) in ranked),
        rest - spent,
    )


def _lead(column: Column, scale: int) -> tuple[int, int] | None:
    """Return centre and period, in the sheet's units, of a column without its first figures."""
    if column.lead is None or not column.lead.period:
        return None
    return int(column.lead.centre.scaleb(scale)), int(column.lead.period.scaleb(scale))


def _meant(value: int, number: _Number, lead: tuple[int, int]) -> int:
    """Return the value that a number of other digits has where first figures are omitted."""
    centre, period = lead
    return value + period * round((centre - value) / period) if number.offset else value


def _usual_digits(column: Column, text: str) -> int | None:
    """Return how many digits a column's numbers have, if this one has as many; else `None`."""
    if column.pattern is None:
        return None
    count = column.pattern.count("d")
    return count if sum(character in "0123456789" for character in text) == count else None


def _shortened(entry: Entry, column: Column, scale: int) -> Iterator[Candidate]:
    """Yield the numbers that candidates without a value may say, if a figure was seen twice."""
    for each in entry.candidates:
        text = each.text
        places = _figures(text)
        if each.value is not None or not 1 < len(places) <= MOST_DIGITS + 1:
            continue
        found: list[tuple[str, int, float]] = []
        for i in places:
            shorter = text[:i] + text[i + 1 :]
            number = read_number(shorter)
            if number is None:
                continue
            if column.implied and not decimals_in(number):
                number = number.scaleb(-column.implied)
            if column.lead is not None:
                number = restore(number, column.lead)
            if decimals_in(number) <= scale:
                alike = text[i] in (text[i - 1 : i], text[i + 1 : i + 2])
                weight = DOUBLED_WEIGHT if alike else 1.0
                found.append((shorter, int(number.scaleb(scale)), weight))
        total = sum(weight for *_, weight in found)
        for shorter, value, weight in found:
            yield Candidate(shorter, value, each.logprob + math.log(TOO_MANY * weight / total))


def _read(candidates: Sequence[Candidate], column: Column) -> list[Candidate]:
    """Return the candidates that are numbers, those of the same value made one.

    Its text is that with as many decimals as the column writes, or else the likeliest.
    """
    decimals = column.decimals - column.implied
    merged: dict[int, Candidate] = {}
    for each in candidates:
        if each.value is None:
            continue
        same = merged.get(each.value)
        if same is None:
            merged[each.value] = each
        else:
            both = math.exp(same.logprob) + math.exp(each.logprob)
            usual = [text for text in (same.text, each.text) if _places(text) == decimals]
            text = usual[0] if usual else same.text
            merged[each.value] = Candidate(text, same.value, math.log(min(both, 1.0)))
    return sorted(merged.values(), key=lambda each: -each.logprob)


def _figures(text: str) -> tuple[int, ...]:
    """Return where the digits of a text stand."""
    return tuple(i for i, character in enumerate(text) if character in "0123456789")


def _places(text: str) -> int:
    return decimals_of(text) or 0


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as it is written: where its digits stand in `text`, and what the last is worth.

    `after` digits follow its mark, `None` where it has no mark. `offset` is what the page leaves
    out: value = offset + sign * digits * unit.
    """

    text: str
    places: tuple[int, ...]
    sign: int
    after: int | None
    unit: int
    offset: int

    @property
    def digits(self) -> str:
        return "".join(self.text[i] for i in self.places)


def _written(candidate: Candidate, decimals: int, scale: int) -> _Number | None:
    """Return how a candidate is written, `None` where its value is not that of its digits."""
    text = candidate.text
    places = _figures(text)
    if not places or len(places) > MOST_DIGITS or candidate.value is None:
        return None
    after = decimals_of(text)
    unit = 10 ** max(scale - (decimals if after is None else after), 0)
    sign = -1 if text.lstrip()[:1] in "-–—−" else 1
    whole = int("".join(text[i] for i in places))
    offset = candidate.value - sign * whole * unit
    if offset % (unit * 10 ** len(places)):
        return None
    return _Number(text, places, sign, after, unit, offset)


def _edits(number: _Number, count: int | None, scale: int) -> Iterator[tuple[float, str, int]]:
    """Yield chance, text and value of what a number may be a misreading of.

    With a `count` of digits, only those that have so many.
    """
    size = len(number.places)
    if count is None or size == count:
        yield from _taken(number)
    if count is None or size == count - 1:
        yield from _lost(number, scale)
    if size > 1 and (count is None or size == count + 1):
        yield from _twice(number)


def _taken(number: _Number) -> Iterator[tuple[float, str, int]]:
    text, digits = number.text, number.digits
    value = number.offset + number.sign * int(digits) * number.unit
    power = number.sign * number.unit
    for place, old in zip(reversed(number.places), reversed(digits), strict=True):
        for new, weight in _CONFUSED[old]:
            chance = TAKEN * weight / len(digits)
            step = (int(new) - int(old)) * power
            yield chance, text[:place] + new + text[place + 1 :], value + step
        power *= 10


def _lost(number: _Number, scale: int) -> Iterator[tuple[float, str, int]]:
    text, digits, after = number.text, number.digits, number.after
    gaps = [
        (k, place, after is not None and k >= len(digits) - after)
        for k, place in enumerate(number.places)
    ]
    gaps.append((len(digits), number.places[-1] + 1, after is not None))
    if after is not None:
        whole = len(digits) - after
        before_mark = number.places[whole - 1] + 1 if whole else number.places[0] - 1
        gaps.append((whole, before_mark, False))
    chance = LOST / (10 * len(gaps))
    for k, place, behind in gaps:
        unit = number.unit
        if behind:
            assert after is not None
            if after + 1 > scale:
                continue
            unit = 10 ** (scale - after - 1)
        for new in "0123456789":
            value = number.offset + number.sign * int(digits[:k] + new + digits[k:]) * unit
            yield chance, text[:place] + new + text[place:], value


def _twice(number: _Number) -> Iterator[tuple[float, str, int]]:
    text, digits, after = number.text, number.digits, number.after
    for k, place in enumerate(number.places):
        unit = number.unit
        if after is not None and k >= len(digits) - after:
            unit *= 10
        value = number.offset + number.sign * int(digits[:k] + digits[k + 1 :]) * unit
        yield TWICE / len(digits), text[:place] + text[place + 1 :], value


def _confused(old: str) -> list[tuple[str, float]]:
    weights = {
        new: ALIKE_WEIGHT if frozenset((old, new)) in ALIKE else 1.0
        for new in "0123456789"
        if new != old
    }
    total = sum(weights.values())
    return [(new, weight / total) for new, weight in weights.items()]


_CONFUSED = {old: _confused(old) for old in "0123456789"}
