"""Formulas between columns: tried all at once on the likeliest readings, the promising ones kept.

Every family of formulas has an equal share of the error that is allowed, half of it for formulas
whose columns stand side by side, which are few and likely, half for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.discover.across.formula import Body, Formula
from pipeline.checks.discover.evidence import KINDS
from pipeline.checks.discover.grid import Ints
from pipeline.checks.relation import Rounding, RuleKind

LEAST = 3
"""Rows that must agree."""
SHARE = 0.3
"""Share of the rows that must agree for a formula of few terms to be looked into."""
SHARE_LONG = 0.1
LONG = 6
"""A formula of so many operands is long: with each of them it is likelier that one is misread."""
MOST_COLUMNS = 30
"""Sums of four columns that stand anywhere are not tried on wider tables."""
MOST = 150
"""Formulas that are looked into."""

Hits = NDArray[np.int64]


def propose(body: Body) -> list[Formula]:
    """Return the formulas that enough rows of `body` bear out, the best first."""
    if len(body.rows) < LEAST or body.width < 2:
        return []
    search = _Search(body)
    found = [
        *search.copies(),
        *search.triples(),
        *search.blocks(),
        *search.weighted(),
        *search.running(),
        *search.quads(),
    ]
    found.sort(key=lambda each: -each[0])
    return [formula for _, formula in found[:MOST]]


class _Search:
    """The columns of a body with what cannot be used made to agree with nothing."""

    def __init__(self, body: Body) -> None:
        rng = np.random.default_rng(0)
        nothing = rng.integers(2**40, 2**50, body.values.shape)
        self.values = np.where(body.known | (body.blank & body.sparse), body.values, nothing)
        self.gapped = np.where(body.known | body.blank, body.values, nothing)
        self.targets = np.where(body.known, body.values, -nothing)[:, : body.width]
        self.units = body.units[:, : body.width]
        self.width = body.width
        self.numbers = [int(each) for each in body.grid.numbers]
        self.least = max(LEAST, math.ceil(SHARE * len(body.rows)))
        self.least_long = max(2, math.ceil(SHARE_LONG * len(body.rows)))

    def copies(self) -> Iterator[tuple[float, Formula]]:
        """A column that repeats another, of the same row or the one before."""
        columns = range(self.width)
        pairs = list(combinations(columns, 2))
        for one, two in pairs:
            hits = int((self.targets[:, one] == self.targets[:, two]).sum())
            if hits >= self.least:
                tries = _tries(len(pairs), self.width - 1, two - one == 1)
                yield hits, Formula("copy", two, (one,), (1,), 1, "exact", tries)
        for one in self.numbers:
            before = self.values[1:, self.width + one]
            for two in self.numbers:
                if one == two:
                    continue
                hits = int((before == self.targets[1:, two]).sum())
                if hits >= self.least:
                    tries = _tries(2 * len(pairs), 2 * self.width, abs(one - two) == 1)
                    operand = self.width + one
                    yield hits, Formula("carry", two, (operand,), (1,), 1, "exact", tries)

    def triples(self) -> Iterator[tuple[float, Formula]]:
        """Sums, differences and midpoints of two columns."""
        pairs = list(combinations(self.numbers, 2))
        if len(self.numbers) < 3:
            return
        sums = self.values[:, [a for a, _ in pairs]] + self.values[:, [b for _, b in pairs]]
        many, few = len(pairs) * (len(self.numbers) - 2), 3 * (len(self.numbers) - 2)
        for target in self.numbers:
            unit = self.units[:, target, None]
            value = self.targets[:, target, None]
            ahead = sums - value
            hits = (np.abs(ahead) <= unit // 2).sum(axis=0)
            for index in np.flatnonzero(hits >= self.least):
                one, two = pairs[index]
                if target in (one, two):
                    continue
                tries = _tries(many, few, _near((one, two, target)))
                yield int(hits[index]), _sum_of_two(target, one, two, tries)
            for rounding, hits in _mean_hits(sums, value, 2, unit):
                for index in np.flatnonzero(hits >= self.least):
                    if target in pairs[index]:
                        continue
                    tries = _tries(2 * many, 2 * few, _near((*pairs[index], target)))
                    formula = Formula("midpoint", target, pairs[index], (1, 1), 2, rounding, tries)
                    yield int(hits[index]), formula

    def blocks(self) -> Iterator[tuple[float, Formula]]:
        """Sums and means of columns side by side, or of every second, third or fourth."""
        numbers = self.numbers
        blocks: list[tuple[int, ...]] = []
        sums = []
        for stride in (1, 2, 3, 4):
            for start in range(len(numbers)):
                chain = numbers[start::stride]
                if len(chain) < 3:
                    break
                total = np.cumsum(self.gapped[:, chain], axis=1)
                blocks += [tuple(chain[:count]) for count in range(3, len(chain) + 1)]
                sums.append(total[:, 2:])
        if not blocks:
            return
        every = np.concatenate(sums, axis=1)
        parts = np.array([len(block) for block in blocks])
        least = np.where(parts < LONG, self.least, self.least_long)
        many, few = 3 * len(blocks) * len(numbers), 3 * 2 * len(blocks)
        for target in numbers:
            unit = self.units[:, target, None]
            value = self.targets[:, target, None]
            hits = (np.abs(every - value) <= unit // 2).sum(axis=0)
            found: list[tuple[RuleKind, Rounding, Hits]] = [("sum", "exact", hits)]
            found += [("mean", *each) for each in _mean_hits(every, value, parts, unit)]
            for kind, rounding, hits in found:
                for index in np.flatnonzero(hits >= least):
                    block = blocks[index]
                    if target in block:
                        continue
                    tries = _tries(many, few, target in (block[0] - 1, block[-1] + 1))
                    weight = float(hits[index] * (1 + len(block) / 10))
                    ones = (1,) * len(block)
                    divisor = 1 if kind == "sum" else 0
                    yield weight, Formula(kind, target, block, ones, divisor, rounding, tries)

    def weighted(self) -> Iterator[tuple[float, Formula]]:
        """Means of three columns side by side of which one counts twice: (7h + 14h + 2 x 21h)/4."""
        numbers = self.numbers
        choices = [
            (triple, weights)
            for triple in zip(numbers, numbers[1:], numbers[2:], strict=False)
            for weights in ((1, 1, 2), (1, 2, 1), (2, 1, 1))
        ]
        if not choices:
            return
        sums = np.stack([self.values[:, t] @ np.array(w) for t, w in choices], axis=1)
        for target in numbers:
            unit = self.units[:, target, None]
            for rounding, hits in _mean_hits(sums, self.targets[:, target, None], 4, unit):
                for index in np.flatnonzero(hits >= self.least):
                    block, weights = choices[index]
                    if target in block:
                        continue
                    near = target in (block[0] - 1, block[-1] + 1)
                    tries = _tries(2 * len(choices) * len(numbers), 4 * len(choices), near)
                    formula = Formula("mean", target, block, weights, 4, rounding, tries)
                    yield int(hits[index]), formula

    def running(self) -> Iterator[tuple[float, Formula]]:
        """Totals so far, meters, and balances: the row before plus or less one or two columns."""
        numbers = self.numbers
        width = self.width
        ordered = [(a, b) for a in numbers for b in numbers if a != b]
        if not ordered:
            return
        less = self.values[1:, [a for a, _ in ordered]] - self.values[1:, [b for _, b in ordered]]
        singles = [*numbers, *(width + each for each in numbers)]
        for target in numbers:
            step = (self.targets[1:, target] - self.values[1:, width + target])[:, None]
            for sign in (1, -1):
                hits = (step == sign * self.values[1:, singles]).sum(axis=0)
                for index in np.flatnonzero(hits >= self.least):
                    other = singles[index]
                    if other % width == target:
                        continue
                    tries = _tries(4 * len(ordered), 8 * len(numbers), abs(other - target) == 1)
                    operands = (width + target, other)
                    yield (
                        int(hits[index]),
                        Formula("running", target, operands, (1, sign), 1, "exact", tries),
                    )
            hits = (step == less).sum(axis=0)
            for index in np.flatnonzero(hits >= self.least):
                plus, minus = ordered[index]
                if target in (plus, minus):
                    continue
                near = _near((plus, minus, target))
                tries = _tries(len(ordered) * (len(numbers) - 2), 6 * len(numbers), near)
                three = (width + target, plus, minus)
                yield (
                    int(hits[index]),
                    Formula("running", target, three, (1, 1, -1), 1, "exact", tries),
                )

    def quads(self) -> Iterator[tuple[float, Formula]]:
        """Sums of three columns anywhere, and a + b = c + d."""
        numbers = self.numbers
        if not 4 <= len(numbers) <= MOST_COLUMNS:
            return
        pairs = list(combinations(numbers, 2))
        sums = self.gapped[:, [a for a, _ in pairs]] + self.gapped[:, [b for _, b in pairs]]
        ordered = [(a, b) for a in numbers for b in numbers if a != b]
        less = self.gapped[:, [a for a, _ in ordered]] - self.gapped[:, [b for _, b in ordered]]
        equal = np.zeros((len(pairs), len(pairs)), np.int16)
        three = np.zeros((len(ordered), len(pairs)), np.int16)
        for total, difference in zip(sums, less, strict=True):
            equal += total[:, None] == total
            three += difference[:, None] == total
        many, few = 7 * math.comb(len(numbers), 4), 7 * (len(numbers) - 3)
        for one, two in np.argwhere(np.triu(equal, 1) >= self.least):
            four = (*pairs[one], *pairs[two])
            if len(set(four)) == 4:
                yield int(equal[one, two]), _balance(four, (1, 1, -1, -1), many, few)
        for one, two in np.argwhere(three >= self.least):
            total, part = ordered[one]
            four = (total, part, *pairs[two])
            if len(set(four)) == 4 and part < pairs[two][0]:
                yield int(three[one, two]), _balance(four, (1, -1, -1, -1), many, few)


def _mean_hits(
    sums: Ints, value: Ints, parts: int | Ints, unit: Ints
) -> list[tuple[Rounding, Hits]]:
    """Return how many rows have `value` as the mean of `sums`, rounded to the nearest or down."""
    ahead = sums - parts * value
    step = parts * unit
    dropped = np.where(sums >= 0, ahead, -ahead)
    return [
        ("nearest", (2 * np.abs(ahead) <= step).sum(axis=0)),
        ("down", ((dropped >= 0) & (dropped < step)).sum(axis=0)),
    ]


def _sum_of_two(total: int, one: int, two: int, tries: float) -> Formula:
    """Return total = one + two as it was meant: what stands last was computed last."""
    if total > two:
        return Formula("sum", total, (one, two), (1, 1), 1, "exact", tries)
    return Formula("difference", two, (total, one), (1, -1), 1, "exact", tries)


def _balance(columns: Sequence[int], signs: Sequence[int], many: int, few: int) -> Formula:
    """Return the relation "signed columns sum to 0" as the sum of all but the last."""
    target = max(columns)
    own = signs[columns.index(target)]
    operands = sorted((c, -s * own) for c, s in zip(columns, signs, strict=True) if c != target)
    tries = _tries(many, few, _near(columns))
    return Formula(
        "sum",
        target,
        tuple(column for column, _ in operands),
        tuple(sign for _, sign in operands),
        1,
        "exact",
        tries,
    )


def _near(columns: Sequence[int]) -> bool:
    """Tell whether columns stand side by side."""
    return max(columns) - min(columns) < len(columns)


def _tries(many: int, few: int, near: bool) -> float:
    """Return the logarithm of the formulas tried: of `few` side by side, or of `many` anywhere."""
    return math.log(2 * KINDS * max(1, few if near else many))
