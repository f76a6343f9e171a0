"""`learn`: from people's corrections to a profile that reads the same hands better."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import print_json, print_line

app = typer.Typer()


@app.command()
def learn(
    collection: Annotated[str, typer.Option("--collection", "-c", help="Whose corrections.")],
    profile: Annotated[
        str, typer.Option("--profile", "-p", help="What to go on from: a name or .toml file.")
    ] = "default",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Folder of the weights; one below the home by default."),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who asks, as the list of what was learnt says it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Learn the hands of a collection from its corrected numbers; some minutes on two cores.

    Each quarter of the corrections is read by what learnt from the others. Where that is better
    than before, a profile is written and the command that reads the least certain pages again is
    named; where it is not, nothing changes.
    """
    import datetime
    import getpass

    from pipeline.profiles import load_profile
    from pipeline.training.adapt import SCHEDULE
    from workers import client
    from workers.cli.train import progress, use_threads
    from workers.learning import learn as teach
    from workers.learning import slug

    how = load_profile(profile)
    with client.office() as place:
        use_threads()
        stamp = datetime.datetime.now(tz=datetime.UTC).strftime("%Y%m%d-%H%M%S")
        folder = out or place.settings.home / "learnt" / f"{slug(collection)}-{stamp}"
        folder.mkdir(parents=True, exist_ok=True)
        with progress(folder / "all", SCHEDULE.steps, quiet=json) as (_, report):
            learnt = teach(place, collection, how, folder, by or getpass.getuser(), report)
    if json:
        said = asdict(learnt)
        print_json({**said.pop("adapted"), **said})
        return
    found = learnt.adapted
    print_line(
        f"{found.cells} corrected numbers of {learnt.pages} pages, "
        f"and {learnt.proved} that their tables prove"
    )
    print_line(
        f"{found.before} read rightly before, {found.after} by what learnt from the others, "
        f"to which what they say is {found.gain:+.1f} nats likelier (by luck in {found.luck:.1%})"
    )
    if learnt.profile is None:
        print_line("no better: nothing is changed; correct more, or more pages")
        return
    print_line(f"profile: {learnt.profile}")
    print_line(
        f"next: ledgermill reprocess --collection {collection} --profile {learnt.profile} "
        '--where "confidence < 0.9"'
    )
