"""What is drawn is what the truth says, and its sums are true."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.training.draw import DrawnPage, draw_page, number
from pipeline.training.fonts import BUNDLED, find_faces
from pipeline.training.layouts import (
    Layout,
    daily_ledger,
    first_figure_omitted,
    mean,
    open_table,
    pressure_table,
)

LAYOUTS = [pressure_table, daily_ledger, open_table]


def _draw(seed: int, index: int) -> DrawnPage:
    rng = np.random.default_rng(seed)
    return draw_page(LAYOUTS[index](rng), rng)  # type: ignore[operator]


@pytest.mark.parametrize("index", range(3))
def test_one_seed_one_page(index: int) -> None:
    first, again, other = _draw(1, index), _draw(1, index), _draw(2, index)
    assert np.array_equal(first.image, again.image)
    assert first.truth == again.truth
    assert first.truth != other.truth


@pytest.mark.parametrize("index", range(3))
def test_cells_cover_the_grid_once_and_lie_on_the_page(index: int) -> None:
    page = _draw(4, index)
    (table,) = page.truth.tables
    places = [(cell.row, cell.column) for cell in table.cells]
    assert sorted(places) == [(r, c) for r in range(table.rows) for c in range(table.columns)]
    polygons = [line.polygon for line in page.truth.lines] + [c.polygon for c in table.cells]
    for (x0, y0), _, (x1, y1), _ in polygons:
        assert 0 <= x0 < x1 <= page.truth.width
        assert 0 <= y0 < y1 <= page.truth.height


def test_means_of_the_pressure_table_are_true() -> None:
    layout: Layout = pressure_table(np.random.default_rng(6), days=10)

    def thousandths(text: str) -> int:
        value = number(text)
        assert value is not None
        return round(1000 * (value + (20 if value > 5 else 30)))

    days = [[thousandths(text) for text in row.texts[1:]] for row in layout.rows[2:12]]
    means = [thousandths(text) for text in layout.rows[12].texts[1:]]
    assert all(day[24] == mean(day[:24]) for day in days)
    assert means[:24] == [mean([day[hour] for day in days]) for hour in range(24)]


def test_means_of_the_ledger_are_true() -> None:
    layout = daily_ledger(np.random.default_rng(6))
    *days, last = layout.rows[1:]
    for row in days:
        high, low, middle = (round(10 * float(text)) for text in row.texts[1:4])
        assert middle == mean([high, low])
    rain = sum(round(100 * float(row.texts[4] or 0)) for row in days)
    assert round(100 * float(last.texts[4])) == rain


def test_hours_are_left_out_on_request() -> None:
    layout = pressure_table(np.random.default_rng(0), days=2, hours_printed=False)
    assert layout.header_rows == 1
    assert layout.rows[0].texts[1] == "Ins."


@given(st.integers(28600, 30900))
def test_first_figure_omitted(value: int) -> None:
    text = first_figure_omitted(value)
    assert int(text.replace("·", "")) == value % 10000


@given(st.lists(st.integers(-500, 31000), min_size=1))
def test_mean_is_within_half_of_the_true_one(values: list[int]) -> None:
    assert -0.5 < mean(values) - sum(values) / len(values) <= 0.5


def test_faces_that_cannot_write_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert find_faces([tmp_path]) == []
    assert BUNDLED.has("0·9 Ins.")
    assert not BUNDLED.has("測")
