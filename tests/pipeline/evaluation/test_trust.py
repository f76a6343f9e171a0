"""What cells say of themselves, against what is so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evaluation.tables import TableTruth, Wrong
from pipeline.evaluation.trust import STATUSES, Says, Tally, TrustScore, score_cell, score_trust
from pipeline.page import Cell, Status, Table

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
TRUTH = TableTruth(
    (
        ("Day", "Max.", "Min.", "Mean"),
        ("1", "22.5", "14.0", "18.2"),
        ("2", "23.1", "", "19.1"),
        ("3", "24.0", "15.5", "19.8"),
    )
)


def _table(**cells: tuple[str, str, Status]) -> Table:
    """Return the truth as read, with other cells (`r1c2`: text, raw, status) in some places."""
    made = []
    for i, row in enumerate(TRUTH.grid):
        for j, text in enumerate(row):
            says = cells.get(f"r{i}c{j}", (text, text, "verified" if i and j else "plain"))
            made.append(Cell(i, j, says[0], says[1], 1.0, BOX, status=says[2]))
    return Table(BOX, len(TRUTH.grid), 4, tuple(made), 1)


def test_everything_verified_and_right() -> None:
    score = score_trust(TRUTH, _table())
    assert (score.values, score.coverage, score.precision) == (8, 1, 1)
    assert score.misleading == ()


def test_a_verified_value_that_is_wrong_is_named() -> None:
    score = score_trust(TRUTH, _table(r1c2=("14.6", "14.6", "verified")))
    assert (score.coverage, score.precision) == (1, 7 / 8)
    assert score.misleading == (Wrong(1, 2, "14.0", "14.6"),)


def test_verified_where_nothing_stands_is_wrong_and_covers_nothing() -> None:
    score = score_trust(TRUTH, _table(r2c2=("15.1", "", "verified")))
    assert (score.values, score.coverage, score.precision) == (8, 1, 8 / 9)
    assert score.of("verified") == Tally(8, 8, 1)


def test_repairs_and_the_harm_they_do() -> None:
    score = score_trust(
        TRUTH,
        _table(
            r1c1=("22.5", "22.8", "repaired"),  # mended
            r1c2=("14.1", "14.0", "repaired"),  # damaged
            r1c3=("18.2", "", "verified"),  # mended without being called so
            r3c1=("24.1", "34.1", "repaired"),  # changed, still wrong
        ),
    )
    assert (score.of("repaired").right, score.of("repaired").wrong) == (1, 2)
    assert (score.mended, score.damaged) == (2, 1)
    assert score.coverage == 5 / 8
    told = score.to_json()
    assert (told["repairs_right"], told["repairs_wrong"]) == (1, 2)


def test_an_unread_table_covers_nothing() -> None:
    score = score_trust(TRUTH, None)
    assert (score.values, score.coverage, score.precision) == (8, 0, None)


def test_rows_and_labels_go_as_for_the_values() -> None:
    """A row of units above the values moves them all; labels are no values."""
    table = _table()
    moved = tuple(
        Cell(c.row + (c.row > 0), c.column, c.text, c.raw, 1.0, BOX, status=c.status)
        for c in table.cells
    )
    units = tuple(Cell(1, j, "°C", "°C", 1.0, BOX) for j in range(4))
    score = score_trust(TRUTH, Table(BOX, 5, 4, moved + units, 2))
    assert (score.values, score.coverage, score.precision) == (8, 1, 1)


@pytest.mark.parametrize(
    ("interval", "within"), [("18.1..18.2", 1), ("18.2..18.2", 1), ("18.3..19", 0), ("-1..1e2", 1)]
)
def test_inferred_within_its_interval(interval: str, within: int) -> None:
    says = Says("18.1", "", "inferred", 18.1, ("mean:pass", f"interval:{interval}"))
    score = score_cell("18.2", says, "text")
    assert (score.bounded, score.within) == (1, within)
    assert score.of("inferred") == Tally(1, 0, 0)


@pytest.mark.parametrize("checks", [(), ("interval:",), ("interval:-..+",), ("sum:pass",)])
def test_inferred_without_an_interval(checks: tuple[str, ...]) -> None:
    assert score_cell("18.2", Says("18.1", "", "inferred", 18.1, checks), "text").bounded == 0


@pytest.mark.parametrize(
    ("truth", "text", "value", "interval", "within"),
    [
        ("9.373", "9.375", 29.375, "29.371..29.379", 1),  # the first figure is omitted
        ("9.373", "9.375", 29.375, "29.374..29.376", 0),
        ("0.124", "0.126", 30.126, "30.12..30.13", 1),
        ("287", "285", 28.5, "28.3..28.7", 1),  # the point is omitted
        ("28.7", "285", 28.5, "28.3..28.7", 1),  # but not by who keyed it
        ("289", "285", 28.5, "28.3..28.7", 0),
        ("Calm", "285", 28.5, "28.3..28.7", 0),
        ("28.7", "?", None, "28.3..28.7", 1),
    ],
)
def test_intervals_are_of_values(
    truth: str, text: str, value: float | None, interval: str, within: int
) -> None:
    says = Says(text, "", "inferred", value, (f"interval:{interval}",))
    assert score_cell(truth, says, "text").within == within


def test_what_was_read_may_be_unknown() -> None:
    score = score_cell("28", Says("28,0"), "number")
    assert (score.of("plain").right, score.mended, score.damaged) == (1, 0, 0)


says = st.builds(
    Says,
    st.sampled_from(["", "1.0", "1.5", "x"]),
    st.sampled_from([None, "", "1.0", "1.5"]),
    st.sampled_from(STATUSES),
)


@given(st.lists(st.tuples(st.sampled_from(["", "1.0", "1.5"]), says)))
def test_counts_hang_together(cells: list[tuple[str, Says]]) -> None:
    score = sum((score_cell(truth, s, "text") for truth, s in cells), TrustScore())
    tallies = score.tallies.values()
    assert score.values == sum(bool(truth) for truth, _ in cells)
    assert sum(t.values for t in tallies) == score.values
    assert sum(t.right for t in tallies) == sum(bool(t) and t == s.text for t, s in cells)
    assert sum(t.spurious for t in tallies) == sum(not t and bool(s.text) for t, s in cells)
    assert score.mended + score.damaged <= score.values
    assert score + TrustScore() == score
