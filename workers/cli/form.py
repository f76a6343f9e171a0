"""`form`: learn what the tables of a job have in common, and look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import BadInput, LedgermillError
from workers.cli.output import complain, console, one_line, print_json, print_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.engines import Engine
    from pipeline.forms.form import Form
    from pipeline.forms.learn import View
    from pipeline.profiles import Profile
    from workers.sources.model import PageImage, RefusedSource

app = typer.Typer()
form = typer.Typer(help="What the tables of a job have in common: learn it, look at it.")
app.add_typer(form, name="form")

READ = 5
"""Pages that are read to say what the columns hold; more would only agree with them."""

KEPT = 24
"""Pages of which the file is kept, so that those that are read can be chosen from them."""

Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@form.command("learn")
def learn_form(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE…", help="A dozen pages of the form are enough.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The form, as a TOML file.")],
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="How to read: a profile's name or .toml file.")
    ] = "default",
    json: Json = False,
) -> None:
    """Learn a form from pages: their columns and rows, and what is printed alike on them.

    To use it, name it in a profile: `[tables]`, `form = "FORM.toml"`.
    """
    from pipeline.engines import load_engine
    from pipeline.forms.form import save_form
    from pipeline.forms.learn import learn
    from pipeline.profiles import load_profile
    from workers.settings import settings

    if out.exists():
        raise BadInput(str(out), "exists already", "name another file, or remove this one first")
    chosen = load_profile(profile)
    engine = load_engine(chosen, settings().device, settings().threads)
    gathered = _gather(sources, chosen, engine)
    if not gathered.views:
        raise LedgermillError(
            "form: no page with a table found; name images, PDFs, ZIPs, folders or patterns"
        )
    with console().status("laying the pages onto each other"):
        learnt = learn(gathered.views, _name(out))
    joined = [number for number, evidence in enumerate(learnt.evidence) if evidence > 0]
    for number, name in enumerate(gathered.names):
        if number not in joined and len(gathered.views) > 1:
            complain(f"{name}: of another form, left out")
    best = sorted(joined or [0], key=lambda number: -learnt.evidence[number])
    some = [gathered.pages[number] for number in best if number in gathered.pages][:READ]
    with console().status("reading what the columns hold"):
        found = _read(learnt.form, some, chosen, engine)
    save_form(found, out)
    if json:
        print_json({"form": str(out), "pages": len(gathered.views), "of_form": max(1, len(joined))})
    else:
        pages = len(gathered.views)
        print_line(f"{out}: {_extent(found)}, from {max(1, len(joined))} of {pages} pages")
    if gathered.failed:
        raise typer.Exit(1)


@form.command()
def show(
    path: Annotated[Path, typer.Argument(metavar="FORM.toml")],
    json: Json = False,
) -> None:
    """Show a form's columns, and check that the file is one."""
    from pipeline.forms.form import load_form

    found = load_form(path)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print_columns(found)


@dataclass(slots=True)
class _Gathered:
    """The pages with a table: names and views, and the files of the first of them, by number."""

    names: list[str] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    pages: dict[int, PageImage] = field(default_factory=dict)
    failed: int = 0


def _gather(sources: list[str], profile: Profile, engine: Engine) -> _Gathered:
    """Find the tables of all pages; what cannot be read, or has no table, is complained of."""
    from pipeline.forms.learn import view_of
    from workers.sources.model import PageImage

    gathered = _Gathered()
    with console().status("finding tables") as status:
        for found in _open(sources):
            try:
                if not isinstance(found, PageImage):
                    raise BadInput(found.name, found.reason, found.remedy)
                image = _decoded(found)
            except BadInput as error:
                gathered.failed += 1
                complain(str(BadInput(found.name, error.reason, error.remedy)))
                continue
            view = view_of(image, profile, engine)
            if view is None:
                complain(f"{found.name}: no table found, left out")
                continue
            if len(gathered.views) < KEPT:
                gathered.pages[len(gathered.views)] = found
            gathered.names.append(found.name)
            gathered.views.append(view)
            status.update(f"finding tables: {len(gathered.views)} pages")
    return gathered


def _open(sources: list[str]) -> Iterator[PageImage | RefusedSource]:
    from workers.settings import settings
    from workers.sources.model import Limits
    from workers.sources.pages import open_pages

    return open_pages(sources, Limits.of(settings()))


def _decoded(page: PageImage) -> NDArray[np.uint8]:
    from pipeline.decode import decode_image
    from workers.settings import settings
    from workers.sources.model import Limits

    return decode_image(page.data, Limits.of(settings()).image)


def _read(found: Form, pages: list[PageImage], profile: Profile, engine: Engine) -> Form:
    """Return the form with what the columns of some of its pages hold."""
    from pipeline.digitize import digitize
    from pipeline.forms.describe import describe

    tables = profile.tables.model_copy(update={"form": found})
    reader = profile.model_copy(update={"tables": tables})
    read = digitize((_decoded(page) for page in pages), reader, engine)
    return describe(found, [table for page in read for table in page.tables])


def _name(path: Path) -> str:
    """Return a form's name, made from its file's."""
    letters = [c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in path.stem]
    return "".join(letters).lstrip("._-")[:64] or "form"


def _extent(found: Form) -> str:
    rows = f", {len(found.grid.rows)} rows" if found.grid is not None else ", no grid"
    return f"{len(found.columns)} columns{rows}"


def _print_columns(found: Form) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    print_line(f"{found.name}: {_extent(found)}")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for head in ("", "name", "role", "variable", "unit", "pattern", "limits"):
        table.add_column(head, justify="right" if head == "" else "left")
    for number, column in enumerate(found.columns, 1):
        limits = "" if column.limits is None else "{:g} to {:g}".format(*column.limits)
        values = (column.name, column.role, column.variable, column.unit, column.pattern, limits)
        table.add_row(str(number), *(Text(one_line(value or "")) for value in values))
    terminal = Console(highlight=False)
    # A file or a pipe has no width: nothing may be cut off or broken there.
    (terminal if terminal.is_terminal else Console(highlight=False, width=200)).print(table)
