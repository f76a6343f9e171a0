"""`backup`, `restore`: a copy of everything that cannot be made again, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.output import complain, console, print_json, print_line

if TYPE_CHECKING:
    from workers.backup import Done

app = typer.Typer()

_MOST_COMPLAINTS = 20

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the backup.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def backup(folder: Folder, json: Json = False) -> None:
    """Save database and objects to a folder, while work goes on; again into the same one, too."""
    from workers import services
    from workers.backup import backup as save
    from workers.backup import prepare

    prepare(folder)
    done = _shown(lambda show: save(services.ensure(), folder, show))
    _report(done, f"in {folder}, {done.copied} of them new", json)


@app.command()
def restore(folder: Folder, json: Json = False) -> None:
    """Bring back what `backup` saved, into services that hold nothing yet."""
    from workers import services
    from workers.backup import read_manifest
    from workers.backup import restore as bring_back

    manifest = read_manifest(folder)
    done = _shown(lambda show: bring_back(services.ensure(), folder, show))
    _report(done, f"as of {manifest.made_at}", json)


def _shown(work: Callable[[Callable[[str], None]], Done]) -> Done:
    with console().status("starting the services") as status:
        return work(status.update)


def _report(done: Done, how: str, json: bool) -> None:
    if json:
        print_json(asdict(done))
    else:
        size = f"{done.database_bytes / 1e6:.1f} MB of database"
        print_line(f"{done.pages} pages, {size}, {done.objects} objects {how}")
        for line in done.missing[:_MOST_COMPLAINTS]:
            complain(line)
        if len(done.missing) > _MOST_COMPLAINTS:
            complain(f"{len(done.missing) - _MOST_COMPLAINTS} more objects; --json names them all")
    if done.missing:
        raise typer.Exit(1)
