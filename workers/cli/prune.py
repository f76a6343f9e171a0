"""`prune`: room is made of what newer readings have superseded."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.cli.output import console, print_json, print_line

app = typer.Typer()


@app.command()
def prune(
    keep: Annotated[
        int,
        typer.Option(
            min=0, help="Superseded readings of each page that stay, for `rollback`: the newest."
        ),
    ] = 1,
    run: Annotated[
        str | None,
        typer.Option(
            help="Only readings by this run, a name or number, also those that --keep would keep."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without it they are told.")] = (
        False
    ),
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Remove readings that newer ones have superseded; never current ones, nor corrections.

    A page whose removed reading is wanted again has to be read again.
    """
    from storage.database import connect
    from storage.pruning import Rule, count_superseded
    from storage.pruning import prune as remove
    from storage.runs import find_run
    from workers.services import ensure

    database = connect(ensure().database_url)
    try:
        with database.connect() as connection:
            rule = Rule(keep, None if run is None else find_run(connection, run))
            found = count_superseded(connection, rule)
        gone = 0
        if yes:
            with console().status("removing") as status:
                gone = remove(
                    database, rule, lambda n: status.update(f"removing: {n} of {found} readings")
                )
    finally:
        database.dispose()
    if json:
        print_json({"superseded": found, "removed": gone})
    elif yes:
        print_line(f"{gone} superseded readings removed")
    else:
        print_line(f"{found} superseded readings could be removed; --yes removes them")
