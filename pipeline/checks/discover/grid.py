"""A sheet as arrays: what discovery computes with."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.checks.notation import has_figures
from pipeline.checks.sheet import Sheet

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RIVALS = 4
"""Readings of a cell that are looked at, the likeliest included."""
SPARSE = 0.8
"""A column filled less than this leaves cells blank for nothing; in one filled more a blank cell
is one that was lost."""

LABEL = re.compile(
    r"\W*(monthly\s+|grand\s+)?(tot\b|tota[lu]|totals|sum\b|sums\b|summe|somme|som\b|soma|suma|"
    r"mean|moy|mitt|med[ií]|méd|gem\b|gemid|aver|av\b)",
    re.IGNORECASE,
)
"""How the label of a total or a mean begins, in the languages of ledgers."""


@dataclass(frozen=True)
class Grid:
    """Cells that hold numbers, `rows` x `columns` of a sheet, all arrays of that shape.

    `values`: likeliest readings in the sheet's units, 0 where there is none; `known`: there is one;
    `ink`: the sheet has an entry, read or not; `units`: what a cell's last written digit is worth.
    `rivals` and `chances`, with a third axis of length `RIVALS`: readings and their probabilities,
    the likeliest first, probability 0 where there is none. `days`: columns that count days or
    hours; `labels`: rows whose text says that they hold a total or a mean.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    values: Ints
    known: Bools
    ink: Bools
    units: Ints
    rivals: Ints
    chances: Floats
    days: Bools
    labels: Bools

    @property
    def numbers(self) -> Ints:
        """Indices of the columns that hold values rather than days or hours."""
        return np.flatnonzero(~self.days)

    def sparse(self, body: Ints) -> Bools:
        """Return which columns leave cells blank in the rows `body`."""
        return self.ink[body].mean(axis=0) < SPARSE if len(body) else np.zeros(len(self.days), bool)


def read_grid(sheet: Sheet) -> Grid:
    """Return the rows and columns of `sheet` in which at least two numbers stand.

    Rows with fewer are kept only where the sheet has a single column of numbers.
    """
    places = [place for place, entry in sheet.entries.items() if entry.value is not None]
    columns = sorted(
        column
        for column, count in zip(*_counts([place[1] for place in places]), strict=True)
        if count > 1 and sheet.columns[column].kind != "direction"
    )
    least = 2 if len(columns) > 2 else 1
    rows = sorted(
        row
        for row, count in zip(
            *_counts([place[0] for place in places if place[1] in set(columns)]), strict=True
        )
        if count >= least
    )
    shape = len(rows), len(columns)
    values = np.zeros(shape, np.int64)
    known = np.zeros(shape, bool)
    ink = np.zeros(shape, bool)
    decimals = np.full(shape, -1)
    rivals = np.zeros((*shape, RIVALS), np.int64)
    chances = np.zeros((*shape, RIVALS))
    at_row = {row: index for index, row in enumerate(rows)}
    at_column = {column: index for index, column in enumerate(columns)}
    for (row, column), entry in sheet.entries.items():
        if row not in at_row or column not in at_column:
            continue
        place = at_row[row], at_column[column]
        ink[place] = True
        found = [(each.value, each.logprob) for each in entry.candidates if each.value is not None]
        if not found or (entry.value is None and not has_figures(entry.candidates[0].text)):
            ink[place] = not entry.candidates  # text where a number should be says nothing here
            continue
        values[place], known[place], decimals[place] = found[0][0], True, entry.decimals
        for rank, (value, logprob) in enumerate(found[:RIVALS]):
            rivals[place][rank] = value
            chances[place][rank] = np.exp(logprob)
    labelled = {
        row
        for (row, _), entry in sheet.entries.items()
        if entry.value is None and entry.candidates and LABEL.match(entry.candidates[0].text)
    }
    kinds = [sheet.columns[column].kind for column in columns]
    return Grid(
        tuple(rows),
        tuple(columns),
        values,
        known,
        ink,
        _units(decimals, sheet.scale),
        rivals,
        chances,
        np.array([kind in ("day", "hour") for kind in kinds], bool),
        np.array([row in labelled for row in rows], bool),
    )


def _counts(numbers: list[int]) -> tuple[list[int], list[int]]:
    found, counts = np.unique(np.array(numbers, int), return_counts=True)
    return found.tolist(), counts.tolist()


def _units(decimals: NDArray[np.int64], scale: int) -> Ints:
    """Return the last digit's worth of every cell, from what its column and its row agree on.

    Not from its own reading, which may have lost the point; a row of means may be written finer
    than the column above it.
    """
    rows, columns = decimals.shape
    usual = np.array(
        [_mode(decimals[decimals[:, column] >= 0, column]) for column in range(columns)], np.int64
    )
    finer = np.array([_mode((decimals[row] - usual)[decimals[row] >= 0]) for row in range(rows)])
    agreed = np.clip(usual[None] + finer[:, None].astype(np.int64), 0, scale)
    return np.asarray(10 ** (scale - agreed), np.int64)


def _mode(numbers: NDArray[np.int64]) -> int:
    found, counts = np.unique(numbers, return_counts=True)
    return int(found[counts.argmax()]) if len(found) else 0
