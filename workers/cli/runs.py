"""`runs`, `compare`, `rollback`: ways of reading, what they changed, and back again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from workers.cli.database import connected
from workers.cli.output import console, one_line, print_json, print_line, print_table

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Collection = Annotated[
    str | None, typer.Option("--collection", "-c", help="Only pages of this collection.")
]


@app.command()
def runs(json: Json = False) -> None:
    """List the ways of reading that have been used, and the pages that each has read.

    A run is a profile, the digest of its weights and the version of the code.
    """
    from storage.runs import list_runs

    with connected() as connection:
        found = list_runs(connection)
    if json:
        print_json([asdict(run) for run in found])
    elif found:
        print_table(
            ("", "run", "pages", "current for", "first read", "last read", "weights"),
            (
                (
                    str(run.id),
                    run.name,
                    str(run.pages),
                    str(run.current_pages),
                    "" if run.first_at is None else f"{run.first_at:%Y-%m-%d %H:%M}",
                    "" if run.last_at is None else f"{run.last_at:%Y-%m-%d %H:%M}",
                    run.weights_digest[:16],
                )
                for run in found
            ),
        )
    else:
        console().print("no page has been read yet")


@app.command()
def rollback(
    run: Annotated[str, typer.Argument(help="The run's name or number, as `runs` says it.")],
    collection: Collection = None,
    json: Json = False,
) -> None:
    """Make what an earlier run has read current again; the later readings are kept.

    Each page changes as a whole; corrections lie on every reading. Broken off, it is begun again.
    """
    import getpass

    from storage.database import connect
    from storage.rollback import roll_back
    from workers.services import ensure

    database = connect(ensure().database_url)
    try:
        with console().status("rolling back") as status:
            done = roll_back(
                database,
                run,
                collection,
                getpass.getuser(),
                lambda pages: status.update(f"rolling back: {pages} pages"),
            )
    finally:
        database.dispose()
    if json:
        print_json({"run": run, **asdict(done)})
    elif done.changed:
        print_line(one_line(f"{done.changed} of {done.pages} pages stand as {run} read them again"))
    elif done.pages:
        print_line(one_line(f"nothing to do: {done.pages} pages stand as {run} read them already"))
    else:
        print_line(one_line(f"nothing to do: {run} has read no page there"))
