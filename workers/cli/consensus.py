"""`consensus`: what several people say of the same places, weighed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.output import complain, print_json, print_line

app = typer.Typer()
consensus = typer.Typer(
    help="Several people's opinions on the same places: take them in, weigh them."
)
app.add_typer(consensus, name="consensus")

_MOST_LISTED = 20

Collection = Annotated[str, typer.Option("--collection", "-C", help="The pages asked about.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@consensus.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(metavar="EXPORT.csv", help="A classification export.")],
    collection: Collection,
    json: Json = False,
) -> None:
    """Take in what the volunteers of a Zooniverse project typed; again the same, too."""
    from pipeline.errors import BadInput
    from storage.database import connect
    from storage.opinions import page_ids, say
    from workers import services
    from workers.zooniverse import read_classifications

    engine = connect(services.ensure().database_url)
    taken, refused = 0, Counter[str]()
    with engine.begin() as connection:
        known = page_ids(connection, collection)
        for each in read_classifications(file):
            if each.item is None:
                refused[each.reason] += 1
            elif each.item.page_id not in known:
                refused[f"its page is not in {collection}"] += 1
            else:
                try:
                    say(connection, each.item, each.text, each.author)
                    taken += 1
                except BadInput as error:
                    refused[error.reason] += 1
    if json:
        print_json({"taken": taken, "refused": dict(refused)})
    else:
        print_line(f"{taken} opinions; next: ledgermill consensus settle -C {collection}")
        for reason, count in refused.most_common(_MOST_LISTED):
            complain(f"{file}: {count} rows left out: {reason}")
    if not taken:
        raise typer.Exit(1)


@consensus.command()
def settle(
    collection: Collection,
    least: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="How sure an answer must be, 0.5 to 1.")
    ] = 0.95,
    json: Json = False,
) -> None:
    """Correct the places that people agree on; list the others, and how reliable each person is.

    What a person decided for a place stands, whatever was said of it.
    """
    from storage.database import connect
    from workers import services
    from workers.consensus import settle as weigh

    outcome = weigh(connect(services.ensure().database_url), collection, least)
    if json:
        print_json(asdict(outcome))
        return
    print_line(
        f"{outcome.settled} places settled, {outcome.standing} were before, "
        f"{len(outcome.open)} are open"
    )
    if outcome.agreement is not None:
        print_line(f"pairs of opinions that say the same: {outcome.agreement:.0%}")
    for person, right in sorted(outcome.reliability.items(), key=lambda each: -each[1]):
        print_line(f"  {person}: right in {right:.0%}")
    for place in outcome.open[:_MOST_LISTED]:
        said = ", ".join(f"{text} ({who})" for who, text in place.said)
        print_line(f"  open: {place.page}, {place.item.place}: {said}")
    if len(outcome.open) > _MOST_LISTED:
        print_line(f"  {len(outcome.open) - _MOST_LISTED} more; --json names them all")
