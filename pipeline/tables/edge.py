"""Columns that the edge of the page, or its fold, has taken from a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from statistics import median

from pipeline.tables.structure.grid import Grid
from pipeline.tables.values import parse_value


def lost_columns(grid: Grid, texts: Mapping[tuple[int, int], str]) -> int:
    """Return how many columns are missing before the first of a table that was cut at its left.

    `texts` holds what its cells say, by row and column. Heads that count 1, 2, 3, … tell where the
    first column stands, the column of labels before them included. Without such heads, a first
    column of measurements, like its neighbours, tells that at least the labels are gone.
    """
    if grid.framed or not grid.at_edge:
        return 0
    counted = count_of_heads(texts, grid.header_rows, len(grid.xs) - 1)
    if counted is not None:
        return max(counted, 0)
    first, *others = (_digits(grid, texts, column) for column in range(min(4, len(grid.xs) - 1)))
    usual = median(others) if others else 0
    return int(usual >= 3 and first >= usual - 1)


def count_of_heads(
    texts: Mapping[tuple[int, int], str], header_rows: int, columns: int
) -> int | None:
    """Return head minus column, where most heads agree on it: what column 0 would count."""
    for row in range(header_rows):
        steps: Counter[int] = Counter()
        for column in range(columns):
            text = texts.get((row, column), "").strip(" .")
            if text.isascii() and text.isdecimal() and len(text) <= 2:
                steps[int(text) - column] += 1
        if steps:
            step, count = steps.most_common(1)[0]
            if count >= 5 and count >= 0.6 * steps.total():
                return step
    return None


def _digits(grid: Grid, texts: Mapping[tuple[int, int], str], column: int) -> float:
    """Return the usual number of digits of a column's numbers; 0 where it has hardly any."""
    rows = range(grid.header_rows, len(grid.ys))
    filled = [texts[row, column] for row in rows if texts.get((row, column))]
    numbers = [text for text in filled if parse_value(text) is not None]
    if len(numbers) < 3 or len(numbers) < 0.5 * len(filled):
        return 0
    return float(median(sum(c.isdigit() for c in text) for text in numbers))


def counted_labels(
    grid: Grid, texts: Mapping[tuple[int, int], str], header_rows: int
) -> dict[int, str]:
    """Return the row labels 1, 2, 3, … of a table whose first column the edge may have cut.

    What is left of a label, such as the 7 of 17, must end it in at least three fifths of the rows.
    They go on to the row above a word, such as Mean, or else to the last row that agrees. Empty
    where the table begins elsewhere on the page or its labels do not count from 1.
    """
    if not grid.at_edge:
        return {}
    rows = range(header_rows, len(grid.rows))
    labels = {row: str(row - header_rows + 1) for row in rows}
    left = {row: "".join(filter(str.isdecimal, texts.get((row, 0), ""))) for row in rows}
    agree = [row for row in rows if left[row] and labels[row].endswith(left[row])]
    words = [row for row in rows if sum(map(str.isalpha, texts.get((row, 0), ""))) >= 2]
    if len(agree) < 5 or (words and words[0] < agree[-1]):
        return {}
    counted = range(header_rows, words[0] if words else agree[-1] + 1)
    return {row: labels[row] for row in counted} if len(agree) >= 0.6 * len(counted) else {}
