"""Pages are laid onto each other by what they have alike, and pages of another form are not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.forms.marks import Marks, Transform
from pipeline.forms.register import printed_there, register


def ledger(seed: int, columns: int = 9, rows: int = 20, pitch: int = 30, group: int = 5) -> Marks:
    """A page's marks: columns of different widths, heads, labels, groups of rows."""
    rng = np.random.default_rng(seed)
    xs = 100 + np.cumsum(np.append(0, rng.integers(45, 130, columns)))
    ys = 150 + np.cumsum(np.append(0, pitch + 12 * (np.arange(rows) % group == group - 1)))
    upright = [(x, ys[0], ys[-1]) for x in xs]
    level = [(y, xs[0], xs[-1]) for y in (ys[0], ys[1], ys[-1])]
    heads = [(x + 6 + 14 * k, ys[0] - 24) for x in xs[:-1] for k in range(int(rng.integers(2, 4)))]
    labels = [(xs[0] + 8, y + 6) for y in ys[:-1]]
    figures = [
        (x + rng.uniform(4, 20) + 14 * k, y + 6)
        for y in ys[:-1]
        for x in xs[1:-1]
        for k in range(2)
    ]
    places = np.array(heads + labels + figures, float)
    sizes = np.column_stack([rng.uniform(9, 15, len(places)), rng.uniform(16, 24, len(places))])
    return Marks(
        np.array(upright, float),
        np.array(level, float),
        np.column_stack([places, places + sizes]),
        20.0,
    )


def moved(marks: Marks, scale: float, shift: tuple[float, float]) -> tuple[Transform, Marks]:
    transform = Transform(np.array([[scale, 0.0, shift[0]], [0.0, scale * 1.004, shift[1]]]))
    return transform, transform.marks(marks)


def off(found: Transform, truth: Transform) -> float:
    corners = np.array([(100.0, 150), (900, 150), (100, 800), (900, 800)])
    return float(np.abs(found.apply(corners) - truth.apply(corners)).max())


@pytest.mark.parametrize(
    ("seed", "scale", "shift"),
    [(1, 0.8, (260.0, -40.0)), (2, 1.0, (0.0, 0.0)), (3, 1.3, (-90, 300))],
)
def test_a_page_moved_and_scaled_is_found(
    seed: int, scale: float, shift: tuple[float, float]
) -> None:
    marks = ledger(seed)
    truth, page = moved(marks, scale, shift)
    found = register(marks, page)
    assert found is not None
    assert off(found.transform, truth) < 0.1 * page.height


@pytest.mark.parametrize("side", ["left", "bottom"])
def test_a_page_of_which_a_third_is_gone_is_found(side: str) -> None:
    marks = ledger(5)
    truth, page = moved(marks, 1.1, (37.0, -52.0))
    axis = 0 if side in ("left", "right") else 1
    low, high = page.printed[:, axis].min(), page.printed[:, axis].max()
    cut = low + (high - low) * (1 / 3 if side in ("left", "top") else 2 / 3)

    def keep(values: np.ndarray) -> np.ndarray:
        return np.asarray(values > cut if side in ("left", "top") else values < cut)

    upright, level = page.upright.copy(), page.level.copy()
    if axis == 0:
        upright = upright[keep(upright[:, 0])]
        level[:, 1 if side == "left" else 2] = cut
    else:
        level = level[keep(level[:, 0])]
        upright[:, 1 if side == "top" else 2] = cut
    torn = Marks(upright, level, page.printed[keep(page.printed[:, axis])], page.height)
    found = register(marks, torn)
    assert found is not None
    assert off(found.transform, truth) < 0.3 * page.height


def test_other_figures_on_the_same_form_do_not_matter() -> None:
    marks, other = ledger(8), ledger(8)
    rng = np.random.default_rng(0)
    figures = other.printed[-200:]
    figures += np.tile(rng.uniform(-9, 9, (len(figures), 1)), 4)
    truth, page = moved(other, 0.95, (10.0, 20.0))
    found = register(marks, page)
    assert found is not None
    assert off(found.transform, truth) < 0.2 * page.height


def test_a_page_of_another_form_is_none() -> None:
    assert register(ledger(0), ledger(50, columns=5, rows=11, pitch=41, group=3)) is None


def test_scattered_strokes_are_no_form() -> None:
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 900, (300, 2))
    noise = Marks(np.zeros((0, 3)), np.zeros((0, 3)), np.column_stack([places, places + 15]), 20.0)
    assert register(ledger(1), noise) is None
    empty = Marks(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 4)), 20.0)
    assert register(ledger(1), empty) is None
    assert register(empty, ledger(1)) is None


def test_print_is_the_same_only_where_place_and_size_are() -> None:
    marks = ledger(3)
    assert printed_there(marks.printed, marks).all()
    assert not printed_there(marks.printed + 500, marks).any()
    larger = marks.printed + np.array([-12.0, -12, 12, 12])
    assert not printed_there(larger, marks).any()
    assert printed_there(np.zeros((0, 4)), marks).shape == (0,)


@given(st.floats(0.5, 2), st.floats(-500, 500), st.floats(-500, 500))
def test_a_transform_has_a_way_back(scale: float, dx: float, dy: float) -> None:
    transform = Transform(np.array([[scale, 0.01, dx], [-0.02, scale, dy]]))
    points = np.array([(3.0, 4), (1000, 200)])
    assert np.allclose(transform.inverse().apply(transform.apply(points)), points, atol=1e-6)
