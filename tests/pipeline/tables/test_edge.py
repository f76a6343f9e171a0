"""Columns that the page's edge took keep their place."""

import pytest

from pipeline.tables.edge import counted_labels, lost_columns
from pipeline.tables.structure.grid import Grid


def grid(columns: int, rows: int = 6, header: int = 1, cut: bool = True) -> Grid:
    xs = tuple(float(90 * i) for i in range(columns + 1))
    return Grid(
        xs,
        tuple(((30.0 * r, 30.0 * r + 28),) for r in range(rows)),
        header,
        at_edge=cut,
        framed=not cut,
    )


def texts(first_head: int, columns: int, label: bool, rows: int = 6) -> dict[tuple[int, int], str]:
    found = {(0, c): str(first_head + c) for c in range(columns)}
    for row in range(1, rows):
        found |= {(row, c): f"9.{row}{c:02d}" for c in range(columns)}
        if label:
            found[row, 0] = str(row)
    if label:
        del found[0, 0]
    return found


def test_a_whole_table_has_lost_nothing() -> None:
    assert lost_columns(grid(8), texts(0, 8, label=True)) == 0


@pytest.mark.parametrize("first", [1, 2, 3])
def test_heads_tell_how_many_are_gone(first: int) -> None:
    """Heads 3, 4, 5 … with nothing before them: 1, 2 and the labels are gone."""
    assert lost_columns(grid(8), texts(first, 8, label=False)) == first


def test_without_heads_values_tell_that_labels_are_gone() -> None:
    body = {p: t for p, t in texts(1, 8, label=False).items() if p[0] > 0}
    assert lost_columns(grid(8, header=0), body) == 1


def test_without_heads_labels_are_known_for_what_they_are() -> None:
    body = {p: t for p, t in texts(0, 8, label=True).items() if p[0] > 0}
    assert lost_columns(grid(8, header=0), body) == 0


def test_a_table_with_its_own_frame_is_whole() -> None:
    assert lost_columns(grid(8, cut=False), texts(2, 8, label=False)) == 0


def test_misread_heads_are_outvoted() -> None:
    found = texts(2, 10, label=False) | {(0, 3): "3", (0, 5): "71"}
    assert lost_columns(grid(10), found) == 2


def labelled(seen: list[str]) -> tuple[Grid, dict[tuple[int, int], str]]:
    found = {(row, 0): text for row, text in enumerate(seen, 1) if text}
    return grid(3, rows=len(seen) + 1), found


def test_labels_of_which_only_the_ends_are_left_are_counted() -> None:
    cut = [*"123456789", "0", "1", "2", "", "4", "L", "6", "MEAN."]
    labels = counted_labels(*labelled(cut), header_rows=1)
    assert labels == {row: str(row) for row in range(1, 17)}


@pytest.mark.parametrize(
    "seen",
    [
        [*"5678901234"],  # counts, but not from 1
        [*"1234"],  # too few to tell
        ["1", "L", "", "1", "", "6", "", "", "", "0"],  # hardly any
        ["1", "2", "Fog", "4", "5", "6", "7"],  # words are no labels
    ],
)
def test_labels_that_do_not_count_are_left(seen: list[str]) -> None:
    assert counted_labels(*labelled(seen), header_rows=1) == {}


def test_the_labels_of_a_whole_table_are_left() -> None:
    _, found = labelled([*"123456789", "0"])
    assert counted_labels(grid(3, rows=11, cut=False), found, header_rows=1) == {}
