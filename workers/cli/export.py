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


app = typer.Typer()
stations = typer.Typer(
    help="Where and by which clock the pages of a collection were written.", no_args_is_help=True
)
app.add_typer(stations, name="station")

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Collection = Annotated[str, typer.Option("--collection", "-c", help="Whose pages they are.")]


@app.command()
def export(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder; made where missing. The same one goes on.")
    ],
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Only this collection.")
    ] = None,
    job: Annotated[
        int | None, typer.Option(help="Only the pages of this job, by its number.")
    ] = None,
    formats: Annotated[
        str,
        typer.Option("--format", help="Some of those above, with commas: csv,pdf,page,image."),
    ] = "csv,json",
    json: Json = False,
) -> None:
    """Write what has been read, corrected where somebody did, as files.

    \b
    For each page NAME:
      csv xlsx       its tables: NAME.table-1.csv, ...
      json           all that is known: NAME.json
      page alto      PAGE XML 2019: NAME.xml; ALTO 4.4: NAME.alto.xml
      hocr tei       NAME.hocr; NAME.tei.xml
      pdf            PDF/A with the text on the scan: NAME.pdf
      txt md         plain text; Markdown
      image          the scan itself: NAME.jpg
    For all pages:
      parquet        cells.parquet, lines.parquet (DuckDB, pandas, R)
      jsonl coco     pages.jsonl; the layout: coco.json
      huggingface    a folder of lines and cells, to train on
      zooniverse     a folder of doubtful cells, for volunteers
      csv parquet sef  observations; sef: a file a variable of a station

    What lies in the folder from an earlier or interrupted export, unchanged, is not made again.
    """
    from storage import exports
    from storage.exports import observed
    from storage.exports.observed.selected import export_selected

    if job is not None and collection is not None:
        raise typer.BadParameter("choose one of --job and --collection")
    chosen = exports.formats_of(formats, tuple(dict.fromkeys((*exports.ALL, *observed.FORMATS))))
    left_out: list[str] = []
    with connected() as connection, console().status("exporting") as shown:
        pages = files = 0
        for name, paths in _pages(connection, out, collection, job, chosen, left_out):
            pages += name is not None
            files += paths
            shown.update(f"exporting: {pages} pages, {one_line(name or '')}")
        shown.update("exporting observations")
        written = export_selected(connection, out, chosen, collection, job)
    files += len(written.files)
    left_out += written.left_out
    if json:
        print_json(
            {
                "pages": pages,
                "files": files,
                "observations": written.observations,
                "left_out": [*written.kept_back, *left_out],
                "out": str(out),
            }
        )
    else:
        counts = {"pages": pages, "observations": written.observations, "files": files}
        said = [f"{count} {what}" for what, count in counts.items() if count or what == "files"]
        print_line(f"{', '.join(said)} in {out}")
        for line in (*written.kept_back, *left_out):
            complain(line)
    if left_out or ("sef" in chosen and not written.observations):
        if not written.observations and "sef" in chosen:
            complain("sef: nothing was observed; see `ledgermill station --help`")
        raise typer.Exit(1)


def _pages(
    connection: sqlalchemy.Connection,
    out: Path,
    collection: str | None,
    job: int | None,
    formats: Sequence[str],
    left_out: list[str],
) -> Iterator[tuple[str | None, int]]:
    """Write pages in those of the formats that take them; yield their names and files."""
    from storage import exports
    from storage.exports.pages import pages_of_collection, pages_of_job
    from storage.objects import open_store
    from workers.services import endpoints

    chosen = [name for name in formats if name in exports.ALL]
    if not chosen:
        return
    fetch = open_store(endpoints().object_store).get
    found = (
        pages_of_collection(connection, collection, fetch)
        if job is None
        else pages_of_job(connection, job, fetch)
    )
    for page, paths in exports.export(found, out, chosen, left_out):
        yield (None if page is None else page.name), len(paths)


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
