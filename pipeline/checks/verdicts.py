"""What each cell of a sheet says, once all cells and relations have spoken."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.joint.board import lay_out
from pipeline.checks.joint.model import FIRST_ERROR, Model, build
from pipeline.checks.joint.solve import Solution, solve_model
from pipeline.checks.relation import Instance, Rule
from pipeline.checks.sheet import Position, Sheet
from pipeline.checks.spelling import decimals_of, respell
from pipeline.page import Status

VERIFIED = 0.999
"""How likely a value must be, given everything, to be called verified."""

REPAIRED = 0.9
"""How likely a value that was not the first reading must be; from `CHANGED` on it is `doubtful`."""

CHANGED = 0.5
DOUBTFUL = 0.8
"""A reading that the relations leave less likely than this is doubtful."""

GUARDED = 0.5
"""The part of what else a cell may say that a change would have to break a relation for."""

SUPPOSED_ERROR = 0.3
"""How often the equations of a rule may fail that is only supposed."""

INFERRED = 0.5
"""How likely all that a value is computed from must be."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a cell says: `text` as it stands on the page, `value` in the sheet's units.

    `confidence` is the probability that it is right. `interval` holds the least and greatest value
    that an inferred cell may have; its `value` is the middle one. `checks` are what its relations
    say: `sum:pass`, `mean:fail`.
    """

    status: Status
    text: str
    value: int | None
    confidence: float
    checks: tuple[str, ...] = ()
    interval: tuple[int, int] | None = None


def solve(
    sheet: Sheet, rules: Sequence[Rule], supposed: Sequence[Rule] = ()
) -> Mapping[Position, Verdict]:
    """Return what each cell with ink says, and each cell without that a relation determines.

    What `supposed` rules say is believed less than what the others do, and left out of `checks`
    where it turns out not to hold (see `borne_out`).

    Cells of no relation stay as they were read, `plain`. A relation that fails although its cells
    are certain was printed wrong: they keep their readings, and `checks` say so.
    """
    verdicts = {place: _as_read(sheet, place) for place in sheet.entries}
    every = (*rules, *supposed)
    if not any(rule.instances for rule in every):
        return verdicts
    model = build(sheet, every, [FIRST_ERROR] * len(rules) + [SUPPOSED_ERROR] * len(supposed))
    solution = solve_model(model)
    verdicts |= _judged(sheet, solution)
    verdicts |= _inferred(sheet, model, verdicts)
    return _with_checks(verdicts, [*rules, *borne_out(supposed, verdicts)])


def borne_out(supposed: Sequence[Rule], verdicts: Mapping[Position, Verdict]) -> list[Rule]:
    """Return those rules that hold in most of their instances between the verdicts' values."""
    return [each for each in supposed if 2 * outcomes(each, verdicts).count(True) > each.tested]


def outcomes(rule: Rule, verdicts: Mapping[Position, Verdict]) -> list[bool | None]:
    """Return which instances of a rule hold between the verdicts' values.

    `None` where a cell has no value, or one that was computed from the relations.
    """
    return [_holds(instance, verdicts) for instance in rule.instances]


def _holds(instance: Instance, verdicts: Mapping[Position, Verdict]) -> bool | None:
    total = 0
    for place, coef in instance.terms:
        verdict = verdicts.get(place)
        if verdict is None or verdict.value is None or verdict.status == "inferred":
            return None
        total += coef * verdict.value
    return instance.low <= total <= instance.high


def _as_read(sheet: Sheet, place: Position) -> Verdict:
    candidates = sheet.entries[place].candidates
    if not candidates:
        return Verdict("plain", "", None, 0.0)
    best = candidates[0]
    return Verdict("plain", best.text, best.value, math.exp(best.logprob))


