"""A sheet and its relations as a factor graph: variables with rival values, equations over them.

The joint probability of an assignment is the product of what each reading gives its value and
what each equation gives its residual: the chance that the printed sheet keeps it, or that it was
printed wrong, by how much. See Kschischang, Frey and Loeliger 2001 for the words.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.course import Course, follow
from pipeline.checks.joint.rivals import Rivals, find_rivals
from pipeline.checks.joint.usual import Crowd, crowd
from pipeline.checks.relation import Rule
from pipeline.checks.sheet import Entry, Position, Sheet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NEVER = -1e9
"""The logarithm of no probability; finite, so that differences are numbers."""

MOST_RIVALS = 128
FIRST_ERROR = 0.02
"""How often equations are printed wrong, before the sheet has told."""

BY_ONE, BY_CARRY, FARTHEST = 0.35, 0.25, 100_000
"""What wrong totals are off by: one unit (rounding), a power of ten (a carry), anything."""


@dataclass(frozen=True, slots=True)
class Variables:
    """V cells with up to D values each: `values` and `logprob` are V x D, `places` V positions.

    Places beyond a cell's rivals hold `NEVER`. `rest` (V) is the probability of all values not
    listed, `density` (V) that of each. `given` (V) says which were read as numbers at all. `crowds`
    are what is usual in the columns, `course` how values follow each other.
    `least` and `most` (V) are the bounds of what is not listed.
    """

    places: tuple[Position, ...]
    values: Ints
    logprob: Floats
    rest: Floats
    density: Floats
    unit: Ints
    given: NDArray[np.bool_]
    texts: tuple[tuple[str, ...], ...]
    crowds: Mapping[int, Crowd]
    course: Course
    least: Ints
    most: Ints

    @property
    def likeliest(self) -> Ints:
        """Return the place of each cell's likeliest value before any relation (V)."""
        return np.asarray(self.logprob.argmax(axis=1), np.int64)


@dataclass(frozen=True, slots=True)
class Equations:
    """Equations with the same number of terms: low <= sum(coef * value) <= high.

    `cells` and `coefs` are E x n (n terms), the rest E. `target` is the cell that the others were
    meant to give, `unit` what one of its units adds to the sum, `error` the chance that an equation
    was printed wrong, `rule` the number of the rule and `instance` that of its instance.
    """

    cells: NDArray[np.intp]
    coefs: Ints
    target: NDArray[np.intp]
    low: Ints
    high: Ints
    unit: Ints
    error: Floats
    rule: NDArray[np.intp]
    instance: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.low)

    def sums(self, values: Ints) -> Ints:
        """Return the left sides (E) for an assignment of V values."""
        return np.asarray((self.coefs * values[self.cells]).sum(axis=1), np.int64)

    def weights(self, values: Ints) -> Floats:
        """Return the logarithm of what each equation gives an assignment (E)."""
        return weigh(self.sums(values), self.low, self.high, self.unit, self.error)

    def take(self, at: NDArray[np.intp]) -> Equations:
        """Return the equations at the places given."""
        return Equations(*(getattr(self, each.name)[at] for each in fields(self)))

    def holds(self, values: Ints) -> NDArray[np.bool_]:
        """Return which equations an assignment keeps (E)."""
        sums = self.sums(values)
        kept: NDArray[np.bool_] = (self.low <= sums) & (sums <= self.high)
        return kept


@dataclass(frozen=True, slots=True)
class Model:
    """The variables of a sheet and its equations, in batches of the same rule and length."""

    variables: Variables
    batches: tuple[Equations, ...]


