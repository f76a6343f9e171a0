"""Ledgers drawn with known sums, from the page to the checked table.

    python benchmarks/ledgers.py [--pages 12] [--seed 1] [--keep DIR]

Draws hand-written ledgers of several forms (temperatures with pentads, hourly pressures, rain,
accounts, fixed hours, meters; `tests/pipeline/checks/ledgers.py`) whose sums and means are true,
wears them, digitizes them, and writes to `benchmarks/results/ledgers.md` what the checks made of
what was read: `read` is right before any check, `final` after, both of all values in their places.
Digits are compared: in a fine hand the point is hardly more than a speck. `written` counts what is
right to the point.
With `--keep` the pages and their truth stay in a folder, as `ledgermill evaluate` takes them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw
from report import machine, markdown, percent

from pipeline.digitize import digitize
from pipeline.engines import load_engine
from pipeline.errors import LedgermillError
from pipeline.evaluation.pages import PageScore, reading_of, score_page, total
from pipeline.evaluation.tables import TableTruth
from pipeline.evaluation.trust import TrustScore
from pipeline.evaluation.truth import PageTruth
from pipeline.page import Table, to_json
from pipeline.profiles import load_profile
from pipeline.training.degrade import Wear, degrade
from pipeline.training.draw import DrawnPage, draw_page
from pipeline.training.fonts import BUNDLED, Face
from pipeline.training.hands import find_hands
from pipeline.training.layouts import Column, Layout, Row, Text
from tests.pipeline.checks.ledgers import FORMS, Ledger, generate

RESULTS = Path(__file__).resolve().parent / "results" / "ledgers.md"
HAND_STYLES = ("hand", "script")
SIGNS = "0123456789.-"
LEAST_HEIGHT = 0.5
"""Of a figure, in ems: below it, a page of the usual size would be read by nobody."""


@dataclass(frozen=True)
class Drawn:
    """A drawn page by its name, `FORM-NUMBER`, and how many relations it was made with."""

    name: str
    page: DrawnPage
    rules: int


def layout_of(ledger: Ledger, rng: np.random.Generator) -> Layout:
    """Return how a ledger is laid out: heads and labels printed, numbers written by hand."""
    texts = dict(ledger.texts) | {place: ledger.written(place) for place in ledger.values}
    grid = [
        [texts.get((row, column), "") for column in range(len(ledger.columns))]
        for row in range(ledger.rows)
    ]
    ruled = bool(rng.random() < 0.7)
    columns = [
        Column(
            1.6 + 0.62 * max(len(text) for text in column),
            "right",
            "thin" if ruled else "none",
            hand=number > 0,
        )
        for number, column in enumerate(zip(*grid, strict=True))
    ]
    rows = [
        Row(tuple(row), 1.9, rule="thin", hand=False)
        if number < ledger.header_rows
        else Row(tuple(row), 1.4, rule="thin" if (number, 0) in ledger.texts else "none")
        for number, row in enumerate(grid)
    ]
    head = ((Text(f"Register of {ledger.form.capitalize()}.", scale=1.3),),)
    return Layout(int(rng.integers(26, 34)), head, tuple(columns), tuple(rows), 1, frame=ruled)


def draw(count: int, seed: int) -> Iterator[Drawn]:
    """Yield worn pages, the forms in turn, each written by one hand."""
    faces = hands()
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        ledger = generate(rng, list(FORMS)[number % len(FORMS)])
        face = faces[int(rng.integers(len(faces)))]
        page = draw_page(layout_of(ledger, rng), rng, BUNDLED, face)
        name = f"{ledger.form}-{number:03d}"
        yield Drawn(name, degrade(page, rng, wear(rng)), len(ledger.rules))


def wear(rng: np.random.Generator) -> Wear:
    """Return the wear of a page that anybody can read."""
    return Wear(
        skew=float(rng.normal(0, 0.5)),
        curl=float(rng.normal(0, 8)),
        blur=float(rng.uniform(0.3, 0.8)),
        noise=float(rng.uniform(1, 5)),
        tone=float(rng.uniform(180, 245)),
        light=float(rng.uniform(0, 0.25)),
        bleed=float(rng.uniform(0, 0.1)),
    )


def hands() -> Sequence[Face]:
    """Return the installed faces of handwriting in a pen's strokes, else the bundled one.

    Their figures are of some size, and not drawn in outline.
    """
    found = find_hands(HAND_STYLES, SIGNS, needed=SIGNS)
    faces = [hand.faces[hand.of["0"]] for hand in found]
    whole = [face for face in faces if face.has(SIGNS) and _height(face) >= LEAST_HEIGHT]
    return [face for face in whole if not _outlined(face)] or [BUNDLED]


def _height(face: Face) -> float:
    """Return the height of a nought in ems."""
    _, top, _, bottom = face.font(100).getbbox("0")
    return (bottom - top) / 100


def _outlined(face: Face) -> bool:
    """Tell whether strokes are hollow: closing gaps narrower than a pen doubles the ink."""
    canvas = Image.new("L", (1200, 400), 0)
    ImageDraw.Draw(canvas).text((60, 250), "1 7 4", fill=255, font=face.font(200), anchor="ls")
    ink = (np.asarray(canvas) > 127).astype(np.uint8)
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (21, 21))
    return bool(cv2.morphologyEx(ink, cv2.MORPH_CLOSE, pen).sum() > 1.8 * ink.sum())


def truth_of(drawn: Drawn) -> PageTruth:
    """Return the truth of a page as the evaluation takes it; it knows of no spans."""
    tables = tuple(
        TableTruth(_grid(table), table.header_rows, compare="digits")
        for table in drawn.page.truth.tables
    )
    return PageTruth(drawn.name, (), tables)


def _grid(table: Table) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, table.grid()))


def measure(pages: Sequence[Drawn], device: str, threads: int | None) -> tuple[str, int]:
    """Return the report on pages, and how many of them were read as no table at all."""
    profile = load_profile("default")
    engine = load_engine(profile, device, threads)
    start = time.perf_counter()
    scores: dict[str, list[PageScore]] = {}
    written: dict[str, list[PageScore]] = {}
    lost = 0
    images = (np.repeat(drawn.page.image[..., None], 3, axis=2) for drawn in pages)
    for drawn, transcription in zip(pages, digitize(images, profile, engine), strict=True):
        truth, reading = truth_of(drawn), reading_of(transcription)
        score = score_page(truth, reading)
        lost += not transcription.tables
        form = drawn.name.partition("-")[0]
        scores.setdefault(form, []).append(score)
        to_the_point = tuple(replace(table, compare="text") for table in truth.tables)
        as_written = score_page(replace(truth, tables=to_the_point), reading)
        written.setdefault(form, []).append(as_written)
        found = sum(len(table.relations) for table in transcription.tables)
        print(f"{drawn.name}: {_brief(score)}, {found} relations ({drawn.rules})", file=sys.stderr)
    seconds = (time.perf_counter() - start) / len(pages)
    rows = [_row(form, total(scores[form]), total(written[form])) for form in scores]
    whole, whole_written = (
        total([score for form in of_forms.values() for score in form])
        for of_forms in (scores, written)
    )
    rows.append(_row("**total**", whole, whole_written))
    heads = [
        "ledgers",
        "values",
        "read",
        "final",
        "written",
        "verified",
        "precision",
        "mended",
        "damaged",
    ]
    heads += ["repaired", "inferred", "within", "doubtful"]
    note = (
        f"{len(pages)} pages, {seconds:.1f} s a page. `read` and `final`: values right in their "
        "place before and after the checks, by their digits; `written`: to the point. `mended` "
        "were read wrongly, `damaged` rightly. Of the repaired, inferred and doubtful: right of "
        "all.\n\n"
        f"Profile {profile.name}, engine {profile.engine} {engine.digest[:8]}, {device}; "
        f"{machine()}. Made by `python benchmarks/ledgers.py`."
    )
    table = markdown(heads, rows)
    return f"# Drawn ledgers, from the page to the checked table\n\n{note}\n\n{table}", lost


def _brief(score: PageScore) -> str:
    table, trust = score.table, score.trust
    assert table is not None  # every drawn page has a table
    assert trust is not None  # and is read into a page object
    return f"{percent(table.accuracy)} right, {percent(trust.coverage)} verified"


def _row(name: str, score: PageScore, written: PageScore) -> list[object]:
    table, trust = score.table, score.trust
    assert table is not None
    assert trust is not None
    assert written.table is not None
    before = table.placed - trust.mended + trust.damaged
    return [
        name,
        table.values,
        percent(before / max(1, table.values)),
        percent(table.accuracy),
        percent(written.table.accuracy),
        percent(trust.coverage),
        percent(trust.precision),
        trust.mended,
        trust.damaged,
        _right_of(trust, "repaired"),
        _right_of(trust, "inferred"),
        f"{trust.within}/{trust.bounded}",
        _right_of(trust, "doubtful"),
    ]


def _right_of(trust: TrustScore, status: Literal["repaired", "inferred", "doubtful"]) -> str:
    tally = trust.of(status)
    return f"{tally.right}/{tally.right + tally.wrong}"


def keep(pages: Sequence[Drawn], folder: Path) -> None:
    """Write images, and page objects of the truth, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for drawn in pages:
        cv2.imwrite(str(folder / f"{drawn.name}.jpg"), drawn.page.image)
        truth = to_json(drawn.page.truth, drawn.name, "truth")
        (folder / f"{drawn.name}.json").write_text(json.dumps(truth, ensure_ascii=False), "utf-8")


def main() -> None:
    """Draw, digitize, compare, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, help="folder for the pages and their truth")
    options = parser.parse_args()
    pages = list(draw(options.pages, options.seed))
    if options.keep:
        keep(pages, options.keep)
    try:
        report, lost = measure(pages, options.device, options.threads)
    except LedgermillError as error:
        sys.exit(f"ledgers: {error}")
    if lost:
        print(f"ledgers: no table was found on {lost} pages", file=sys.stderr)
    print(report)
    RESULTS.write_text(report, "utf-8")


if __name__ == "__main__":
    main()
