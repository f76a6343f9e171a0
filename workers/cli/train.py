"""`train`: networks from data, from scratch or from weights that are to learn from corrections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import BadInput
from workers.cli.output import console, print_json, print_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.training.loop import Progress
    from pipeline.training.recognizer import Lesson

app = typer.Typer()
train = typer.Typer(
    help="Train a network; what was trained is resumed, and ends early where it no longer learns."
)
app.add_typer(train, name="train")

STEPS = 20_000
FINE_TUNING_STEPS = 600
FINE_TUNING_RATE = 3e-4

Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder of the training; the same one goes on with it.")
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Folder with cells.csv, or with pages and their transcription (page JSON as digitize "
        "writes it, PAGE, ALTO) side by side; without it everything is drawn."
    ),
]
From = Annotated[
    Path | None,
    typer.Option("--from", help="Weights to start from, for example to learn corrected pages."),
]
Steps = Annotated[
    int | None,
    typer.Option(min=1, help=f"At most so many; {STEPS}, with --from {FINE_TUNING_STEPS}."),
]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


@train.command()
def recognizer(
    profile: Annotated[str, typer.Option("--profile", "-p", help="For example numeric, latin.")],
    out: Out,
    data: Data = None,
    steps: Steps = None,
    start: From = None,
    json: Json = False,
) -> None:
    """Train what reads lines; writes PROFILE.safetensors and its card PROFILE.md to the folder.

    Corrected pages are learnt by the same command: --from the weights that read them, --data the
    folder of the pages. Name the new weights in a profile as recognition.weights.
    """
    from pipeline.models.load import digest, load_recognizer
    from pipeline.recognition.calibration import from_config
    from pipeline.recognition.reader import second_of
    from pipeline.training.finish import finish
    from pipeline.training.lessons import LESSONS
    from pipeline.training.recognizer import train as teach
    from workers.settings import settings

    if profile not in LESSONS:
        raise BadInput(profile, "no such lesson", f"choose one of {', '.join(LESSONS)}")
    claim(out, {"recognizer": profile, "from": "" if start is None else digest(start)})
    weights = before = None
    with console().status("gathering what is to be learnt"):
        lesson = LESSONS[profile](data, out)
        if start is not None:
            network, config = load_recognizer(start)
            weights, before = network.state_dict(), from_config(config)
            lesson = replace(lesson, config=network.config)
    schedule = _schedule(steps, fine_tuning=start is not None)
    use_threads()
    with progress(out, schedule.steps, quiet=json) as (at, report):
        counted = _counted(lesson, _begun(out), at)
        teach(counted, schedule, out, training_device(settings().device), weights, report)
    with console().status("calibrating, and writing the card"):
        command = command_line("recognizer", profile, data, start, steps)
        asked = None if start is None else second_of(start)
        second = None if asked is None else asked.stem
        done = finish(profile, lesson, schedule, out, command, before, second)
    _say(done.weights, done.card, dict(done.accuracy), "exactly right", json)


@train.command()
def detector(
    out: Out,
    data: Data = None,
    steps: Steps = None,
    start: From = None,
    json: Json = False,
) -> None:
    """Train what finds lines and cells; writes detector.safetensors and its card to the folder."""
    from pipeline.models.load import digest, read
    from pipeline.training.detector import WINDOWS, finish
    from pipeline.training.detector import train as teach
    from pipeline.training.pages import find_pages
    from workers.settings import settings

    claim(out, {"detector": "", "from": "" if start is None else digest(start)})
    use_threads()
    with console().status("gathering the pages"):
        pages, held = find_pages(data, out)
    weights = None if start is None else {n: t.float() for n, t in read(start)[0].items()}
    schedule = _schedule(steps, fine_tuning=start is not None)
    with progress(out, schedule.steps, quiet=json) as (at, report):
        del at  # a step takes longer than it takes to say so
        teach(pages, held, schedule, out, training_device(settings().device), weights, report)
    with console().status("writing the card"):
        command = command_line("detector", None, data, start, steps)
        path, card, scores = finish(held, schedule, out, f"{command} ({WINDOWS} windows a step)")
    _say(path, card, scores, "F1", json)


def _schedule(steps: int | None, fine_tuning: bool) -> Any:
    from pipeline.training.loop import Schedule

    if fine_tuning:
        count = steps or FINE_TUNING_STEPS
        return Schedule(count, FINE_TUNING_RATE, min(50, count), max(1, min(100, count)))
    count = steps or STEPS
    return Schedule(count, rate=1.5e-3, validate_every=max(1, min(500, count)), patience=30)


def use_threads() -> None:
    """Let torch use as many threads as the settings say."""
    import torch

    from workers.settings import settings

    threads = settings().threads
    if threads is not None:
        torch.set_num_threads(threads)


def training_device(device: str) -> str:
    """Return the torch device of a setting (`auto`, `cpu`, `cuda:N`)."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def claim(folder: Path, what: dict[str, str]) -> None:
    """Note in the folder what is trained there. Raises `BadInput` where that is something else."""
    import json

    note = folder / "training.json"
    said = json.dumps(what, indent=2, ensure_ascii=False) + "\n"
    if note.exists() and note.read_text("utf-8") != said:
        raise BadInput(str(folder), "holds another training", f"name another folder, or see {note}")
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(said, "utf-8")


@contextmanager
def progress(
    folder: Path, steps: int, quiet: bool
) -> Iterator[tuple[Callable[[int], None], Callable[[Progress], None]]]:
    """Show how far a training is, on stderr: yields what is told of steps, and of validations."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("step"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[scores]}"),
    )
    with Bars(*columns, console=console(), disable=quiet) as bars:
        task = bars.add_task("training", total=steps, completed=_begun(folder), scores="")

        def at(step: int) -> None:
            bars.update(task, completed=min(step, steps))

        def report(now: Progress) -> None:
            named = ", ".join(f"{name} {value:.4f}" for name, value in now.scores.items())
            bars.update(task, completed=now.step, scores=f"loss {now.loss:.3f}, {named}")
            bars.print(f"step {now.step}: loss {now.loss:.3f}, {named}")

        yield at, report


def _begun(folder: Path) -> int:
    """Return the step up to which the curves of a training in the folder go."""
    import csv

    from pipeline.training.loop import CURVES

    curves = folder / CURVES
    if not curves.exists():
        return 0
    with curves.open(newline="") as file:
        return max((int(row["step"]) for row in csv.DictReader(file)), default=0)


def _counted(lesson: Lesson, first: int, at: Callable[[int], None]) -> Lesson:
    """Return the lesson, which tells `at` how many steps its samples have filled by now."""
    drawn = 0

    def sample(rng: Any) -> Any:
        nonlocal drawn
        drawn += 1
        if drawn % lesson.crops == 0:
            at(first + drawn // lesson.crops)
        return lesson.sample(rng)

    return replace(lesson, sample=sample)


def command_line(
    network: str, profile: str | None, data: Path | None, start: Path | None, steps: int | None
) -> str:
    """Return the command that trains the like again."""
    named = {"--profile": profile, "--data": data, "--from": start, "--steps": steps}
    options = " ".join(f"{option} {value}" for option, value in named.items() if value)
    return f"ledgermill train {network} {options} --out DIR"


def _say(weights: Path, card: Path, accuracy: dict[str, float], what: str, json: bool) -> None:
    if json:
        print_json({"weights": str(weights), "card": str(card), "accuracy": accuracy})
        return
    for name, part in accuracy.items():
        print_line(f"{name}: {part:.2%} {what}")
    print_line(f"{weights}")
    print_line(f"{card}")
