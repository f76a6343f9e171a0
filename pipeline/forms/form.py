"""A form: the columns of a table, and the grid that its pages share, as a TOML file to be edited.

Places are in table widths: x from 0 at the first edge of the grid to 1 at its last, y downwards in
the same unit from the top of its first row.
"""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import BadInput

Role = Literal["empty", "day", "hour", "number", "total", "mean", "direction", "text"]
"""What a column is for: `pipeline.checks.sheet.Kind`, and which numbers are made from others."""

Span = tuple[float, float]
"""Where something begins and where it ends."""

Piece = tuple[float, float, float]
"""A straight rule: where it is across, where it begins and where it ends."""

Place = tuple[int, int, int, int]
"""Row and column of a cell, and how many rows and columns it takes."""

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1."""

COMMENT = """\
The form of a table, learnt by `ledgermill form learn` and yours to edit. For each column:
  name      what the head says
  role      empty, day, hour, number, total, mean, direction or text
  variable  what is measured, as the Station Exchange Format names it: ta, Tx, Tn, p, rr, ...
  unit      as UCUM writes it: Cel, [degF], mm, [in_i'Hg], hPa, %, m/s
  pattern   how its numbers are written, d for a digit: dd.d
  limits    the least and the greatest value that can be, in that unit
What is left out is found from each page's own evidence."""

GRID_COMMENT = """\
The grid, in table widths: x from 0 to 1, y downwards in the same unit from the first row's top.
There is one edge more than columns. Of each row: the top and bottom of its lines of text, and the
share of the pages that have it. A span is a cell of several places: the row and column that it
begins at, counted from 0, and how many of each it takes."""

MARKS_COMMENT = "What is drawn and printed alike on the pages: by it a page is laid onto the form."


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FormColumn(_Frozen):
    """A column: what its head says, what it holds, and what can be in it; `None` is not known.

    `pattern` has a `d` for each digit (`dd.d`), `unit` is UCUM's, `limits` are the least and the
    greatest value possible, in that unit.
    """

    name: str = ""
    role: Role | None = None
    variable: str | None = Field(None, min_length=1)
    unit: str | None = Field(None, min_length=1)
    pattern: str | None = Field(None, min_length=1)
    limits: Span | None = None

    @model_validator(mode="after")
    def _in_order(self) -> FormColumn:
        if self.limits is not None and self.limits[0] > self.limits[1]:
            raise ValueError(f"limits {list(self.limits)} have the greater one first")
        return self


class FormRow(_Frozen):
    """A row: the top and bottom of its lines of text, and the share of the pages that have it."""

    lines: tuple[Span, ...] = Field(min_length=1)
    share: float = Field(1.0, gt=0, le=1)


class FormGrid(_Frozen):
    """The grid that the pages agree on: `edges` of the columns, and `rows`, in table widths.

    `header_rows` of the rows are column heads; `height` is that of a character; `spans` are cells
    that take several places.
    """

    edges: tuple[float, ...] = Field(min_length=2)
    rows: tuple[FormRow, ...] = Field(min_length=1)
    header_rows: int = Field(0, ge=0)
    height: float = Field(gt=0)
    spans: tuple[Place, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> FormGrid:
        if any(a >= b for a, b in itertools.pairwise(self.edges)):
            raise ValueError("the edges do not rise from left to right")
        lines = [y for row in self.rows for line in row.lines for y in line]
        if any(a > b for a, b in itertools.pairwise(lines)):
            raise ValueError("the rows do not follow each other downwards")
        rows, columns = len(self.rows), len(self.edges) - 1
        taken: set[tuple[int, int]] = set()
        for row, column, tall, wide in self.spans:
            places = {(row + r, column + c) for r in range(tall) for c in range(wide)}
            inside = 0 <= row <= row + tall <= rows and 0 <= column <= column + wide <= columns
            if not (inside and places) or places & taken:
                raise ValueError(f"the span {[row, column, tall, wide]} has no room")
            taken |= places
        if self.header_rows > len(self.rows):
            raise ValueError(f"{self.header_rows} header rows of {len(self.rows)} rows")
        return self


class FormMarks(_Frozen):
    """What pages of the form have alike: rules (`upright`: x, y0, y1; `level`: y, x0, x1), print.

    `printed` are the boxes of printed strokes and words.
    """

    upright: tuple[Piece, ...] = ()
    level: tuple[Piece, ...] = ()
    printed: tuple[Box, ...] = ()


class Form(_Frozen):
    """What the tables of a job have in common. Without a `grid` it only says what columns hold."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    columns: tuple[FormColumn, ...] = Field(min_length=1)
    grid: FormGrid | None = None
    marks: FormMarks = FormMarks()

    @model_validator(mode="after")
    def _fits(self) -> Form:
        if self.grid is not None and len(self.grid.edges) != len(self.columns) + 1:
            raise ValueError(
                f"{len(self.columns)} columns need {len(self.columns) + 1} edges, "
                f"the grid has {len(self.grid.edges)}"
            )
        return self


def load_form(path: Path) -> Form:
    """Return the form that a TOML file says; its name is the file's where it does not say one.

    Raises `BadInput` where the file cannot be read or says what is no form.
    """
    try:
        return parse_form(path.read_text("utf-8"), path.stem)
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), f"cannot be read ({error})", "give a readable form") from error
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise BadInput(str(path), f"is no valid form ({_reason(error)})", "mend it") from error


def parse_form(text: str, name: str) -> Form:
    """Return the form that a TOML text says, called `name` where it does not say itself.

    Raises `tomllib.TOMLDecodeError` or pydantic's `ValidationError` where it is none.
    """
    data: dict[str, Any] = {"name": name, **tomllib.loads(text)}
    return Form.model_validate(data)


def save_form(form: Form, path: Path) -> None:
    """Write a form as a TOML file with comments for whoever edits it; `load_form` reads it."""
    path.write_text(format_form(form), "utf-8")


def format_form(form: Form) -> str:
    """Return a form as TOML, with comments for whoever edits it."""
    import tomlkit

    document = tomlkit.document()
    _comment(document, COMMENT)
    document.add("name", tomlkit.item(form.name))
    columns = tomlkit.aot()
    for column in form.columns:
        columns.append(tomlkit.item(column.model_dump(mode="json", exclude_none=True)))
    document.add("columns", columns)
    if form.grid is not None:
        grid = tomlkit.table()
        _comment(grid, GRID_COMMENT)
        grid.add("header_rows", form.grid.header_rows)
        grid.add("height", _round(form.grid.height))
        grid.add("edges", tomlkit.item(_round(form.grid.edges)))
        rows = [
            {"lines": _round(row.lines), "share": round(row.share, 3)} for row in form.grid.rows
        ]
        grid.add("rows", _lines(rows))
        if form.grid.spans:
            grid.add("spans", _lines([list(span) for span in form.grid.spans]))
        document.add("grid", grid)
    if form.marks != FormMarks():
        marks = tomlkit.table()
        _comment(marks, MARKS_COMMENT)
        for name, values in form.marks:
            if values:
                marks.add(name, _lines(_round(values)))
        document.add("marks", marks)
    return tomlkit.dumps(document)


def _comment(container: Any, text: str) -> None:
    import tomlkit

    for line in text.splitlines():
        container.add(tomlkit.comment(line))


def _lines(values: list[Any]) -> Any:
    """Return a TOML array that stands one element a line."""
    import tomlkit

    array = tomlkit.array()
    for value in values:
        if isinstance(value, dict):
            inline = tomlkit.inline_table()
            inline.update(value)
            array.append(inline)
        else:
            array.append(value)
    return array.multiline(True)


def _round(values: Any) -> Any:
    """Return nested tuples of places as lists; a hundred thousandth of a table is no pixel."""
    if isinstance(values, float):
        return round(values, 5)
    return [_round(value) for value in values]


def _reason(error: Exception) -> str:
    """Return what is wrong, on one line: for each mistake its place and what it is."""
    if not isinstance(error, ValidationError):
        return str(error)
    said = []
    for mistake in error.errors()[:3]:
        place = ".".join(str(part) for part in mistake["loc"])
        said.append(f"{place}: {mistake['msg']}" if place else mistake["msg"])
    return "; ".join(said)
