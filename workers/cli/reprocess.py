"""`reprocess` and `jobs`: pages read again, and jobs that pause, go on or end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import BadInput
from workers.cli.output import complain, one_line, print_json, print_line

if TYPE_CHECKING:
    from workers.reprocessing import Reprocess

app = typer.Typer()
jobs = typer.Typer(
    name="jobs",
    help="Pause jobs, let them go on, or end them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(jobs)

Json = Annotated[bool, typer.Option("--json", help="For programs.")]
Job = Annotated[int, typer.Argument(metavar="JOB", help="Its number, as `status` says it.")]


@app.command()
def reprocess(
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="How to read: a profile's name or .toml file.")
    ] = "default",
    weights: Annotated[
        str | None,
        typer.Option(help="Weights in place of the profile's: a file or folder of safetensors."),
    ] = None,
    collection: Annotated[
        str | None, typer.Option("--collection", "-c", help="Only pages of this collection.")
    ] = None,
    run: Annotated[
        str | None, typer.Option(help="Only pages as this run has read them: a name or number.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(
            help="Only pages with a cell or line, or that themselves, meet this condition in SQL "
            'over the views cells, lines, pages: "confidence < 0.9".'
        ),
    ] = None,
    flag: Annotated[
        list[str] | None,
        typer.Option(help="Only pages with a cell that carries this check: sum:fail, qc:range."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until every page is read.")] = False,
    json: Json = False,
) -> None:
    """Read pages again by another profile or new weights, after whatever is taken in meanwhile.

    Pages that the same profile, weights and version have read already are left alone. Each page
    changes to its new reading at once and as a whole; corrections lie on that, too.
    """
    from pathlib import Path

    from pipeline.profiles import load_profile
    from storage.selection import Selection
    from workers import client
    from workers.reprocessing import reprocess as ask_for

    how = load_profile(profile)
    if weights is not None:
        path = Path(weights)
        chosen = str(path.resolve()) if path.exists() else weights
        recognition = how.recognition.model_copy(update={"weights": chosen})
        how = how.model_copy(update={"recognition": recognition})
    selection = Selection(collection, run, where, tuple(flag or ()))
    with client.office() as place:
        asked = ask_for(place, how, selection)
        wanted = [*(each.job for each in asked.jobs), *asked.fates.moving]
        if not (json and wait and wanted):
            _tell(asked, json)
        if not wait:
            return
        from workers.cli.jobs import progress_bar, report

        failed = False
        for job in wanted:
            with progress_bar(json) as show:
                waited = client.wait_for(place, job, show)
            try:
                report(waited, None, None, json)
            except typer.Exit:  # the others are to be told of, too
                failed = True
    if failed:
        raise typer.Exit(1)


def _tell(asked: Reprocess, json: bool) -> None:
    fates = asked.fates
    if json:
        print_json(
            {
                "run": asked.run,
                "selected": fates.pages,
                "jobs": [
                    {"job": each.job, "collection": each.collection, "pages": each.pages}
                    for each in asked.jobs
                ],
                "current": fates.current,
                "read": fates.read,
                "moving": [{"job": job, "pages": pages} for job, pages in fates.moving.items()],
            }
        )
        return
    for each in asked.jobs:
        print_line(
            one_line(f"job {each.job}: {each.pages} pages of {each.collection} by {asked.run}")
        )
    for count, what in (
        (fates.current, f"stand as {asked.run} has read them"),
        (fates.read, f"were read by {asked.run} before; `ledgermill rollback` makes that current"),
        *(
            (pages, f"are being read by {asked.run} for job {job}")
            for job, pages in fates.moving.items()
        ),
    ):
        if count:
            print_line(one_line(f"{count} pages {what}"))
    if not fates.pages:
        print_line("no page is meant by that; nothing is done")
    elif not asked.jobs:
        print_line("there is nothing to do: the same profile, weights and version read the same")


@jobs.command()
def pause(job: Job, json: Json = False) -> None:
    """Queue nothing more of a job until it is resumed; pages being read are read to their end."""
    _change(job, "pause", json)


@jobs.command()
def resume(job: Job, json: Json = False) -> None:
    """Let a paused job go on where it was."""
    _change(job, "resume", json)


@jobs.command()
def cancel(job: Job, json: Json = False) -> None:
    """End a job; what it has read stays, the rest is not read."""
    _change(job, "cancel", json)


def _change(job: int, wish: str, json: bool) -> None:
    from storage import jobs as stored
    from workers.cli.database import connected

    with connected() as connection:
        try:
            before = stored.progress(connection, job).state
            if wish == "pause":
                stored.pause(connection, job)
            elif wish == "resume":
                stored.resume(connection, job)
            else:
                stored.cancel(connection, job)
            after = stored.progress(connection, job)
        except LookupError:
            raise BadInput(f"job {job}", "no such job", "see `ledgermill status`") from None
        connection.commit()
    ended = before in ("done", "failed")
    if json:
        print_json({"job": job, "state": after.state, "pages": after.pages})
    elif not ended:
        print_line(f"job {job}: {'cancelled' if wish == 'cancel' else after.state}")
    if ended:
        complain(f"job {job}: it has ended already ({before}); there is nothing to {wish}")
        raise typer.Exit(1)
