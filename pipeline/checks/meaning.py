"""What a cell may say, in the light of its column: each reading's text, number and probability."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.checks.notation import (
    decimals,
    is_ditto,
    read_day,
    read_hour,
    read_number,
    shape_of,
)
from pipeline.checks.restore import restore
from pipeline.checks.sheet import Candidate, Column, Entry
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


@dataclass(frozen=True, slots=True)
class Writing:
    """How a column's numbers are written: the share that is unlike the others, and their range.

    `low` and `high` bound the numbers that have as many decimals as most; `whole` says that most
    have none. `anchors` are numbers written out in a column where most lack what is before the
    point.
    """

    column: Column
    odd: float
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    whole: bool = False
    anchored: bool = False


def writing_of(column: Column, numbers: Sequence[Decimal], anchored: bool) -> Writing:
    """Return how a column's numbers are written; `numbers` are those of its usual rows."""
    unlike = sum(not fits(number, column) for number in numbers)
    usual = sorted(number for number in numbers if decimals(number) == column.decimals)
    # A twentieth of the readings at either end may be wrong.
    cut = len(usual) // 20
    low, high = (usual[cut], usual[-1 - cut]) if usual else (Decimal(0), Decimal(0))
    whole = sum(decimals(number) == 0 for number in numbers) > 0.5 * len(numbers)
    return Writing(column, (unlike + 0.5) / (len(numbers) + 1), low, high, whole, anchored)


def fits(number: Decimal, column: Column) -> bool:
    """Return whether a number is written as its column's are."""
    if column.pattern is not None:
        return shape_of(number) == column.pattern
    return decimals(number) == (0 if column.implied else column.decimals)


def find_meanings(
    cell: Cell, writing: Writing, above: Sequence[Meant] | None, unlike: bool
) -> list[Meant]:
    """Return what a cell may say, the likeliest first.

    A reading that is not written as the column's numbers are is as much less likely as such
    numbers are rare there, unless the whole row is `unlike` (a row of totals). `above` is what the
    cell above may say, for ditto marks. Empty where nothing was read.
    """
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


def to_entry(found: Sequence[Meant], scale: int) -> Entry:
    """Return candidates as a sheet holds them, in units of 10 ** -scale."""
    candidates = tuple(
        Candidate(each.text, _units(each.number, scale), each.logprob) for each in found
    )
    best = next((each.number for each in found if each.number is not None), None)
    return Entry(candidates, 0 if best is None else min(decimals(best), scale))


def _units(number: Decimal | None, scale: int) -> int | None:
    """Return a number in units of 10 ** -scale; `None` where it has more decimals: a misreading."""
    if number is None or decimals(number) > scale:
        return None
    return int(number.scaleb(scale))


def _meanings(
    text: str, logprob: float, writing: Writing, above: Sequence[Meant] | None, unlike: bool
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
    if number is None:
        yield Meant(text, None, logprob), chance
        return
    said = plain_number(text) if NUMBER.fullmatch(plain_number(text)) else text
    odds = 1.0 if unlike else (1 - writing.odd if fits(number, column) else writing.odd)
    if writing.whole and decimals(number) and not unlike:
        # A speck is easily taken for a point where there are none.
        digits = Decimal(int(number.scaleb(decimals(number))))
        if fits(digits, column):
            meant = Meant(str(digits), _meant(digits, writing, above), logprob)
            yield meant, chance * (1 - writing.odd)
    yield Meant(said, _meant(number, writing, above), logprob), chance * odds


def _meant(number: Decimal, writing: Writing, above: Sequence[Meant] | None) -> Decimal:
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