def _judged(sheet: Sheet, solution: Solution) -> dict[Position, Verdict]:
    """Return the verdicts on the cells that equations tell something of."""
    model, variables = solution.model, solution.model.variables
    judged = np.zeros(len(variables.places), np.bool_)
    holding = judged.copy()
    values = solution.values
    for batch in model.batches:
        judged[batch.cells] = True
        holding[batch.cells[batch.holds(values)]] = True
    guarded = (_guarded(solution) >= GUARDED) & ~_ambiguous(solution)
    room = _room(solution)
    posterior = solution.posterior
    verdicts = {}
    for i in np.flatnonzero(judged):
        place, chance = variables.places[i], float(posterior[i])
        first = sheet.entries[place].candidates[0]
        value: int | None = int(values[i])
        changed = value != first.value
        text = _text(sheet, solution, int(i)) if changed else first.text
        status: Status = "plain"
        if changed and chance < CHANGED:
            value, text = first.value, first.text
            chance, status = min(1 - chance, math.exp(first.logprob)), "doubtful"
        elif changed:
            status = "repaired" if chance >= REPAIRED and holding[i] else "doubtful"
        elif chance < DOUBTFUL:
            status = "doubtful"
        elif chance >= VERIFIED and guarded[i]:
            lost = _lost_figures(sheet, place, text)
            status = "doubtful" if lost and room[i] >= 1 else "verified"
        verdicts[place] = Verdict(status, text, value, chance)
    return verdicts


def _text(sheet: Sheet, solution: Solution, i: int) -> str:
    """Return how a cell's chosen value is written: as it was read, if as its column writes."""
    variables = solution.model.variables
    at, place = int(solution.choice[i]), variables.places[i]
    value, unit = int(variables.values[i, at]), int(variables.unit[i])
    column = sheet.columns[place[1]]
    if at < len(variables.texts[i]):
        text = variables.texts[i][at]
        if (decimals_of(text) or 0) == column.decimals - column.implied or value % unit:
            return text
    return _spelled(sheet, place, value, unit)


def _spelled(sheet: Sheet, place: Position, value: int, unit: int) -> str:
    """Return how a value is written that was not read, as the nearest cell of the column is.

    The nearest that was read to as many decimals as `unit` has; plainly where there is none.
    """
    row, column = place
    fixed = sheet.columns[column].lead is not None
    for other in sorted(range(sheet.header_rows, sheet.rows), key=lambda other: abs(other - row)):
        entry = sheet.entries.get((other, column))
        if entry is None or entry.value is None:
            continue
        text = entry.candidates[0].text
        after = decimals_of(text)
        if after is None or (after <= sheet.scale and 10 ** (sheet.scale - after) == unit):
            steps, odd = divmod(value - entry.value, unit)
            spelled = None if odd else respell(text, steps, fixed)
            if spelled is not None:
                return spelled
    decimals = sheet.scale - (len(str(unit)) - 1)
    return f"{Decimal(value).scaleb(-sheet.scale):.{decimals}f}"


def _guarded(solution: Solution) -> NDArray[np.float64]:
    """Return, for each cell, the part of its rivals' probability that a holding equation rules out.

    Of all but the chosen value, by what the reading alone says of them (V).
    """
    model, choice = solution.model, solution.choice
    variables = model.variables
    rows = np.arange(len(choice))
    values = solution.values
    rivals = np.exp(variables.logprob)
    rivals[rows, choice] = 0
    ruled_out = np.zeros(rivals.shape, np.bool_)
    anything = np.zeros(len(choice), np.bool_)
    for batch in model.batches:
        kept = batch.take(np.flatnonzero(batch.holds(values)))
        moved = kept.coefs[..., None] * (variables.values - values[:, None])[kept.cells]
        sums = kept.sums(values)[:, None, None] + moved
        breaks = (sums < kept.low[:, None, None]) | (sums > kept.high[:, None, None])
        np.logical_or.at(ruled_out, kept.cells, breaks)
        anything[kept.cells] = True
    unlisted = np.maximum(variables.rest, 0)
    broken = (rivals * ruled_out).sum(axis=1) + unlisted * anything
    part: NDArray[np.float64] = broken / np.maximum(rivals.sum(axis=1) + unlisted, 1e-12)
    return part


def _room(solution: Solution) -> NDArray[np.float64]:
    """Return how far each cell's value could move, at least, within the equations that hold (V).

    In units of 10 ** -scale; boundless where none holds.
    """
    room = np.full(len(solution.choice), np.inf)
    for batch in solution.model.batches:
        kept = batch.take(np.flatnonzero(batch.holds(solution.values)))
        np.minimum.at(room, kept.cells, (kept.high - kept.low)[:, None] / np.abs(kept.coefs))
    return room


