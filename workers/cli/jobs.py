"""`digitize`, `ingest`, `worker`: jobs, and what works on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import LedgermillError
from workers.cli.output import complain, console, one_line, print_json, print_line

if TYPE_CHECKING:
    from pipeline.profiles import Profile
    from storage.imports import Kept
    from storage.jobs import Progress
    from workers.client import Waited

app = typer.Typer()

Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE…", help="Images, PDFs, ZIPs, folders, patterns, URLs."),
]
ProfileName = Annotated[
    str, typer.Option("--profile", "-p", help="How to read: a profile's name or .toml file.")
]
Language = Annotated[
    str, typer.Option(help="The collection's language, for search; counts for a new one only.")
]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def digitize(
    sources: Sources,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where the results go.")],
    profile: ProfileName = "default",
    formats: Annotated[
        str, typer.Option("--format", help="As for `export`, with commas: csv,json,pdf.")
    ] = "csv,json",
    collection: Annotated[str, typer.Option(help="Where the pages are kept.")] = "default",
    language: Language = "simple",
    detect_only: Annotated[
        bool,
        typer.Option(
            "--detect-only",
            help="Only find lines, here and now: OUT/polygons.jsonl, a page a line.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Read pages: take them in, digitize, wait, and write what was read to a folder."""
    if detect_only:
        _detect(sources, out, profile)
        return
    from pipeline.profiles import load_profile
    from storage.exports import ALL, formats_of
    from workers import client

    wanted = formats_of(formats, (*ALL, "sef"))
    left_out: list[str] = []
    how = load_profile(profile)
    _make_folder(out)
    with client.office() as place:
        job_id = client.make_job(place, how, collection, language, client.PRIORITY_WAITING)
        with progress_bar(json) as show:
            waited = client.run_job(place, job_id, sources, show, client.PATIENCE_SECONDS)
        written = client.write_results(place, job_id, out, wanted, left_out)
    for line in left_out:
        complain(line)
    report(waited, written, out, json)
    if left_out:
        raise typer.Exit(1)


