"""How alike the tables of pages are to the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.evaluation.similarity.grits import GritsScore, grits_con, grits_top
from pipeline.evaluation.similarity.spans import (
    Span,
    spans_of_grid,
    spans_of_table,
    without_columns,
)
from pipeline.evaluation.similarity.teds import teds
from pipeline.evaluation.tables import Grid, TableTruth, place
from pipeline.page import Table


@dataclass(frozen=True, slots=True)
class SimilarityScore:
    """Counts of one or many tables; `alike` is the sum of their TEDS, a mean over tables."""

    tables: int = 0
    alike: float = 0.0
    con: GritsScore = field(default_factory=GritsScore)
    top: GritsScore = field(default_factory=GritsScore)

    def __add__(self, other: SimilarityScore) -> SimilarityScore:
        return SimilarityScore(
            self.tables + other.tables,
            self.alike + other.alike,
            self.con + other.con,
            self.top + other.top,
        )

    @property
    def teds(self) -> float | None:
        """The mean TEDS; `None` where there is no table."""
        return self.alike / self.tables if self.tables else None

    def to_json(self) -> dict[str, Any]:
        """Return the measures as plain numbers."""
        return {
            "tables": self.tables,
            "teds": self.teds,
            "grits_con": self.con.similarity,
            "grits_top": self.top.similarity,
        }


def score_similarity(
    truth: TableTruth, read: Grid | None, table: Table | None = None
) -> SimilarityScore:
    """Compare a whole read table, heads and labels included, with its truth.

    Where the truth says what its cells span, `table` says it of the reading (unread if `None`);
    otherwise two plain grids are compared. Columns that the truth names as hidden are left out of
    both, of the reading only where it has nothing there.
    """
    grid = read or []
    if truth.table is not None:
        true = spans_of_table(truth.table)
        found = spans_of_table(table) if table is not None else spans_of_grid(grid)
    else:
        true, found = spans_of_grid(truth.grid), spans_of_grid(grid)
    if truth.hidden:
        true = without_columns(true, truth.hidden)
        found = without_columns(found, _empty(truth, grid, found))
    return SimilarityScore(1, teds(true, found), grits_con(true, found), grits_top(true, found))


def _empty(truth: TableTruth, read: Grid, found: list[Span]) -> set[int]:
    """Return the columns of a reading that are where hidden ones should be, and empty."""
    placement = place(truth, read)
    if placement is None:
        return set()
    filled = {
        column
        for span in found
        if span.text
        for column in range(span.column, span.column + span.column_span)
    }
    return {column + placement.columns for column in truth.hidden} - filled
