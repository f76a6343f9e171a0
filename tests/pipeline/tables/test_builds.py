"""Tables of every build: heads over heads, partial rules, several a page, braces, marks, bends.

The pages are drawn (`drawn.py`), so it is known where every cell is; lines are the drawn ones.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.page import Alternative, Reading, Table
from pipeline.tables.assemble import make_tables
from pipeline.tables.layout import CellLine, Layout
from pipeline.tables.structure.signals import is_turned
from tests.pipeline.tables.drawn import (
    EM,
    PLAIN,
    Build,
    Canvas,
    Head,
    bent,
    lay,
    numbers,
    wave,
)

WEATHER = (
    Head("Day"),
    Head("Thermometer", (Head("Max."), Head("Min."), Head("Mean"))),
    Head("Rain"),
    Head("Remarks"),
)
WIDTHS = (2.6, 4.0, 4.0, 4.0, 4.0, 8.0)


def heads(names: str) -> list[Head]:
    return [Head(name) for name in names.split()]


def weather(build: Build, days: int = 14) -> Canvas:
    rng = np.random.default_rng(5)
    canvas = Canvas(round((6 + 1.3 * days) * EM) + 100, 860)
    canvas.text("REGISTER OF THE WEATHER", 400, 40)
    canvas.table(60, 90, build, WEATHER, [[*row, "Fine"] for row in numbers(rng, days, 5)])
    return canvas


def simple(build: Build, names: str, body: Sequence[Sequence[str] | None]) -> Canvas:
    canvas = Canvas(round((6 + 1.3 * len(body)) * EM) + 100, round(sum(build.widths) * EM) + 160)
    canvas.table(60, 60, build, heads(names), body)
    return canvas


def agrees(canvas: Canvas, layout: Layout, header: bool = True) -> None:
    """Check that the grids found have the rows, columns, heads, spans and texts that were drawn."""
    assert [(len(g.rows), len(g.xs) - 1) for g in layout.grids] == [
        (table.rows, table.columns) for table in canvas.tables
    ]
    said = {place[:3] for place in layout.cells} | set(layout.marks)
    for index, (table, grid) in enumerate(zip(canvas.tables, layout.grids, strict=True)):
        if header:
            assert grid.header_rows == table.header_rows
        spans = {(s.row, s.column): (s.rows, s.columns) for s in grid.spans}
        assert spans == {p: c[:2] for p, c in table.cells.items() if c[:2] != (1, 1)}
        texts = {place for place, cell in table.cells.items() if cell[2] is not None}
        assert {place[1:] for place in said if place[0] == index} == texts
        polygons = layout.cell_polygons(grid)
        for place in texts:
            box = table.cells[place][2]
            assert box is not None
            xs, ys = np.array(polygons[place]).T
            assert xs.min() < (box[0] + box[2]) / 2 < xs.max()
            assert ys.min() < (box[1] + box[3]) / 2 < ys.max()


@pytest.mark.parametrize(
    "build",
    [
        Build(WIDTHS),
        Build(WIDTHS, group="brace"),
        Build(WIDTHS, group="none"),
        Build(WIDTHS, frame="tb"),
        Build(WIDTHS, levels=True),
        Build(WIDTHS, frame="", uprights=(1, 4, 5)),
        Build(WIDTHS, frame="tb", uprights=()),
    ],
    ids=["ruled", "braced", "only parted", "open sides", "every row", "partly ruled", "level"],
)
def test_a_common_head_stands_over_its_columns(build: Build) -> None:
    canvas = weather(build)
    agrees(canvas, lay(canvas))


def test_heads_of_three_levels() -> None:
    times = (Head("7h"), Head("14h"))
    canvas = Canvas(800, 800)
    tree = (
        Head("Day"),
        Head("Thermometers", (Head("Dry", times), Head("Wet", times))),
        Head("Rain"),
    )
    body = numbers(np.random.default_rng(3), 12, 6)
    canvas.table(60, 60, Build((2.6, 4, 4, 4, 4, 4)), tree, body)
    agrees(canvas, lay(canvas))


def test_heads_read_from_below_are_turned_upright() -> None:
    canvas = Canvas(800, 600)
    tree = (Head("Day"), Head("Pressure", turned=True), Head("Humidity", turned=True))
    body = numbers(np.random.default_rng(3), 12, 3)
    canvas.table(60, 60, Build((2.6, 3, 3), head=6), tree, body)
    layout = lay(canvas)
    agrees(canvas, layout)
    tall, wide = layout.cells[0, 0, 1, 0].shape
    assert wide > 2 * tall
    assert is_turned(np.rot90(layout.cells[0, 0, 1, 0]) < 128, 14)
    assert not is_turned(layout.cells[0, 0, 1, 0] < 128, 14)


def test_a_head_of_two_lines_is_one_cell() -> None:
    canvas = simple(Build((3, 4, 4), head=2.6), "Day A B", numbers(np.random.default_rng(3), 12, 3))
    drawn = canvas.tables[0].cells[0, 1][2]
    assert drawn is not None
    canvas.image[int(drawn[1]) : int(drawn[3]) + 1, int(drawn[0]) : int(drawn[2]) + 1] = 255
    x = (drawn[0] + drawn[2]) / 2
    canvas.text("Mid-", x, 60 + 0.75 * EM)
    canvas.text("night", x, 60 + 1.75 * EM)
    layout = lay(canvas)
    assert len(layout.grids[0].rows) == 13
    assert {k for _, row, column, k in layout.cells if (row, column) == (0, 1)} == {0, 1}


@pytest.mark.parametrize("frame", ["", "lrtb", "tb"])
def test_columns_outside_the_outer_rules_are_columns(frame: str) -> None:
    build = Build((2.6, 4, 4, 4, 4), frame=frame, header_rule=bool(frame))
    canvas = simple(build, "Day A B C D", numbers(np.random.default_rng(8), 16, 5))
    agrees(canvas, lay(canvas), header=bool(frame))


def test_spacers_make_no_rows() -> None:
    body = numbers(np.random.default_rng(8), 15, 4)
    spaced = [*body[:5], None, *body[5:10], None, *body[10:]]
    canvas = simple(Build((2.6, 4, 4, 4)), "Day A B C", spaced)
    agrees(canvas, lay(canvas))


def test_an_empty_ruled_column_keeps_its_place() -> None:
    body = [[*row[:2], "", *row[3:]] for row in numbers(np.random.default_rng(8), 14, 5)]
    canvas = simple(Build((2.6, 4, 4, 4, 4)), "Day A B C D", body)
    agrees(canvas, lay(canvas))


def test_tables_one_above_the_other() -> None:
    rng = np.random.default_rng(3)
    canvas = Canvas(1000, 700)
    *_, bottom = canvas.table(60, 80, Build((2.6, 4, 4, 4)), heads("Day A B C"), numbers(rng, 8, 4))
    canvas.text("SECOND TABLE OF THIS PAGE", 240, bottom + EM)
    canvas.table(60, bottom + 2 * EM, Build((3.6, 5, 4)), heads("Day A B"), numbers(rng, 8, 3))
    layout = lay(canvas)
    agrees(canvas, layout)
    assert len(layout.lines) == 1


def test_rules_that_fade_half_way_do_not_part_a_table() -> None:
    build = Build((2.6, 4, 4, 4, 4), frame="")
    canvas = simple(build, "Day A B C D", numbers(np.random.default_rng(8), 24, 5))
    for edge in np.cumsum(build.widths)[:-1] * EM + 60:
        canvas.image[330:620, round(edge) - 4 : round(edge) + 5] = 255
    agrees(canvas, lay(canvas))


def test_tables_side_by_side_stay_two() -> None:
    rng = np.random.default_rng(3)
    canvas = Canvas(900, 1100)
    canvas.table(40, 60, Build((2.6, 4, 4, 4)), heads("Day A B C"), numbers(rng, 18, 4))
    canvas.table(520, 120, Build((2.6, 4, 4, 4)), heads("Day A B C"), numbers(rng, 10, 4))
    layout = lay(canvas)
    agrees(canvas, layout)
    assert layout.facing == ()


def test_marks_are_told_from_blanks_and_from_each_other() -> None:
    body = numbers(np.random.default_rng(3), 14, 5)
    drawn = {
        (2, 2): "-", (3, 2): "-", (5, 3): '"', (6, 3): '"', (8, 4): "",
        (9, 4): "--", (9, 3): "--", (10, 2): "",
    }  # fmt: skip
    for (row, column), text in drawn.items():
        body[row][column] = text
    canvas = simple(Build((2.6, 4, 4, 4, 4)), "Day A B C D", body)
    layout = lay(canvas)
    agrees(canvas, layout)
    said = {(row - 1, column): mark for (_, row, column), mark in layout.marks.items()}
    assert said == {p: "-" if t == "--" else t for p, t in drawn.items() if t}


def test_points_and_numbers_are_no_marks() -> None:
    body = [[str(row + 1), "1", "11", "." * (row % 3), "7.1"] for row in range(12)]
    canvas = simple(Build((2.6, 4, 4, 4, 4)), "Day A B C D", body)
    assert lay(canvas).marks == {}


def test_a_brace_makes_several_rows_one_entry() -> None:
    body = numbers(np.random.default_rng(3), 12, 4)
    for row in (2, 3, 4, 7, 8):
        body[row][3] = ""
    canvas = Canvas(620, 620)
    x, y, *_ = canvas.table(60, 60, Build((2.6, 4, 4, 7)), heads("Day A B C"), body)
    cells = canvas.tables[0].cells
    pitch, base = 1.3 * EM, y + 1.7 * EM
    for first, last, text in ((2, 4, "77.7"), (7, 8, "88.1")):
        top, bottom = base + first * pitch, base + (last + 1) * pitch
        canvas.upright_brace(x + 11 * EM, top + 4, bottom - 4)
        box = canvas.text(text, x + 14.6 * EM, (top + bottom) / 2)
        for row in range(first, last + 1):
            del cells[row + 1, 3]
        cells[first + 1, 3] = (last - first + 1, 1, box)
    agrees(canvas, lay(canvas))


Push = Callable[[np.ndarray], np.ndarray]


def fold(points: np.ndarray) -> np.ndarray:
    return np.column_stack(
        [points[:, 0], points[:, 1] + 28 * np.exp(-np.abs(points[:, 0] - 690) / 150)]
    )


def sideways(points: np.ndarray) -> np.ndarray:
    off = 9 * np.sin(2 * np.pi * points[:, 1] / 800)
    return np.column_stack([points[:, 0] + off, points[:, 1]])


@pytest.mark.parametrize(
    "push",
    [wave(14, 900), wave(-12, 650), lambda points: sideways(wave(12, 900)(points))],
    ids=["one wave", "short wave", "both ways"],
)
def test_bent_rules_are_followed(push: Push) -> None:
    canvas = bent(weather(Build(WIDTHS), days=18), push)
    agrees(canvas, lay(canvas))


def spread(right: str, label: bool, bend: bool = False, lost: int = 0) -> tuple[Canvas, Table]:
    """Return an open book whose right page has these heads, and the tables that become of it."""
    rng = np.random.default_rng(3)
    canvas = Canvas(820, 1380)
    names = heads(right)
    left = heads("Day 1 2 3 4 5 6")
    canvas.table(40, 60, Build((2.6, *[3.6] * 6)), left, numbers(rng, 18, 7))
    body = numbers(rng, 18, len(names), label=label)
    canvas.table(730, 60, Build((2.6 if label else 3.6, *[3.6] * (len(names) - 1))), names, body)
    canvas.image[:, 688:692] = 50
    texts = {(0, 0, c): head.text for c, head in enumerate(left)}
    texts |= {(1, 0, c): head.text for c, head in enumerate(names)}
    texts |= {(1, r + 1, c): text for r, row in enumerate(body) for c, text in enumerate(row)}
    texts |= {(0, r + 1, 0): str(r + 1) for r in range(18)}
    if bend:
        canvas = bent(canvas, fold)
    layout = lay(canvas)
    tables = make_tables(layout, said(layout, texts), lambda places, whole: {}, PLAIN)
    return canvas, tables[0] if len(tables) == 1 else tables[1]


def test_a_cell_unlike_its_column_is_read_from_edge_to_edge_at_last() -> None:
    canvas = weather(Build(WIDTHS), days=12)
    layout = lay(canvas)
    place = next(each for each in layout.cells if each[1:3] == (6, 2))
    read = said(layout, {}) | {place: Reading("5", 0.9, (Alternative("5", -0.1),))}
    asked = []

    def reread(places: list[CellLine], whole: bool) -> dict[CellLine, Reading]:
        asked.append((places, whole))
        return {each: Reading("5.7" if whole else "5", 0.9) for each in places}

    table = make_tables(layout, read, reread, PLAIN)[0]
    assert asked == [([place], False), ([place], True)]
    assert table.grid()[6][2] == "5.7"
    whole, crop = layout.whole(place), layout.cells[place]
    assert whole.shape[0] < 2.5 * crop.shape[0]
    assert whole.shape[1] > crop.shape[1]
    assert (whole < 128).sum() >= 0.9 * (crop < 128).sum()


def said(layout: Layout, texts: dict[tuple[int, int, int], str]) -> dict[CellLine, Reading]:
    return {place: Reading(texts.get(place[:3], "5.5"), 0.9) for place in layout.cells}


@pytest.mark.parametrize("bend", [False, True], ids=["flat", "bent"])
def test_a_table_goes_on_across_the_fold(bend: bool) -> None:
    _, table = spread("7 8 9 10 11 12", label=False, bend=bend)
    assert (table.rows, table.columns, table.header_rows) == (19, 13, 1)
    assert table.grid()[0] == ["Day", *map(str, range(1, 13))]
    covered_once(table)


def test_columns_that_the_fold_took_keep_their_place() -> None:
    _, table = spread("9 10 11 12 13 14", label=False)
    assert table.columns == 15
    assert table.grid()[0][5:10] == ["5", "6", "", "", "9"]
    covered_once(table)


def test_two_pages_with_their_own_days_are_two_tables() -> None:
    _, table = spread("Day 7 8 9 10 11", label=True)
    assert table.columns == 6


def covered_once(table: Table) -> None:
    places = [
        (row, column)
        for cell in table.cells
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    ]
    assert sorted(places) == list(itertools.product(range(table.rows), range(table.columns)))


widths = st.lists(st.sampled_from((2.6, 3.6, 5.0)), min_size=3, max_size=7)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(widths, st.sampled_from(("rule", "brace", "none")), st.data())
def test_every_place_is_covered_by_one_cell(
    lengths: list[float], group: str, data: st.DataObject
) -> None:
    """Whatever is drawn, and whatever of it is found."""
    columns = len(lengths)
    first = data.draw(st.integers(0, columns - 2))
    last = data.draw(st.integers(first + 1, columns - 1))
    tree = [
        *heads("A " * first),
        Head("Group", tuple(heads("X " * (last - first + 1)))),
        *heads("Z " * (columns - 1 - last)),
    ]
    uprights = data.draw(st.sets(st.integers(1, columns - 1)))
    build = Build(
        tuple(lengths),
        uprights=tuple(uprights),
        frame=data.draw(st.sampled_from(("", "tb", "lrtb"))),
        levels=data.draw(st.booleans()),
        group=group,
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    canvas = Canvas(620, round(sum(lengths) * EM) + 140)
    body = [
        [text if rng.random() < 0.8 else str(rng.choice(["", "-", '"'])) for text in row]
        for row in numbers(rng, 10, columns)
    ]
    canvas.table(60, 60, build, tree, body)
    layout = lay(canvas)
    for table in make_tables(layout, said(layout, {}), lambda places, whole: {}, PLAIN):
        covered_once(table)
        assert len(table.grid()) == table.rows
