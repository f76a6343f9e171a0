"""A table that checks itself: what its cells hold, what they keep, and what that makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.checks.discover import find_rules
from pipeline.checks.kinds import published, read_sheet
from pipeline.checks.quality import flags
from pipeline.checks.relation import Rule
from pipeline.checks.sheet import Position, Sheet
from pipeline.checks.verdicts import Verdict, borne_out, outcomes, solve
from pipeline.checks.widen import accept, propose
from pipeline.forms.form import Form
from pipeline.page import Cell, Table


def check_table(
    table: Table,
    form: Form | None = None,
    notes: Sequence[str] = (),
    certain: frozenset[Position] = frozenset(),
) -> Table:
    """Return a table as its own arithmetic corrects and vouches for it.

    Cells below the header get their final text and status, value and unit, and `checks`: what
    their relations say (`sum:pass`, `mean:fail`), what quality control flags (`qc:...`), and of an
    inferred cell the bounds of its value (`interval:29.361..29.385`). `raw` and `alternatives`
    stay what was read. `relations` lists what was found to hold, and where it does not. `form`
    says what columns hold where that is known; `notes` are the lines of text around the table. The
    texts of `certain` cells cannot be wrong.
    """
    sheet = read_sheet(table, form, notes, certain)
    rules, verdicts = read_together(sheet)
    values = {
        place: published(verdict.value, sheet.scale)
        for place, verdict in verdicts.items()
        if verdict.value is not None
    }
    raised = flags(sheet, values)
    cells = tuple(
        _checked(cell, sheet, verdicts.get((cell.row, cell.column)), raised) for cell in table.cells
    )
    relations = tuple(_relation(rule, verdicts) for rule in rules)
    return replace(table, cells=cells, relations=(*table.relations, *relations))


def read_together(sheet: Sheet) -> tuple[tuple[Rule, ...], Mapping[Position, Verdict]]:
    """Return the relations of a sheet, and what its cells say by them.

    Columns that lack a relation of the columns around them are given it on trial.
    """
    rules = find_rules(sheet)
    supposed = propose(sheet, rules)
    verdicts = solve(sheet, rules, supposed)
    return accept(rules, borne_out(supposed, verdicts)), verdicts


def _checked(
    cell: Cell,
    sheet: Sheet,
    verdict: Verdict | None,
    raised: Mapping[Position, tuple[str, ...]],
) -> Cell:
    if verdict is None:
        return cell
    number = verdict.value is not None
    text = verdict.text if number else cell.text
    told = bool(verdict.checks) or verdict.interval is not None or text != cell.text
    status = verdict.status
    if status in ("plain", "doubtful") and cell.status != "plain" and text == cell.text:
        status = cell.status
    checks = [*verdict.checks]
    if verdict.interval is not None:
        low, high = (published(bound, sheet.scale) for bound in verdict.interval)
        checks.append(f"interval:{low:.12g}..{high:.12g}")
    checks += raised.get((cell.row, cell.column), ())
    return replace(
        cell,
        text=text,
        value=None if verdict.value is None else published(verdict.value, sheet.scale),
        unit=sheet.columns[cell.column].unit if number else cell.unit,
        confidence=verdict.confidence if told else cell.confidence,
        status=status,
        checks=(*cell.checks, *checks),
    )


def _relation(rule: Rule, verdicts: Mapping[Position, Verdict]) -> dict[str, Any]:
    """Return a rule as it is published, with how often it holds, and the targets where it fails."""
    held = outcomes(rule, verdicts)
    failed = [
        list(instance.target)
        for instance, holds in zip(rule.instances, held, strict=True)
        if holds is False
    ]
    return {**rule.to_json(), "passed": held.count(True), "failed": failed}
