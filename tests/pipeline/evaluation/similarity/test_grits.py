"""GriTS against examples worked by hand and against values of its authors' own package."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.similarity.grits import GritsScore, grits_con, grits_top
from pipeline.evaluation.similarity.spans import Span, spans_of_grid

grids = st.integers(1, 4).flatmap(
    lambda columns: st.lists(
        st.lists(st.text(alphabet="ab1", max_size=3), min_size=columns, max_size=columns),
        min_size=1,
        max_size=4,
    )
)

TRUTH = [
    Span(0, 0, "Day", 2, 1),
    Span(0, 1, "Thermometer", 1, 2),
    Span(0, 3, "Rain", 2, 1),
    Span(1, 1, "Max."),
    Span(1, 2, "Min."),
    *[Span(2 + i, j, t) for i, row in enumerate(("1 22.5 14.0 .03", "2 23.1 15.2 .10"))
      for j, t in enumerate(row.split())],
]  # fmt: skip
CUT = spans_of_grid(
    [
        ["Day", "Thermometer", "", "Rain"],
        ["", "Max", "Min.", ""],
        ["1", "22.5", "14.0", "03"],
        ["2", "28.1", "15.2", ".10"],
    ]
)
SHORT = spans_of_grid([["1", "22.5", "140"], ["2", "23.1", "15.2"], ["3", "", "x"]])


@pytest.mark.parametrize(
    ("read", "con", "top"),
    [(TRUTH, 1.0, 1.0), (CUT, 0.7754464285714285, 0.8125), (SHORT, 0.4685714285714286, 0.68)],
)
def test_as_the_authors_have_it(read: list[Span], con: float, top: float) -> None:
    """What the package grits-metric 0.7.0 says of the same tables."""
    assert grits_con(TRUTH, read).similarity == pytest.approx(con)
    assert grits_top(TRUTH, read).similarity == pytest.approx(top)


def test_a_lost_row_and_column() -> None:
    truth = [["a", "b", "c"], ["d", "e", "f"], ["g", "h", "i"]]
    read = [["a", "c"], ["g", "i"]]
    assert grits_con(spans_of_grid(truth), spans_of_grid(read)) == GritsScore(4, 9, 4)
    # What is left says the same, but has lost its place: 2 x 4 / (9 + 4).
    assert grits_con(spans_of_grid(truth), spans_of_grid(read)).similarity == 8 / 13


def test_a_span_stands_at_all_its_places() -> None:
    whole, cut = [Span(0, 0, "Max", 1, 2)], spans_of_grid([["Max", ""]])
    assert grits_con(whole, cut) == GritsScore(1, 2, 2)
    # Each half is one of the two places of the whole.
    assert grits_top(whole, cut) == GritsScore(1, 2, 2)


def test_text_makes_no_topology() -> None:
    a, b = spans_of_grid([["a", "b"], ["c", "d"]]), spans_of_grid([["x", ""], ["", "y"]])
    assert grits_top(a, b).similarity == 1
    assert grits_con(a, b).similarity == 0


def test_counts_of_tables_add_up() -> None:
    assert GritsScore().similarity is None
    assert (GritsScore(4, 9, 4) + GritsScore(0, 3, 0)).similarity == 8 / 16


@given(grids, grids)
def test_bounds(truth: list[list[str]], read: list[list[str]]) -> None:
    a, b = spans_of_grid(truth), spans_of_grid(read)
    for measure in (grits_con, grits_top):
        assert measure(a, a).similarity == 1
        score = measure(a, b)
        assert 0 <= score.shared <= min(score.true, score.read)
        assert measure(a, []).similarity == measure([], a).similarity == 0
