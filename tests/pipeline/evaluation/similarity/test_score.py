"""Whole tables against their truth: as grids where the truth knows no spans."""

from dataclasses import replace

import pytest

from pipeline.evaluation.similarity.score import SimilarityScore, score_similarity
from pipeline.evaluation.tables import TableTruth
from pipeline.page import Cell, Table

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
GRID = (("Day", "Max.", "Min."), ("1", "22.5", "14.0"), ("2", "23.1", "15.2"))


def _table(head_span: int) -> Table:
    """Return a table whose head spans one or two columns."""
    head = [["Thermometer", ""], ["Max.", "Min."], ["22.5", "14.0"]]
    cells = tuple(
        Cell(i, j, text, text, 1.0, BOX, column_span=head_span if i == 0 else 1)
        for i, row in enumerate(head)
        for j, text in enumerate(row)
        if (i, j) != (0, 1) or head_span == 1
    )
    return Table(BOX, 3, 2, cells, 2)


def _truth(table: Table) -> TableTruth:
    return TableTruth(tuple(map(tuple, table.grid())), table.header_rows, table=table)


def test_an_unread_table_is_like_none() -> None:
    score = score_similarity(TableTruth(GRID), None)
    assert (score.teds, score.con.similarity, score.top.similarity) == (0, 0, 0)


def test_spans_count_where_the_truth_knows_them() -> None:
    spanning, flat = _table(2), _table(1)
    assert score_similarity(_truth(spanning), spanning.grid(), spanning).teds == 1
    torn = score_similarity(_truth(spanning), flat.grid(), flat)
    assert torn.teds == pytest.approx(1 - 2 / 9)
    assert torn.top.similarity == pytest.approx((4 + 2 * 0.5) / 6)
    # A page of which only the grid was exported has no spans.
    assert score_similarity(_truth(spanning), flat.grid()).teds == torn.teds


def test_spans_do_not_count_where_the_truth_is_a_grid() -> None:
    spanning = _table(2)
    truth = replace(_truth(spanning), table=None)
    assert score_similarity(truth, spanning.grid(), spanning).teds == 1


def test_hidden_columns_are_asked_of_nobody() -> None:
    truth = TableTruth(GRID, hidden=frozenset({1}))
    lost = [[row[0], row[2]] for row in GRID]
    kept_empty = [[row[0], "", row[2]] for row in GRID]
    assert score_similarity(truth, kept_empty).teds == 1
    assert score_similarity(truth, kept_empty).con.similarity == 1
    made_up = [[row[0], "9", row[2]] for row in GRID]
    assert score_similarity(truth, made_up).con.similarity == pytest.approx(2 * 6 / (6 + 9))
    assert score_similarity(TableTruth(GRID), lost).con.similarity == pytest.approx(12 / 15)


def test_scores_add_up() -> None:
    both = score_similarity(TableTruth(GRID), GRID) + score_similarity(TableTruth(GRID), None)
    assert both.teds == 0.5
    assert both.con.similarity == pytest.approx(2 * 9 / (9 + 18))
    assert both.to_json()["tables"] == 2
    assert SimilarityScore().teds is None
