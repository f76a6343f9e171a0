"""Columns that seem to be exceptions to what the columns around them keep.

Where a total is misread, or was printed wrong, its column looks as if it were not summed up. If
most columns of numbers are, it probably is, too: its equations are proposed, to be believed less
than those that were found, and are kept where the joint reading bears them out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from pipeline.checks.relation import Instance, Rule
from pipeline.checks.sheet import Position, Sheet

MOST = 0.6
"""The part of the columns of numbers that must keep a rule for the others to be asked."""

LEAST_COLUMNS = 3

Shape = tuple[int, tuple[tuple[int, int], ...], int, int]
"""An equation without its column: target's row, rows with coefficients, bounds."""


def propose(sheet: Sheet, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules that rows keep down most columns, for those columns that lack them.

    One rule for each such column, its `tested` and `held` those of the likeliest readings.
    """
    return tuple(each for rule in rules if rule.axis == "column" for each in _of_rule(sheet, rule))


def accept(rules: Sequence[Rule], proposed: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the rules, each with the equations that were proposed for more of its columns."""
    more: dict[tuple[str, str], list[Rule]] = {}
    for each in proposed:
        more.setdefault((each.kind, each.formula), []).append(each)
    return tuple(
        replace(
            rule,
            instances=(*rule.instances, *(one for each in extra for one in each.instances)),
            tested=rule.tested + sum(each.tested for each in extra),
            held=rule.held + sum(each.held for each in extra),
        )
        if (extra := more.get((rule.kind, rule.formula)))
        else rule
        for rule in rules
    )


def _of_rule(sheet: Sheet, rule: Rule) -> list[Rule]:
    shapes: dict[int, Counter[Shape]] = {}
    own: set[int] = set()
    for each in rule.instances:
        columns = {place[1] for place, _ in each.terms}
        if len(columns) != 1:
            return []
        [column] = columns
        own.add(column)
        shapes.setdefault(sheet.columns[column].decimals, Counter())[_shape(each)] += 1
    rows = {each.target[0] for each in rule.instances}
    numbers = {
        column
        for column, each in enumerate(sheet.columns)
        if each.kind == "number" and any((row, column) in sheet.entries for row in rows)
    }
    lacking = sorted(numbers - own)
    if len(own) < LEAST_COLUMNS or len(own & numbers) < MOST * len(numbers):
        return []
    found = []
    for column in lacking:
        known = shapes.get(sheet.columns[column].decimals, Counter())
        instances = [
            _placed(shape, column)
            for shape in _commonest(known)
            if all(_value(sheet, (row, column)) is not None for row, _ in shape[1])
        ]
        if instances:
            held = sum(_holds(sheet, each) for each in instances)
            found.append(
                replace(rule, instances=tuple(instances), tested=len(instances), held=held)
            )
    return found


def _shape(instance: Instance) -> Shape:
    terms = tuple((place[0], coef) for place, coef in instance.terms)
    return instance.target[0], terms, instance.low, instance.high


def _commonest(shapes: Counter[Shape]) -> list[Shape]:
    """Return the commonest equation of each target's row."""
    found: dict[int, Shape] = {}
    for shape, _ in shapes.most_common():
        found.setdefault(shape[0], shape)
    return list(found.values())


def _placed(shape: Shape, column: int) -> Instance:
    target, terms, low, high = shape
    return Instance(
        (target, column), tuple(((row, column), coef) for row, coef in terms), low, high
    )


def _value(sheet: Sheet, place: Position) -> int | None:
    entry = sheet.entries.get(place)
    return None if entry is None else entry.value


def _holds(sheet: Sheet, instance: Instance) -> bool:
    total = 0
    for place, coef in instance.terms:
        value = _value(sheet, place)
        assert value is not None
        total += coef * value
    return instance.low <= total <= instance.high
