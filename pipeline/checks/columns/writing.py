"""How a column's numbers are written, and how many are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.checks.notation import decimals, read_number, shape_of
from pipeline.checks.sheet import Column, Position
from pipeline.checks.units import PRESSURE
from pipeline.page import Cell
from pipeline.tables.values import plain_number

UNLIKE_ROW = 0.5
"""A row of which so many numbers are not written as their columns are is one of its own kind."""

CONSISTENT = 0.05
"""Where more of the numbers are written unlike the others, that says nothing against a reading."""

INCHES_WHOLE = (Decimal("25.5"), Decimal("31.5"))
"""Inches of mercury as barometers show them, up to some 1,300 m above the sea."""


@dataclass(frozen=True, slots=True)
class Writing:
    """How a column's numbers are written.

    `odd` is how often a number is written unlike the others, `None` where that is so often that it
    says nothing. `low` and `high` bound the numbers that have as many decimals as most; `whole`
    says that most have none; `anchored`, that what is before the point is written now and then.
    """

    column: Column
    odd: float | None = None
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    whole: bool = False
    anchored: bool = False


def writings_of(
    body: Mapping[Position, Cell], columns: Sequence[Column], unlike: set[int]
) -> list[Writing]:
    """Return how each column's numbers are written, rows of totals (`unlike`) left aside.

    Columns that are written alike are judged together, so that what never happens on a whole sheet
    counts as rarer than what never happens in a column.
    """
    texts: list[list[str]] = [[] for _ in columns]
    for at in sorted(body):
        if at[0] not in unlike and columns[at[1]].kind == "number":
            texts[at[1]].append(body[at].text)
    numbers = [[n for text in each if (n := read_number(text)) is not None] for each in texts]
    counts: dict[tuple[str | None, int], list[int]] = {}
    for column, each in zip(columns, numbers, strict=True):
        count = counts.setdefault((column.pattern, column.decimals), [0, 0])
        count[0] += sum(not fits(number, column) for number in each)
        count[1] += len(each)
    writings = []
    for i, column in enumerate(columns):
        odd, total = counts[column.pattern, column.decimals]
        share = (odd + 0.5) / (total + 1)
        writings.append(_writing(column, texts[i], numbers[i], share))
    return writings


def _writing(
    column: Column, texts: Sequence[str], numbers: Sequence[Decimal], odd: float
) -> Writing:
    usual = sorted(number for number in numbers if decimals(number) == column.decimals)
    # A twentieth of the readings at either end may be wrong.
    cut = len(usual) // 20
    low, high = (usual[cut], usual[-1 - cut]) if usual else (Decimal(0), Decimal(0))
    whole = sum(decimals(number) == 0 for number in numbers) > 0.5 * len(numbers)
    anchored = _is_anchored(column, texts, numbers)
    return Writing(column, odd if odd <= CONSISTENT else None, low, high, whole, anchored)


def fits(number: Decimal, column: Column) -> bool:
    """Return whether a number is written as its column's are."""
    if column.pattern is not None:
        return shape_of(number) == column.pattern
    return decimals(number) == (0 if column.implied else column.decimals)


def unlike_rows(body: Mapping[Position, Cell], columns: Sequence[Column]) -> set[int]:
    """Return the rows most of whose numbers are written unlike their columns': totals, means."""
    alike: dict[int, list[bool]] = {}
    for (row, column), cell in body.items():
        number = read_number(cell.text) if columns[column].pattern else None
        if number is not None and columns[column].kind == "number":
            alike.setdefault(row, []).append(fits(number, columns[column]))
    return {row for row, each in alike.items() if each.count(False) > UNLIKE_ROW * len(each)}


def _is_anchored(column: Column, texts: Sequence[str], numbers: Sequence[Decimal]) -> bool:
    """Return whether inches of mercury are written out only now and then: 29.93, .95, .97."""
    if column.variable not in (*PRESSURE, None) or column.decimals < 2:
        return False
    whole = [number for number in numbers if number >= 1]
    short = sum(plain_number(text).startswith(".") for text in texts)
    return (
        bool(whole)
        and short >= 0.5 * len(numbers)
        and all(INCHES_WHOLE[0] <= number <= INCHES_WHOLE[1] for number in whole)
    )