def _lost_figures(sheet: Sheet, place: Position, text: str) -> bool:
    """Return whether a text has fewer decimals than all of its column: the last may not be read."""
    column, after = sheet.columns[place[1]], decimals_of(text)
    return column.pattern is not None and 0 < (after or 0) < column.decimals - column.implied


def _ambiguous(solution: Solution) -> NDArray[np.bool_]:
    """Return which cells were computed from others that allow the next value just as well (V).

    The mean of two that is rounded from a half may be either; another equation may still tell.
    """
    model, values = solution.model, solution.values
    board = lay_out(model)
    sums = board.sums(values)
    holds = board.holds(sums)
    found = np.zeros(len(values), np.bool_)
    if model.batches:
        cells = np.unique(np.concatenate([batch.target for batch in model.batches]))
        homes, own = board.homes[cells], board.own[cells]
        for step in (model.variables.unit[cells], -model.variables.unit[cells]):
            after = sums[homes] + own * step[:, None]
            keeps = (board.low[homes] <= after) & (after <= board.high[homes])
            found[cells] |= (keeps | ~holds[homes]).all(axis=1)
    return found


def _inferred(
    sheet: Sheet, model: Model, verdicts: Mapping[Position, Verdict]
) -> dict[Position, Verdict]:
    """Return the values of cells that hold no number, from equations whose other cells all do."""
    variables, board = model.variables, lay_out(model)
    says = [verdicts.get(place) for place in variables.places]
    values = np.array([0 if v is None or v.value is None else v.value for v in says], np.int64)
    sure = np.array([0.0 if v is None or v.value is None else v.confidence for v in says])
    unknown = np.array([v is None or v.value is None for v in says], np.bool_)
    sums = board.sums(values)
    found: dict[int, list[tuple[int, int, float]]] = {}
    for e, size in enumerate(board.sizes.tolist()):
        members = board.cells[e, :size]
        if unknown[members].sum() == 1:
            chance = float(sure[members[~unknown[members]]].prod() * (1 - board.error[e]))
            for cell, low, high in board.rooms(e, values, sums):
                if unknown[cell]:
                    found.setdefault(cell, []).append((low, high, chance))
    computed = {
        variables.places[cell]: _computed(
            sheet, variables.places[cell], int(variables.unit[cell]), each
        )
        for cell, each in found.items()
    }
    return {place: verdict for place, verdict in computed.items() if verdict is not None}


def _computed(
    sheet: Sheet,
    place: Position,
    unit: int,
    found: Sequence[tuple[int, int, float]],
) -> Verdict | None:
    """Return the verdict on a cell that lies between bounds, each as sure as its third says."""
    low, high, sure = found[0]
    for other_low, other_high, other in found[1:]:
        if max(low, other_low) <= min(high, other_high):
            low, high = max(low, other_low), min(high, other_high)
            sure = 1 - (1 - sure) * (1 - other)
        elif other > sure:
            low, high, sure = other_low, other_high, other
    first, last = -(-low // unit), high // unit
    if sure < INFERRED or first > last:
        return None
    middle = (first + last) // 2
    text = _spelled(sheet, place, middle * unit, unit)
    interval = first * unit, last * unit
    return Verdict("inferred", text, middle * unit, sure / (last - first + 1), (), interval)


def _with_checks(
    verdicts: Mapping[Position, Verdict], rules: Sequence[Rule]
) -> dict[Position, Verdict]:
    """Return the verdicts with what their relations say.

    None stays verified that no relation confirms, or that others were meant to give and do not.
    """
    said: dict[Position, set[str]] = {}
    missed: set[Position] = set()
    for rule in rules:
        for instance, holds in zip(rule.instances, outcomes(rule, verdicts), strict=True):
            if holds is None:
                continue
            if not holds:
                missed.add(instance.target)
            for place, _ in instance.terms:
                said.setdefault(place, set()).add(f"{rule.kind}:{'pass' if holds else 'fail'}")
    checked = {}
    for place, verdict in verdicts.items():
        checks = tuple(sorted(said.get(place, ())))
        proved = place not in missed and any(each.endswith(":pass") for each in checks)
        status = "plain" if verdict.status == "verified" and not proved else verdict.status
        checked[place] = replace(verdict, status=status, checks=checks)
    return checked
