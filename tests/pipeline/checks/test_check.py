"""A table that checks itself: what is published of it."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from pipeline.checks.check import check_table
from pipeline.page import Alternative, Cell, Table, Transcription, schema, to_json
from tests.pipeline.checks.ledgers import Ledger, generate, misread

SURE, UNSURE = 0.98, 0.6


def table_of(
    texts: Sequence[Sequence[str]], header_rows: int, doubted: dict[tuple[int, int], str]
) -> Table:
    """Return a table read with these texts; of the doubted cells the text given is the rival."""
    cells = []
    for r, row in enumerate(texts):
        for c, text in enumerate(row):
            x, y = float(c), float(r)
            square = ((x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1))
            chance = UNSURE if (r, c) in doubted else SURE
            said = [Alternative(text, math.log(chance))]
            if (r, c) in doubted:
                said.append(Alternative(doubted[r, c], math.log(0.3)))
            cells.append(
                Cell(r, c, text, text, chance, square, alternatives=tuple(said if text else ()))
            )
    corners = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))
    return Table(corners, len(texts), len(texts[0]), tuple(cells), header_rows)


def written(ledger: Ledger) -> list[list[str]]:
    texts = [["" for _ in ledger.columns] for _ in range(ledger.rows)]
    for (row, column), text in ledger.texts.items():
        texts[row][column] = text
    for row, column in ledger.values:
        texts[row][column] = ledger.written((row, column))
    return texts


def temperatures(summed_up: bool) -> Ledger:
    """Return a month of temperatures with their means and ranges, and with totals or without."""
    for seed in range(100):
        found = generate(np.random.default_rng(seed), "temperatures")
        if ("sum" in {each.kind for each in found.rules}) == summed_up:
            return found
    raise AssertionError


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return temperatures(summed_up=True)


@pytest.fixture(scope="module")
def checked(ledger: Ledger) -> tuple[Table, dict[tuple[int, int], Cell], tuple[int, int]]:
    """The ledger with one maximum misread, the right one its rival."""
    texts = written(ledger)
    place = (ledger.header_rows + 2, 1)
    truth = texts[place[0]][1]
    rng = np.random.default_rng(3)
    wrong = next(t for t in misread(truth, rng, 4) if len(t) == len(truth))
    texts[place[0]][1] = wrong
    table = check_table(table_of(texts, ledger.header_rows, {place: truth}))
    return table, {(cell.row, cell.column): cell for cell in table.cells}, place


def test_a_misread_cell_is_repaired_and_its_reading_kept(
    ledger: Ledger, checked: tuple[Table, dict[tuple[int, int], Cell], tuple[int, int]]
) -> None:
    _, cells, place = checked
    cell = cells[place]
    assert cell.status == "repaired"
    assert cell.text == ledger.written(place)
    assert cell.raw != cell.text
    assert [each.text for each in cell.alternatives] == [cell.raw, cell.text]
    assert cell.value == pytest.approx(ledger.values[place] / 10**ledger.scale)
    assert {"midpoint:pass", "difference:pass"} <= set(cell.checks)


def test_relations_are_published_with_their_outcomes(
    checked: tuple[Table, dict[tuple[int, int], Cell], tuple[int, int]],
) -> None:
    table, _, _ = checked
    kinds = {each["kind"] for each in table.relations}
    assert {"sum", "midpoint", "difference"} <= kinds
    assert all(each["failed"] == [] and each["passed"] >= 1 for each in table.relations)
    page = to_json(Transcription(9, 9, 0.0, (), (table,)), "p", "r")
    jsonschema.validate(page, schema())
    assert json.loads(json.dumps(page)) == page


def test_every_cell_stays_in_its_place_with_its_reading(
    ledger: Ledger, checked: tuple[Table, dict[tuple[int, int], Cell], tuple[int, int]]
) -> None:
    _, cells, place = checked
    for (row, column), text in ledger.texts.items():
        assert cells[row, column].text == text
    for other in ledger.values:
        assert cells[other].text == ledger.written(other)
        assert cells[other].raw == ledger.written(other) or other == place
    days = [cell for cell in cells.values() if cell.column == 1 and cell.status == "verified"]
    assert len(days) >= 20


def test_a_printed_error_is_told_where_it_is() -> None:
    ledger = temperatures(summed_up=False)
    texts = written(ledger)
    place = (ledger.header_rows + 4, 4)
    texts[place[0]][4] = f"{float(texts[place[0]][4]) + 3.7:.1f}"
    table = table_of(texts, ledger.header_rows, {})
    sure = tuple(
        replace(cell, confidence=1.0, alternatives=(Alternative(cell.text, -1e-6),))
        if cell.text
        else cell
        for cell in table.cells
    )
    result = check_table(replace(table, cells=sure))
    [ranges] = [each for each in result.relations if each["kind"] == "difference"]
    assert ranges["failed"] == [list(place)]
    [cell] = [cell for cell in result.cells if (cell.row, cell.column) == place]
    assert cell.text == texts[place[0]][4]
    assert cell.status != "verified"
    assert "difference:fail" in cell.checks


def test_a_table_without_numbers_is_left_as_it_is() -> None:
    table = table_of([["Name", "Trade"], ["Ann", "smith"], ["Bob", ""]], 1, {})
    result = check_table(table)
    assert result.grid() == table.grid()
    assert result.relations == ()
    assert {cell.status for cell in result.cells} == {"plain"}
