"""What pages of one form agree on, and what becomes of a torn page by it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.forms.form import Form, FormColumn, format_form, parse_form
from pipeline.forms.learn import learn
from pipeline.profiles import Profile
from pipeline.tables.layout import Layout
from tests.pipeline.forms.pages import EDGES, PLAIN, TOP, Page

MOVES = [(0, 0), (-18, 9), (14, -6), (6, 12), (-9, -11)]


def page(seed: int, **kind: object) -> Page:
    rng = np.random.default_rng(seed)
    return Page(rng, shift=MOVES[seed % len(MOVES)], **kind)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def form() -> Form:
    learnt = learn([page(seed).view for seed in range(5)], "ben-nevis")
    assert min(learnt.evidence) > 0
    # As it comes back from its file.
    return parse_form(format_form(learnt.form), "")


def using(form: Form) -> Profile:
    return PLAIN.model_copy(update={"tables": PLAIN.tables.model_copy(update={"form": form})})


def shape(layout: Layout) -> tuple[int, int, int]:
    [grid] = layout.grids
    return len(grid.rows), len(grid.xs) - 1, grid.header_rows


def test_the_agreed_grid_is_what_is_drawn(form: Form) -> None:
    assert form.grid is not None
    assert (len(form.grid.rows), len(form.columns), form.grid.header_rows) == (15, 7, 1)
    wide = EDGES[-1] - EDGES[0]
    truth = [(x - EDGES[0]) / wide for x in EDGES]
    assert np.abs(np.array(form.grid.edges) - truth).max() < 3 / wide
    assert all(row.share == 1 for row in form.grid.rows)
    # The heads and labels are print; of the figures, of which no two pages have the same, few are.
    heads = [box for box in form.marks.printed if box[1] < form.grid.rows[1].lines[0][0]]
    assert len(heads) >= 40
    assert len(form.marks.printed) < 150
    assert len(form.marks.upright) == len(EDGES)
    assert len(form.marks.level) == 3


def test_whole_pages_stay_as_they_are(form: Form) -> None:
    whole = page(6)
    with_form, without = whole.layout(using(form)), whole.layout()
    assert with_form.form == form
    assert [(g.xs, g.rows) for g in with_form.grids] == [(g.xs, g.rows) for g in without.grids]


@pytest.mark.parametrize(
    "gone",
    [
        (0, 0, 190, 900),
        (440, 0, 800, 900),
        (300, 0, 420, 900),
        (0, 0, 800, 200),
        (0, 300, 800, 360),
    ],
    ids=["left", "right", "strip", "top", "band"],
)
def test_a_torn_page_keeps_every_row_and_column_in_its_place(
    form: Form, gone: tuple[int, int, int, int]
) -> None:
    torn = page(6).without(*gone)
    assert shape(torn.layout(using(form))) == (15, 7, 1)
    truth = page(6).layout()
    found, whole = torn.layout(using(form)).grids[0], truth.grids[0]
    assert np.abs(np.array(found.xs) - whole.xs).max() < 8
    middles = [np.mean(np.array(grid.ys), axis=1) for grid in (found, whole)]
    assert np.abs(middles[0] - middles[1]).max() < 12


def test_a_table_with_more_rows_keeps_them(form: Form) -> None:
    assert shape(page(7, rows=17).layout(using(form))) == (18, 7, 1)


def test_a_page_of_another_form_is_left_alone(form: Form) -> None:
    other = page(8, edges=(60, 220, 300, 560, 740))
    with_form, without = other.layout(using(form)), other.layout()
    assert with_form.form is None
    assert with_form.grids == without.grids


def test_a_form_without_a_grid_leaves_every_grid_alone() -> None:
    named = Form(name="names", columns=(FormColumn(name="Day"),))
    layout = page(9).layout(using(named))
    assert layout.form == named
    assert layout.grids == page(9).layout().grids


def test_a_torn_page_among_those_learnt_from_does_no_harm() -> None:
    views = [page(seed).view for seed in range(4)]
    views.append(page(4).without(0, 0, 190, 900).view)
    learnt = learn(views, "torn")
    assert len(learnt.form.columns) == len(EDGES) - 1
    assert learnt.form.grid is not None
    assert len(learnt.form.grid.rows) == 15


def test_a_stranger_among_those_learnt_from_is_told() -> None:
    views = [page(seed).view for seed in range(3)]
    views.append(page(3, edges=(60, 220, 300, 560, 740)).view)
    learnt = learn(views, "mixed")
    assert [evidence > 0 for evidence in learnt.evidence] == [True, True, True, False]
    assert len(learnt.form.columns) == len(EDGES) - 1


def test_one_page_is_a_form_of_its_own() -> None:
    alone = page(0)
    learnt = learn([alone.view], "alone")
    assert len(learnt.form.columns) == len(EDGES) - 1
    assert page(1).layout(using(learnt.form)).form == learnt.form


def test_a_form_is_not_learnt_from_nothing() -> None:
    with pytest.raises(ValueError, match="pages"):
        learn([], "none")


def test_rows_that_only_some_pages_have_are_used_where_they_are_seen() -> None:
    views = [page(seed, rows=14 if seed % 2 else 16).view for seed in range(6)]
    learnt = learn(views, "months")
    assert learnt.form.grid is not None
    assert [row.share for row in learnt.form.grid.rows[-2:]] == [0.5, 0.5]
    profile = using(learnt.form)
    short = page(11, rows=14).without(0, TOP + 100, 800, TOP + 160)
    assert shape(short.layout(profile)) == (15, 7, 1)
    long = page(12, rows=16).without(0, TOP + 100, 800, TOP + 160)
    assert shape(long.layout(profile)) == (17, 7, 1)
