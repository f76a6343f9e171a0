"""A table read together once more, with what a person says in it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pipeline.checks.check import check_table
from pipeline.checks.recheck import fix, recheck
from pipeline.page import Alternative, Cell, Table
from tests.pipeline.checks.ledgers import Ledger
from tests.pipeline.checks.test_check import table_of, temperatures, written

Place = tuple[int, int]
RANGE = 4


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return temperatures(summed_up=False)


@pytest.fixture(scope="module")
def place(ledger: Ledger) -> Place:
    return ledger.header_rows + 4, 1


@pytest.fixture(scope="module")
def misread(ledger: Ledger, place: Place) -> Table:
    """The ledger, a maximum and its range misread alike, so that the two bear each other out."""
    texts = written(ledger)
    for column in (place[1], RANGE):
        texts[place[0]][column] = f"{float(texts[place[0]][column]) + 30:.1f}"
    table = table_of(texts, ledger.header_rows, {})
    return check_table(replace(table, cells=tuple(_sure(cell, place) for cell in table.cells)))


def _sure(cell: Cell, place: Place) -> Cell:
    if cell.row != place[0] or cell.column not in (place[1], RANGE):
        return cell
    alternatives = (Alternative(cell.text, math.log(0.9999)),)
    return replace(cell, confidence=0.9999, alternatives=alternatives)


def cells_of(table: Table) -> dict[Place, Cell]:
    return {(cell.row, cell.column): cell for cell in table.cells}


def test_nothing_new_changes_nothing(misread: Table) -> None:
    again = recheck(misread, {})
    for before, after in zip(misread.cells, again.cells, strict=True):
        assert (after.text, after.value, after.checks) == (before.text, before.value, before.checks)
        assert after.confidence == pytest.approx(before.confidence, abs=1e-3)
    assert again.relations == misread.relations


def test_what_a_person_says_is_certain_and_vouches_for_others(
    ledger: Ledger, misread: Table, place: Place
) -> None:
    before, truth = cells_of(misread), ledger.written(place)
    after = cells_of(recheck(misread, {place: truth}))
    corrected = after[place]
    assert (corrected.text, corrected.confidence, corrected.status) == (truth, 1.0, "verified")
    assert corrected.value == pytest.approx(ledger.values[place] / 10**ledger.scale)
    assert (corrected.raw, corrected.alternatives) == (
        before[place].raw,
        before[place].alternatives,
    )
    assert not any(check.endswith(":fail") for check in corrected.checks)
    other = place[0], RANGE
    assert before[other].text != ledger.written(other)
    assert (after[other].text, after[other].status) == (ledger.written(other), "repaired")


def test_a_person_is_believed_against_all_arithmetic(misread: Table, place: Place) -> None:
    said = "-99.9"
    after = cells_of(recheck(misread, {place: said, (place[0] + 2, 2): ""}))
    assert (after[place].text, after[place].value) == (said, -99.9)
    assert any(check.endswith(":fail") for check in after[place].checks)
    assert (after[place[0] + 2, 2].text, after[place[0] + 2, 2].value) == ("", None)


def test_heads_are_fixed_too_and_nothing_else_where_nothing_is_checked(misread: Table) -> None:
    fixed = {(0, 0): "Datum", (misread.rows - 1, 0): "x"}
    for made in (recheck(misread, fixed), fix(misread, fixed)):
        assert {at: cells_of(made)[at].text for at in fixed} == fixed
    before, after = cells_of(misread), cells_of(fix(misread, fixed))
    assert all(after[at] == before[at] for at in before if at not in fixed)
