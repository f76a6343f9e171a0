"""The warp of the image and of the polygons are one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.page import Cell, Transcription
from pipeline.training.degrade import Warp, Wear, degrade, some_wear
from pipeline.training.draw import DrawnPage, draw_page, without_first_column
from pipeline.training.layouts import open_table, pressure_table

skews = st.floats(-3, 3)
curls = st.floats(-40, 40)


@given(skew=skews, curl=curls, x=st.floats(0, 1000), y=st.floats(0, 700))
def test_seen_undoes_source(skew: float, curl: float, x: float, y: float) -> None:
    warp = Warp(skew, curl, 1000, 700)
    point = np.array([[x, y]])
    assert np.allclose(warp.source(warp.seen(point)), point, atol=1e-3)


@given(skew=skews, curl=curls)
def test_ink_stays_inside_its_polygon(skew: float, curl: float) -> None:
    image = np.full((200, 300), 255, np.uint8)
    image[90:110, 40:60] = 0
    warp = Warp(skew, curl, 300, 200)
    corners = warp.polygon(((40, 90), (60, 90), (60, 110), (40, 110)))
    ys, xs = np.nonzero(warp.image(image) < 128)
    assert xs.size
    assert min(x for x, _ in corners) - 1.5 <= xs.min()
    assert xs.max() <= max(x for x, _ in corners) + 1.5
    assert min(y for _, y in corners) - 1.5 <= ys.min()
    assert ys.max() <= max(y for _, y in corners) + 1.5


def test_positive_skew_climbs_to_the_right() -> None:
    warp = Warp(2.0, 0.0, 1000, 700)
    (_, left), (_, right), *_ = warp.polygon(((0, 350), (1000, 350), (1000, 380), (0, 380)))
    assert right < left


def test_no_wear_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    page = draw_page(open_table(rng, stations=3), rng)
    worn = degrade(page, rng, Wear())
    assert worn.truth == page.truth
    assert np.abs(worn.image.astype(int) - page.image).max() <= 35  # ink is never quite black


def _ink(page: DrawnPage, cell: Cell) -> float:
    (x0, y0), (x1, y1) = np.min(cell.polygon, axis=0), np.max(cell.polygon, axis=0)
    cut = page.image[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1]
    return float(np.percentile(cut, 80)) - float(cut.min())


def test_every_written_cell_has_ink_where_the_truth_says() -> None:
    rng = np.random.default_rng(5)
    page = degrade(draw_page(pressure_table(rng, days=3), rng), rng, some_wear(rng))
    written = [cell for table in page.truth.tables for cell in table.cells if cell.text]
    assert len(written) == 26 * 6 - 2
    assert min(_ink(page, cell) for cell in written) > 30


def test_a_column_lost_in_the_fold_is_lost_to_the_truth() -> None:
    rng = np.random.default_rng(8)
    page = draw_page(pressure_table(rng, days=4), rng)
    cut = without_first_column(page)
    (table,), (whole,) = cut.truth.tables, page.truth.tables
    assert table.columns == 25
    assert table.grid() == [row[1:] for row in whole.grid()]
    assert isinstance(cut.truth, Transcription)
    assert cut.image.shape == (cut.truth.height, cut.truth.width)
    worn = degrade(cut, rng, Wear(skew=0.8, curl=20))
    cells = [cell for table in worn.truth.tables for cell in table.cells if cell.text]
    assert all(x >= 0 for cell in cells for x, _ in cell.polygon)
