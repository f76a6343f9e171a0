"""`runs`, `compare`, `rollback`: ways of reading, what they changed, and back again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import BadInput
from workers.cli.database import connected
from workers.cli.output import console, one_line, print_json, print_line, print_table

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from pipeline.evaluation.truth import PageTruth
    from pipeline.page import Transcription
    from storage.compare import Change, Said

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


@app.command()
def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help="A run's name or number.")],
    second: Annotated[str, typer.Argument(metavar="RUN", help="Another's.")],
    collection: Collection = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Folder with the truth of pages, by their names, as for `evaluate`."),
    ] = None,
    most: Annotated[int, typer.Option(min=0, help="Changes to print, at most.")] = 50,
    json: Json = False,
) -> None:
    """Tell what two runs read differently, page by page, and which was right.

    It is compared what the machine read. Who was right is known where somebody corrected a place,
    and, with --truth, of pages whose truth is there.
    """
    from storage.runs import find_run

    with connected() as connection:
        runs = find_run(connection, first), find_run(connection, second)
        told = _compare(connection, runs, collection, truth)
    if json:
        print_json({"runs": [first, second], **told})
        return
    total = told["total"]
    changes = [(page["page"], each) for page in told["pages"] for each in page["changes"]]
    if changes and most:
        print_table(
            ("page", "place", first, second, "corrected to"),
            (
                (
                    page,
                    _place((each["first"] or each["second"])["place"]),
                    *_texts(each),
                    each["correction"] or "",
                )
                for page, each in changes[:most]
            ),
        )
    if len(changes) > most:
        print_line(f"and {len(changes) - most} more changes (--most, or --json for all)")
    print_line(
        f"{total['pages']} pages that both have read, {total['places']} places, "
        f"{total['changes']} read differently"
    )
    for each in total["statuses"]:
        if each["first"] != each["second"]:
            print_line(f"{each['places']} places went from {each['first']} to {each['second']}")
    _print_accuracy(total)


def _compare(
    connection: Connection, runs: tuple[int, int], collection: str | None, truth: Path | None
) -> dict[str, Any]:
    """Return what `compare` prints, as plain objects."""
    from collections import Counter

    from storage.compare import compare as compare_runs

    known = _truth(truth)
    pages = []
    compared = places = differing = 0
    statuses: Counter[tuple[str, str]] = Counter()
    right: Counter[str] = Counter()
    readings: list[dict[str, Any]] = [{}, {}]
    for page, *both in compare_runs(connection, *runs, collection):
        compared += 1
        differing += len(page.changes)
        places += page.places
        statuses.update(page.statuses)
        right.update(page.right)
        name = Path(page.page).stem
        for reading, found in zip(readings, both, strict=True):
            if name in known:
                reading[name] = found
        if page.changes:
            changes = [_change(each) for each in page.changes]
            where = {"page": page.page, "page_id": page.page_id, "collection": page.collection}
            pages.append({**where, "changes": changes})
    corrected = right.total()
    return {
        "pages": pages,
        "total": {
            "pages": compared,
            "places": places,
            "changes": differing,
            "statuses": [
                {"first": a, "second": b, "places": n} for (a, b), n in sorted(statuses.items())
            ],
            "corrected": {
                "places": corrected,
                "first": right["both"] + right["first"],
                "second": right["both"] + right["second"],
            },
            "truth": [_scores(known, each) for each in readings] if truth else None,
        },
    }


def _truth(folder: Path | None) -> dict[str, PageTruth]:
    if folder is None:
        return {}
    from pipeline.evaluation.truth import read_truth

    if not folder.is_dir():
        raise BadInput(str(folder), "no such folder", "give the folder of the pages' truth")
    return read_truth(folder)


def _scores(known: dict[str, PageTruth], readings: dict[str, Transcription]) -> dict[str, Any]:
    from pipeline.evaluation.pages import reading_of, score_pages, total

    here = {name: known[name] for name in readings}
    if not here:
        return {"pages": 0}
    scores = score_pages(here, {name: reading_of(each) for name, each in readings.items()})
    said = total(scores).to_json()
    return {"pages": len(here), **{key: said[key] for key in ("text", "tables", "trust")}}


def _change(change: Change) -> dict[str, Any]:
    def said(each: Said | None) -> dict[str, Any] | None:
        return None if each is None else {**asdict(each), "place": asdict(each.place)}

    return {
        "polygon": change.polygon,
        "first": said(change.first),
        "second": said(change.second),
        "correction": change.correction,
    }


def _texts(change: dict[str, Any]) -> tuple[str, str]:
    one, other = (
        "" if change[run] is None else f"{change[run]['text']} ({change[run]['status']})"
        for run in ("first", "second")
    )
    return one, other


def _place(place: dict[str, int]) -> str:
    return " ".join(f"{name} {number}" for name, number in place.items())


def _print_accuracy(total: dict[str, Any]) -> None:
    corrected = total["corrected"]
    if corrected["places"]:
        print_line(
            f"of {corrected['places']} corrected places the first read {corrected['first']} right, "
            f"the second {corrected['second']}"
        )
    for which, scores in zip(("first", "second"), total["truth"] or (), strict=False):
        said = [f"the {which} against the truth of {scores['pages']} pages"]
        if tables := scores.get("tables"):
            said.append(f"{tables['placed']} of {tables['values']} values right")
        if texts := scores.get("text"):
            said.append(f"CER {texts['cer']:.2%}, WER {texts['wer']:.2%}")
        print_line(": ".join([said[0], ", ".join(said[1:]) or "nothing to compare"]))
