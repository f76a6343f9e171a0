"""A form says the same after it was written and read, and plainly what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.errors import BadInput
from pipeline.forms.form import (
    Form,
    FormColumn,
    FormGrid,
    FormMarks,
    FormRow,
    format_form,
    load_form,
    parse_form,
    save_form,
)

TEXT = st.text(min_size=1, max_size=12)
PLACE = st.integers(0, 99_999).map(lambda n: n / 100_000)
COLUMN = st.builds(
    FormColumn,
    name=TEXT,
    role=st.sampled_from([None, "day", "number", "mean", "text"]),
    variable=st.none() | TEXT,
    unit=st.none() | TEXT,
    pattern=st.none() | st.sampled_from(["dd.d", "d·ddd"]),
    limits=st.none()
    | st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)).map(lambda p: (min(p), max(p))),
)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    columns = tuple(draw(st.lists(COLUMN, min_size=1, max_size=4)))
    edges = draw(st.lists(PLACE, min_size=len(columns) + 1, max_size=len(columns) + 1, unique=True))
    ys = sorted(draw(st.lists(PLACE, min_size=2, max_size=6).filter(lambda ys: len(ys) % 2 == 0)))
    rows = tuple(
        FormRow(lines=(pair,), share=draw(st.sampled_from([0.125, 1.0])))
        for pair in zip(ys[::2], ys[1::2], strict=True)
    )
    grid = FormGrid(edges=tuple(sorted(edges)), rows=rows, header_rows=1, height=0.01)
    marks = FormMarks(
        upright=tuple(draw(st.lists(st.tuples(PLACE, PLACE, PLACE), max_size=2))),
        printed=tuple(draw(st.lists(st.tuples(PLACE, PLACE, PLACE, PLACE), max_size=2))),
    )
    return Form(name="form-1", columns=columns, grid=draw(st.none() | st.just(grid)), marks=marks)


@settings(max_examples=40)
@given(forms())
def test_a_form_is_read_as_it_was_written(form: Form) -> None:
    assert parse_form(format_form(form), "other") == form


def test_a_form_keeps_its_file_s_name_and_needs_no_grid(tmp_path: Path) -> None:
    path = tmp_path / "rain.toml"
    path.write_text('[[columns]]\nname = "Day"\nrole = "day"\n[[columns]]\nlimits = [0, 300]\n')
    form = load_form(path)
    assert form.name == "rain"
    assert [column.role for column in form.columns] == ["day", None]
    assert form.columns[1].limits == (0, 300)
    assert form.grid is None


def test_a_saved_form_explains_itself(tmp_path: Path) -> None:
    form = Form(name="rain", columns=(FormColumn(name="Pluie", unit="mm"),))
    save_form(form, tmp_path / "x.toml")
    assert "# " in (tmp_path / "x.toml").read_text("utf-8")
    assert load_form(tmp_path / "x.toml") == form


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("columns = 3", "columns"),
        ("= broken", "line 1"),
        ("[[columns]]\nrole = 'none'", "role"),
        ("[[columns]]\nlimits = [3, 1]", "greater one first"),
        ("[[columns]]\nlimits = [0, inf]", "finite"),
        ("[[columns]]\ncolour = 'red'", "colour"),
        ("columns = []", "columns"),
        (
            "[[columns]]\n[grid]\nedges = [0, 0.5, 1]\nheight = 0.1\nrows = [{lines = [[0, 1]]}]",
            "2 edges",
        ),
        ("[[columns]]\n[grid]\nedges = [1, 0]\nheight = 0.1\nrows = [{lines = [[0, 1]]}]", "rise"),
        (
            "[[columns]]\n[grid]\nedges = [0, 1]\nheight = 0.1\nrows = [{lines = [[1, 0]]}]",
            "downwards",
        ),
    ],
)
def test_a_wrong_form_is_refused_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(BadInput) as caught:
        load_form(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    assert says in str(caught.value)


def test_a_form_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_form(tmp_path / "nothing.toml")


def test_a_form_cannot_be_changed() -> None:
    form = Form(name="rain", columns=(FormColumn(),))
    with pytest.raises(ValidationError):
        form.name = "snow"  # type: ignore[misc]
