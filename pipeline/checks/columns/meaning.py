"""What a cell may say, in the light of its column: each reading's text, number and probability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.checks.columns.restore import restore
from pipeline.checks.columns.writing import Writing, fits
from pipeline.checks.notation import (
    decimals,
    has_figures,
    is_ditto,
    read_day,
    read_hour,
    read_number,
)
from pipeline.checks.sheet import Candidate, Entry
from pipeline.page import Cell
from pipeline.tables.column import fit_shape
from pipeline.tables.values import NUMBER, plain_number

LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Meant:
    """A candidate before the sheet's scale is known."""

    text: str
    number: Decimal | None
    logprob: float


def find_meanings(
    cell: Cell, writing: Writing, above: Sequence[Meant], unlike: bool, certain: bool = False
) -> list[Meant]:
    """Return what a cell may say, the likeliest first.

    A reading that is not written as the column's numbers are is as much less likely as such
    numbers are rare there, unless the whole row is `unlike` (a row of totals). `above` is what the
    cell above may say, for ditto marks. Empty where nothing was read. What is `certain` says what
    its text does.
    """
    if certain:
        *_, (literal, _) = _meanings(cell.text, 0.0, writing, above, unlike)
        return [replace(literal, logprob=0.0)]
    read = [(a.text, a.logprob) for a in cell.alternatives]
    if cell.text not in [text for text, _ in read] and cell.text.strip():
        read.insert(0, (cell.text, math.log(max(cell.confidence, LEAST))))
    total = min(1.0, sum(math.exp(logprob) for _, logprob in read))
    found: dict[str, tuple[Meant, float]] = {}
    for text, logprob in read:
        for meant, share in _meanings(text, logprob, writing, above, unlike):
            key = meant.text if meant.number is None else f"={meant.number.normalize()}"
            first, before = found.get(key, (meant, 0.0))
            found[key] = first, before + share
    weight = sum(share for _, share in found.values())
    ranked = sorted(found.values(), key=lambda each: -each[1])
    return [
        replace(meant, logprob=math.log(max(share / weight * total, LEAST)))
        for meant, share in ranked
    ]


def to_entry(found: Sequence[Meant], scale: int, certain: bool = False) -> Entry:
    """Return candidates as a sheet holds them, in units of 10 ** -scale."""
    candidates = tuple(
        Candidate(each.text, _units(each.number, scale), each.logprob) for each in found
    )
    best = next((each.number for each in found if each.number is not None), None)
    return Entry(candidates, 0 if best is None else min(decimals(best), scale), certain)


def _units(number: Decimal | None, scale: int) -> int | None:
    """Return a number in units of 10 ** -scale; `None` where it has more decimals: a misreading."""
    if number is None or decimals(number) > scale:
        return None
    return int(number.scaleb(scale))


def _meanings(
    text: str, logprob: float, writing: Writing, above: Sequence[Meant], unlike: bool
) -> Iterable[tuple[Meant, float]]:
    """Yield what a reading may mean, and how likely that is, up to a factor for all of the cell."""
    column, chance = writing.column, math.exp(logprob)
    if column.kind in ("text", "empty", "direction"):
        yield Meant(text, None, logprob), chance
        return
    if column.kind == "day":
        day = read_day(text)
        yield Meant(text, None if day is None else Decimal(day), logprob), chance
        return
    if column.kind == "hour":
        yield Meant(text, read_hour(text), logprob), chance
        return
    if is_ditto(text):
        yield Meant(text, above[0].number if above else None, logprob), chance
        return
    if column.pattern and "." in column.pattern and not unlike:
        text = fit_shape(text, column.pattern) or text
    number = read_number(text)
    odd = 0.5 if unlike or writing.odd is None else writing.odd
    if number is None:
        # What has figures but is no number was misread; a dash or a word may well stand there.
        yield Meant(text, None, logprob), chance * (odd if has_figures(text) else 1 - odd)
        return
    said = plain_number(text) if NUMBER.fullmatch(plain_number(text)) else text
    if writing.whole and decimals(number) and not unlike:
        # A speck is easily taken for a point where there are none.
        digits = Decimal(int(number.scaleb(decimals(number))))
        if fits(digits, column):
            meant = Meant(str(digits), _meant(digits, writing, above), logprob)
            yield meant, chance * (1 - odd)
    chance *= 1 - odd if fits(number, column) else odd
    yield Meant(said, _meant(number, writing, above), logprob), chance


def _meant(number: Decimal, writing: Writing, above: Sequence[Meant]) -> Decimal:
    column = writing.column
    if not decimals(number):
        if column.implied:
            number = number.scaleb(-column.implied)
        elif column.decimals and not writing.whole:
            number = _with_point(number, writing)
    if writing.anchored and abs(number) < 1 and above and above[0].number is not None:
        return number + round(above[0].number - number)
    return number if column.lead is None else restore(number, column.lead)


def _with_point(number: Decimal, writing: Writing) -> Decimal:
    """Return a number whose point was lost among others that have theirs.

    It is one where it is far beyond the others without, and among them with its point.
    """
    pointed = number.scaleb(-writing.column.decimals)
    beyond = abs(number) > 2 * max(abs(writing.high), abs(writing.low))
    return pointed if beyond and writing.low <= pointed <= writing.high else number