def weigh(sums: Ints, low: Ints, high: Ints, unit: Ints, error: Floats) -> Floats:
    """Return the natural logarithm of what equations give left sides `sums`, all broadcast.

    1 - error where it holds. Else error times the chance of being off by so many units: one off
    is the commonest (a wrong rounding), then a power of ten (a carry), then less the farther.
    """
    off = np.maximum(np.maximum(low - sums, sums - high), 0)
    units = np.minimum(-(-off // unit), FARTHEST)
    return np.where(off == 0, np.log1p(-error), np.log(error) + _LOG_OFF[units])


def _log_off() -> Floats:
    """Return the logarithm of the chance of being off by 0 (not used), 1, 2, ... units."""
    units = np.arange(FARTHEST + 1)
    spread = (1 - BY_ONE - BY_CARRY) / (2 * math.log(FARTHEST))
    chance = spread / (units + 1)
    chance[1] += BY_ONE / 2
    chance[[10, 100, 1000, 10000]] += BY_CARRY / 2 * np.array([0.6, 0.3, 0.08, 0.02])
    return np.asarray(np.log(chance), np.float64)


_LOG_OFF = _log_off()


def build(sheet: Sheet, rules: Sequence[Rule], errors: Sequence[float]) -> Model:
    """Return the factor graph of a sheet; cells that no rule names are not in it.

    `errors` says of each rule how often its equations may be printed wrong.
    """
    named = sorted({place for rule in rules for each in rule.instances for place, _ in each.terms})
    number = {place: i for i, place in enumerate(named)}
    found = [_rivals(sheet, place) for place in named]
    steps = [_step(sheet, place) for place in named]
    spans = _spans(named, found, steps)
    variables = _variables(named, found, steps, spans, follow(sheet))
    batches = [
        batch
        for k, rule in enumerate(rules)
        for batch in _batches(k, rule, errors[k], number, variables)
    ]
    return Model(variables, tuple(batches))


def _rivals(sheet: Sheet, place: Position) -> Rivals:
    entry = sheet.entries.get(place)
    if entry is None:
        return Rivals((), (), (), 1.0)
    return find_rivals(entry, sheet.columns[place[1]], sheet.scale)


def _step(sheet: Sheet, place: Position) -> int:
    """Return what one unit of the last digit that a cell is written to is worth."""
    entry: Entry | None = sheet.entries.get(place)
    decimals = sheet.columns[place[1]].decimals
    if entry is not None:
        decimals = max(decimals, entry.decimals)
    return int(10 ** max(sheet.scale - decimals, 0))


def _spans(
    places: Sequence[Position], found: Sequence[Rivals], steps: Sequence[int]
) -> dict[int, float]:
    """Return, by column, among how many values a number that is not listed may be."""
    tops: dict[int, list[float]] = {}
    for (_, column), rivals, step in zip(places, found, steps, strict=True):
        if rivals.values:
            tops.setdefault(column, []).append(abs(rivals.values[0]) / step)
    return {column: max(100.0, 2 * float(np.quantile(top, 0.95))) for column, top in tops.items()}


def _variables(
    places: Sequence[Position],
    found: Sequence[Rivals],
    steps: Sequence[int],
    spans: Mapping[int, float],
    course: Course,
) -> Variables:
    depth = min(MOST_RIVALS, max([1, *(len(rivals.values) for rivals in found)]))
    values = np.zeros((len(places), depth), np.int64)
    logprob = np.full((len(places), depth), NEVER)
    for i, rivals in enumerate(found):
        count = min(depth, len(rivals.values))
        values[i, :count] = rivals.values[:count]
        logprob[i, :count] = rivals.logprobs[:count]
    crowds = _crowds(places, found)
    for i, rivals in enumerate(found):
        if rivals.values:
            listed = values[i, : min(depth, len(rivals.values))]
            weights = crowds[places[i][1]].weigh(listed, rivals.values[0])
            weights += course.weigh(listed, places[i])
            own = logprob[i, : len(listed)]
            own += weights + np.log(np.exp(own).sum() / np.exp(own + weights).sum())
    rest = np.array([max(rivals.rest, 1e-9) for rivals in found])
    span = np.array([spans.get(column, 1000.0) for _, column in places])
    return Variables(
        tuple(places),
        values,
        logprob,
        rest,
        rest / span,
        np.array(steps, np.int64),
        np.array([bool(rivals.values) for rivals in found], np.bool_),
        tuple(rivals.texts[:depth] for rivals in found),
        crowds,
        course,
        *_bounds(places, found),
    )


def _bounds(places: Sequence[Position], found: Sequence[Rivals]) -> tuple[Ints, Ints]:
    """Return between what the numbers of each cell's column lie, and as far again (V each)."""
    most: dict[int, int] = {}
    least: dict[int, int] = {}
    for (_, column), rivals in zip(places, found, strict=True):
        for value in rivals.values[:1]:
            most[column] = max(most.get(column, 0), 2 * abs(value))
            least[column] = min(least.get(column, 0), 2 * value)
    return (
        np.array([least.get(column, -(10**12)) for _, column in places], np.int64),
        np.array([most.get(column, 10**12) for _, column in places], np.int64),
    )


def _crowds(places: Sequence[Position], found: Sequence[Rivals]) -> dict[int, Crowd]:
    columns: dict[int, list[int]] = {}
    for (_, column), rivals in zip(places, found, strict=True):
        if rivals.values:
            columns.setdefault(column, []).append(rivals.values[0])
    return {column: crowd(values) for column, values in columns.items()}


def _batches(
    number: int, rule: Rule, error: float, variable: Mapping[Position, int], variables: Variables
) -> Iterable[Equations]:
    """Yield the equations of a rule, those of the same number of terms together."""
    order = sorted(range(len(rule.instances)), key=lambda i: len(rule.instances[i].terms))
    for length, group in itertools.groupby(order, key=lambda i: len(rule.instances[i].terms)):
        members = list(group)
        instances = [rule.instances[i] for i in members]
        if not length:
            continue
        cells = np.array([[variable[place] for place, _ in each.terms] for each in instances])
        coefs = np.array([[coef for _, coef in each.terms] for each in instances], np.int64)
        units = []
        for each in instances:
            coef = dict(each.terms).get(each.target, 1)
            units.append(abs(coef) * int(variables.unit[variable[each.target]]))
        yield Equations(
            cells,
            coefs,
            np.array([variable[each.target] for each in instances]),
            np.array([each.low for each in instances], np.int64),
            np.array([each.high for each in instances], np.int64),
            np.array(units, np.int64),
            np.full(len(members), error),
            np.full(len(members), number, np.intp),
            np.array(members, np.intp),
        )


def with_values(variables: Variables, extra: Mapping[int, Iterable[int]]) -> Variables:
    """Return the variables with more values to choose from, each as likely as any not listed.

    A value that is listed already is not listed twice; one out of bounds is not listed.
    """
    new = {
        i: sorted(
            value
            for value in set(more) - set(_listed(variables, i))
            if variables.least[i] <= value <= variables.most[i]
        )
        for i, more in extra.items()
    }
    used = (variables.logprob > NEVER).sum(axis=1)
    depth = max([variables.values.shape[1], *(int(used[i]) + len(new[i]) for i in new)])
    wider = depth - variables.values.shape[1]
    values = np.pad(variables.values, ((0, 0), (0, wider)))
    logprob = np.pad(variables.logprob, ((0, 0), (0, wider)), constant_values=NEVER)
    for i, more in new.items():
        at = slice(int(used[i]), int(used[i]) + len(more))
        values[i, at] = more
        crowd = variables.crowds[variables.places[i][1]]
        fresh = np.array(more, np.int64)
        weights = crowd.weigh(fresh, int(variables.values[i, 0]))
        weights += variables.course.weigh(fresh, variables.places[i])
        logprob[i, at] = math.log(variables.density[i]) + weights
    return replace(variables, values=values, logprob=logprob)


def _listed(variables: Variables, i: int) -> list[int]:
    used = variables.logprob[i] > NEVER
    listed: list[int] = variables.values[i][used].tolist()
    return listed