@app.command()
def ingest(
    sources: Sources,
    collection: Annotated[str, typer.Option("--collection", "-c", help="Made if it is new.")],
    language: Language = "simple",
    profile: ProfileName = "default",
    wait: Annotated[bool, typer.Option("--wait", help="Until every page is read.")] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            help="Take in what is put into the folders, once it is complete, until interrupted.",
        ),
    ] = False,
    transcriptions: Annotated[
        str,
        typer.Option(
            help="Keep PAGE and ALTO files that come with the scans: as truth, or as earlier ones.",
            metavar="truth|earlier",
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Take in sources in bulk, to be read by the workers that run.

    A source is a file, folder or pattern; a URL of a scan, a IIIF manifest or collection, or a METS
    file; s3://BUCKET/PREFIX; or a CSV list with the header source,station,date,title,rights.
    """
    from pipeline.profiles import load_profile
    from workers import client

    how = load_profile(profile)
    keep = _kept(transcriptions)
    if watch:
        _watch(sources, how, collection, language, keep, wait, json)
        return
    with client.office() as place:
        job_id = client.make_job(place, how, collection, language, client.PRIORITY_BULK)
        if wait:
            with progress_bar(json) as show:
                waited = client.run_job(place, job_id, sources, show, keep=keep)
            report(waited, None, None, json)
            return
        with console().status("copying the sources"):
            client.list_sources(place, job_id, sources, keep)
        progress, failures = client.look_at(place, job_id)
    taken = sum(progress.sources.values()) - progress.sources.get("refused", 0)
    if json:
        print_json({"job": job_id, "sources": taken, "failed": [asdict(each) for each in failures]})
    else:
        print_line(f"job {job_id}: {taken} sources; `ledgermill worker` reads their pages")
        _complain_of(failures)
    if failures or not taken:
        raise typer.Exit(1)


def _kept(said: str) -> Kept | None:
    from storage.imports import KEPT

    for kept in KEPT:
        if said == kept:
            return kept
    if said:
        raise LedgermillError(f"--transcriptions {said}: write truth or earlier")
    return None


def _watch(
    folders: list[str],
    profile: Profile,
    collection: str,
    language: str,
    keep: Kept | None,
    wait: bool,
    json: bool,
) -> None:
    from workers import client
    from workers.hotfolder import Taken, watch

    if wait:
        raise LedgermillError(
            "--watch --wait: a watch never ends; start `ledgermill worker` for it"
        )
    refused = 0

    def tell(taken: Taken) -> None:
        nonlocal refused
        refused += len(taken.failures)
        if json:
            failed = [asdict(each) for each in taken.failures]
            print_json({"job": taken.job_id, "sources": taken.sources, "failed": failed})
        else:
            print_line(f"job {taken.job_id}: {taken.sources} sources")
            _complain_of(taken.failures)

    with client.office() as place:
        watch(place, [Path(each) for each in folders], profile, collection, language, keep, tell)
    if refused:
        raise typer.Exit(1)


@app.command()
def worker(
    queues: Annotated[
        str, typer.Option(help="Only these queues, in one process: ingest, digitize, export.")
    ] = "",
) -> None:
    """Work on whatever is queued until stopped; run one for each GPU, on any machine."""
    from workers import worker as workers
    from workers.app import QUEUES

    chosen = [name.strip() for name in queues.split(",") if name.strip()]
    for name in chosen:
        if name not in QUEUES:
            raise LedgermillError(f"queue {name}: no such queue; name some of {', '.join(QUEUES)}")
    workers.start_logging()
    raise typer.Exit(workers.run_supervisor(chosen))


def job_status() -> list[dict[str, Any]]:
    """Return the unfinished and the latest jobs, for `status`: pages by state, what failed.

    Starts nothing. Raises `Unavailable` where the database does not answer.
    """
    from storage import jobs
    from storage.database import connect
    from workers.services import endpoints

    database = connect(endpoints().database_url)
    try:
        with database.connect() as connection:
            found = jobs.overview(connection)
            held = {each.job_id: each.reason for each in jobs.troubles(connection)}
    finally:
        database.dispose()
    return [
        {
            "job": each.job_id,
            "kind": each.kind,
            "collection": each.collection,
            "state": each.progress.state,
            "created_at": each.created_at.isoformat(),
            "finished_at": each.finished_at and each.finished_at.isoformat(),
            "sources": each.progress.sources,
            "pages": each.progress.pages,
            "held": held.get(each.job_id),
            "failed": [asdict(failure) for failure in each.failures],
        }
        for each in found
    ]


def print_job_status(status: list[dict[str, Any]], failures: int = 5) -> None:
    """Print what `job_status` returned, a line a job, then some of what failed in it."""
    for job in status:
        pages = ", ".join(f"{n} {state}" for state, n in sorted(job["pages"].items()))
        print_line(
            one_line(
                f"job {job['job']:<5} {job['state']:9} {job['collection']}: pages {pages or 0}"
            )
        )
        if job["held"]:
            print_line(one_line(f"{'':9} held, tried again now and then: {job['held']}"))
        for failure in job["failed"][:failures]:
            print_line(one_line(f"{'':9} {failure['what']}: {failure['reason']}"))
        failed = job["sources"].get("refused", 0) + job["pages"].get("quarantined", 0)
        if (more := max(failed, len(job["failed"])) - failures) > 0:
            print_line(f"{'':9} and {more} more (see --json)")


def _detect(sources: list[str], out: Path, profile: str) -> None:
    from workers.cli.reading import detect

    _make_folder(out)
    with (out / "polygons.jsonl").open("w", encoding="utf-8") as file:
        if detect(sources, profile, file):
            raise typer.Exit(1)


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgermillError(
            f"{out}: cannot be made ({error.strerror}); choose another folder"
        ) from error


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[Progress, str | None], None]]:
    """Show pages done, pages a second and the time left, on stderr, where a person looks."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[trouble]}"),
    )
    with Bars(*columns, console=console(), transient=True, disable=quiet) as bars:
        task = bars.add_task("taking in", total=None, rate="", trouble="")
        first: int | None = None

        def show(progress: Progress, trouble: str | None) -> None:
            nonlocal first
            pages = progress.pages
            ended = pages.get("done", 0) + pages.get("quarantined", 0)
            coming = sum(progress.sources.get(s, 0) for s in ("pending", "queued", "running"))
            if first is None:
                first = ended
                bars.reset(task)
            speed = bars.tasks[0].speed
            bars.update(
                task,
                description="reading" if pages else "taking in",
                completed=ended,
                total=(sum(pages.values()) + coming) or None,
                rate=f"{speed:.2f} pages/s" if speed else "",
                trouble=one_line(trouble or "")[:60],
            )

        yield show


def report(waited: Waited, written: list[Path] | None, out: Path | None, json: bool) -> None:
    """Print how a job ended, and end with status 1 unless all of it worked."""
    pages = waited.progress.pages
    read, total = pages.get("done", 0), sum(pages.values())
    if json:
        print_json(
            {
                "job": waited.job_id,
                "pages": pages,
                "sources": waited.progress.sources,
                "failed": [asdict(failure) for failure in waited.failures],
                "ignored": waited.ignored,
                "files": None if written is None else [str(path) for path in written],
                "seconds": round(waited.seconds, 1),
            }
        )
    else:
        where = f", {len(written or [])} files in {out}" if out is not None else ""
        print_line(
            one_line(
                f"{read} of {total} pages in {waited.seconds:.0f} s{where} (job {waited.job_id})"
            )
        )
        if waited.ignored:
            print_line(f"{waited.ignored} other files passed over")
        _complain_of(waited.failures)
        if not total and not waited.failures:
            complain("there was nothing to read; name images, PDFs, ZIPs or folders of them")
    if waited.failures or not read or read < total:
        raise typer.Exit(1)


def _complain_of(failures: list[Any]) -> None:
    for failure in failures:
        what, reason = failure.what, failure.reason
        complain(reason if reason.startswith(what) else f"{what}: {reason}")
