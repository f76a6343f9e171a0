"""`export`, `station`: what was read and observed, taken out as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import BadInput
from workers.cli.database import connected
from workers.cli.output import complain, console, one_line, print_json, print_line

if TYPE_CHECKING:
    import sqlalchemy

    from storage.exports.observed import Written
    from storage.observations import Silent

app = typer.Typer()
stations = typer.Typer(
    help="Where and by which clock the pages of a collection were written.", no_args_is_help=True
)
app.add_typer(stations, name="station")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Collection = Annotated[str, typer.Option("--collection", "-c", help="Whose pages they are.")]

_NAMED = 5
"""So many pages are named of those that gave nothing."""


@app.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder; made where missing.")],
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Only this collection.")
    ] = None,
    job: Annotated[int | None, typer.Option(help="Only the pages of this job.")] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Any of csv, json, parquet, sef.")
    ] = "csv,json",
    json: Json = False,
) -> None:
    """Write what has been read as files.

    csv: NAME.table-1.csv, … and observations.csv; json: NAME.json; parquet: cells.parquet and
    observations.parquet; sef: a Station Exchange Format file for each variable of a station.
    """
    from storage import exports
    from storage.exports import observed

    if job is not None and collection is not None:
        raise typer.BadParameter("choose one of --job and --collection")
    known = tuple(dict.fromkeys((*exports.FORMATS, *observed.FORMATS)))
    chosen = exports.formats_of(formats, known)
    with connected() as connection, console().status("exporting") as shown:
        pages = files = 0
        for name, paths in _pages(connection, out, collection, job, chosen):
            pages += 1
            files += paths
            shown.update(f"exporting: {pages} pages, {one_line(name)}")
        shown.update("exporting observations")
        written, left_out = _observations(connection, out, collection, job, chosen)
    files += len(written.files)
    if json:
        print_json(
            {
                "pages": pages,
                "files": files,
                "observations": written.observations,
                "left_out": [*left_out, *written.left_out],
                "out": str(out),
            }
        )
    else:
        counts = {"pages": pages, "observations": written.observations, "files": files}
        said = [f"{count} {what}" for what, count in counts.items() if count or what == "files"]
        print_line(f"{', '.join(said)} in {out}")
        for line in (*left_out, *written.left_out):
            complain(line)
    if written.left_out or ("sef" in chosen and not written.observations):
        if not written.observations:
            complain("sef: nothing was observed; see `ledgermill station --help`")
        raise typer.Exit(1)


def _pages(
    connection: sqlalchemy.Connection,
    out: Path,
    collection: str | None,
    job: int | None,
    formats: Sequence[str],
) -> Iterator[tuple[str, int]]:
    """Write pages in those of the formats that take them; yield their names and files."""
    from storage import exports
    from storage.exports.pages import pages_of_collection, pages_of_job

    chosen = [name for name in formats if name in (*exports.FORMATS, "parquet")]
    if not chosen:
        return
    found = (
        pages_of_collection(connection, collection)
        if job is None
        else pages_of_job(connection, job)
    )
    for page, paths in exports.export(found, out, chosen):
        yield page.name, len(paths)


def _observations(
    connection: sqlalchemy.Connection,
    out: Path,
    collection: str | None,
    job: int | None,
    formats: Sequence[str],
) -> tuple[Written, list[str]]:
    """Write observations in those of the formats that take them; return what pages kept back."""
    from storage.exports import observed
    from storage.observations import observations_of, silent_pages
    from storage.stations import stations

    if not set(formats) & set(observed.FORMATS):
        return observed.Written(), []
    said = stations(connection)
    found = observations_of(connection, collection, job)
    written = observed.export(found, out, formats, said)
    if not written.observations and "parquet" not in formats and "sef" not in formats:
        return written, []  # who asks for tables need not know of observations
    return written, _kept_back(silent_pages(connection, collection, job))


def _kept_back(pages: Sequence[Silent]) -> list[str]:
    """Return what to say of pages that hold more than was observed, a line for each reason."""
    lines = []
    mute = [page.page for page in pages if not page.observed]
    if mute:
        lines.append(
            f"{_named(mute)}: no observations, since no date or no variable is known; say them "
            "with `ledgermill station set`"
        )
    by_head: dict[str, list[str]] = {}
    for page in pages:
        for head in page.unknown:
            by_head.setdefault(head, []).append(page.page)
    lines += [
        f"column {head!r} of {_named(those)}: left out, since its variable is not known; say it "
        "with `ledgermill station set`"
        for head, those in sorted(by_head.items())
    ]
    return lines


def _named(pages: Sequence[str]) -> str:
    more = len(pages) - _NAMED
    return ", ".join(pages[:_NAMED]) + (f" and {more} more pages" if more > 0 else "")


@stations.command("set")
def set_station(
    file: Annotated[Path, typer.Argument(metavar="STATION.toml", help="See `station new`.")],
    collection: Collection,
    json: Json = False,
) -> None:
    """Say where and by which clock a collection was written, and when its pages are from."""
    from pipeline.observations.station import parse_station
    from storage.database import connect
    from storage.stations import observe_again
    from storage.stations import set_station as store
    from workers.services import ensure

    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(file), f"cannot be read ({error})", "give a readable file") from error
    station = parse_station(text, str(file))
    engine = connect(ensure().database_url)
    try:
        with engine.begin() as connection:
            store(connection, collection, station)
        with console().status("looking at the pages anew") as shown:
            pages = observe_again(
                engine, collection, lambda done: shown.update(f"looking at the pages anew: {done}")
            )
    finally:
        engine.dispose()
    if json:
        print_json({"collection": collection, "station": station.id, "pages": pages})
    else:
        print_line(one_line(f"{collection}: station {station.id}, {pages} pages"))


@stations.command("show")
def show_station(collection: Collection, json: Json = False) -> None:
    """Show what is said of a collection's station."""
    from storage.stations import find_station

    with connected() as connection:
        station = find_station(connection, collection)
    if station is None:
        raise BadInput(
            collection, "nothing is said of its station", "say it with `ledgermill station set`"
        )
    said = station.model_dump(mode="json", exclude_defaults=True)
    if json:
        print_json(said)
    else:
        import tomlkit

        print_line(tomlkit.dumps(said).rstrip())


@stations.command("new")
def new_station() -> None:
    """Print a file to fill in."""
    from pipeline.observations.station import TEMPLATE

    print_line(TEMPLATE.rstrip())
