"""Grids of drawn tables: straight, skewed, curved, cut off, and none where there is no table.

The detected lines are the truth's own, so that only the structure is tested.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.page import Table, Transcription
from pipeline.preprocess import prepare
from pipeline.profiles import Preprocessing, Profile
from pipeline.tables.layout import Layout, lay_out
from pipeline.tables.structure.straighten import POWERS, TERMS, Warp
from pipeline.training.degrade import Wear, degrade
from pipeline.training.draw import DrawnPage, draw_page, without_first_column
from pipeline.training.layouts import daily_ledger, open_table, pressure_table

PLAIN = Profile(name="test", preprocessing=Preprocessing(crop=False))


def lay(page: DrawnPage) -> Layout:
    """Lay out a drawn page; a row's neighbouring cells are one detected line, as engines do."""
    ready = prepare(page.image, PLAIN.preprocessing)
    boxes = [line.polygon for line in page.truth.lines]
    for table in page.truth.tables:
        for row in range(table.rows):
            cells = [c for c in table.cells if c.row == row and c.text]
            boxes += [cell.polygon for cell in cells]
    inverse = np.linalg.inv(np.vstack([ready.to_page, [0, 0, 1]]))[:2]
    corners = np.array(boxes, np.float64) @ inverse[:, :2].T + inverse[:, 2]
    return lay_out(ready, corners.astype(np.float32), PLAIN)


def shape(layout: Layout) -> tuple[int, int]:
    assert len(layout.grids) == 1
    grid = layout.grids[0]
    return len(grid.ys), len(grid.xs) - 1


def filled(truth: Transcription) -> set[tuple[int, int]]:
    return {(cell.row, cell.column) for cell in truth.tables[0].cells if cell.text}


def table(page: DrawnPage) -> Table:
    return page.truth.tables[0]


@pytest.mark.parametrize(
    "wear",
    [
        Wear(),
        Wear(skew=1.5),
        Wear(skew=-2.0, tone=225, light=0.4, noise=3),
        Wear(curl=14),
        Wear(curl=-18, skew=0.8, blur=0.6, tone=230),
    ],
    ids=["plain", "skewed", "dim", "curved", "curved and skewed"],
)
def test_a_ruled_table_has_its_rows_and_columns(wear: Wear) -> None:
    rng = np.random.default_rng(11)
    page = degrade(draw_page(pressure_table(rng, days=12), rng), rng, wear)
    layout = lay(page)
    assert shape(layout) == (table(page).rows, table(page).columns)
    assert layout.grids[0].header_rows == 1
    found = {(row, column) for _, row, column, _ in layout.cells}
    assert found == filled(page.truth)


def test_cells_lie_where_the_truth_has_them() -> None:
    rng = np.random.default_rng(2)
    page = degrade(draw_page(pressure_table(rng, days=10), rng), rng, Wear(curl=12, skew=1.0))
    layout = lay(page)
    polygons = layout.cell_polygons(layout.grids[0])
    for cell in table(page).cells:
        if cell.text:
            corners = np.array(polygons[cell.row, cell.column])
            x, y = np.mean(cell.polygon, axis=0)
            assert corners[:, 0].min() < x < corners[:, 0].max()
            assert corners[:, 1].min() < y < corners[:, 1].max()


def test_a_column_lost_in_the_fold_keeps_its_place() -> None:
    rng = np.random.default_rng(7)
    page = without_first_column(draw_page(pressure_table(rng, days=12), rng))
    layout = lay(page)
    assert shape(layout) == (table(page).rows, table(page).columns)


def test_a_partly_ruled_ledger() -> None:
    rng = np.random.default_rng(4)
    page = degrade(draw_page(daily_ledger(rng), rng), rng, Wear(skew=0.5))
    assert shape(lay(page)) == (table(page).rows, table(page).columns)


def test_an_unruled_table_between_prose() -> None:
    rng = np.random.default_rng(9)
    page = draw_page(open_table(rng), rng)
    layout = lay(page)
    assert shape(layout) == (table(page).rows, table(page).columns)
    assert len(layout.lines) == len(page.truth.lines)


def test_prose_is_no_table() -> None:
    rng = np.random.default_rng(9)
    page = draw_page(open_table(rng), rng)
    only_prose = page.image.copy()
    (x0, y0), (x1, y1) = np.min(table(page).polygon, axis=0), np.max(table(page).polygon, axis=0)
    only_prose[int(y0) - 4 : int(y1) + 5, int(x0) - 4 : int(x1) + 5] = 255
    bare = DrawnPage(
        only_prose,
        Transcription(page.truth.width, page.truth.height, 0.0, page.truth.lines, ()),
    )
    assert lay(bare).grids == ()


def test_no_tables_where_the_profile_wants_none() -> None:
    rng = np.random.default_rng(9)
    page = draw_page(open_table(rng), rng)
    prose = PLAIN.model_copy(update={"tables": PLAIN.tables.model_copy(update={"find": False})})
    ready = prepare(page.image, prose.preprocessing)
    boxes = np.array([line.polygon for line in page.truth.lines], np.float32)
    layout = lay_out(ready, boxes, prose)
    assert layout.grids == ()
    assert len(layout.lines) == len(boxes)


def test_an_empty_page_has_nothing() -> None:
    ready = prepare(np.full((400, 300), 245, np.uint8), PLAIN.preprocessing)
    layout = lay_out(ready, np.zeros((0, 4, 2), np.float32), PLAIN)
    assert layout.grids == ()
    assert layout.lines == ()


def terms(limits: float, count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-limits, limits), min_size=count, max_size=count)


small = st.tuples(terms(12, len(POWERS)), terms(2, TERMS - len(POWERS))).map(np.concatenate)


@settings(max_examples=50)
@given(small, small, st.floats(0, 2000), st.floats(0, 1200))
def test_straightening_can_be_undone(
    level: np.ndarray, plumb: np.ndarray, x: float, y: float
) -> None:
    warp = Warp(2000, 1200, level, plumb)
    point = np.array([[x, y]])
    assert np.allclose(warp.straight(warp.upright(point)), point, atol=0.2)


def test_a_straightened_page_shows_each_point_at_its_straight_place() -> None:
    ys, xs = np.mgrid[:400, :500].astype(np.float64)

    def smooth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(128 + 60 * np.sin(x / 25) + 60 * np.cos(y / 20))

    level, plumb = np.zeros((2, TERMS))
    level[:7], plumb[:7] = (9, -6, 4, 3, 2, 0, 3), (-5, 4, -3, 2, 1, 0, 0)
    warp = Warp(500, 400, level, plumb)
    straight = warp.apply(smooth(xs, ys).astype(np.uint8))
    upright = warp.upright(np.column_stack([xs.ravel(), ys.ravel()]))
    wanted = smooth(upright[:, 0], upright[:, 1]).reshape(xs.shape)
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(straight[inner] - wanted[inner]).max() < 2.5
