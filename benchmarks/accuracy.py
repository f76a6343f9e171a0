"""How right the readings are: `python benchmarks/accuracy.py SET... --data FOLDER`.

Runs the pipeline itself, without queue or database, on pages and cut-outs with ground truth, and
writes one table per set to `benchmarks/results/accuracy-SET.md`. `samples` needs nothing else;
the others are sets of real pages in the folder `--data` (see `benchmarks/README.md`).
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from report import machine, markdown, percent

from pipeline.decode import ImageLimits, decode_image
from pipeline.digitize import digitize
from pipeline.engines import Engine, load_engine
from pipeline.errors import LedgermillError
from pipeline.evaluation.cells import CellScore, score_cells
from pipeline.evaluation.pages import PageScore, reading_of, score_page, total
from pipeline.evaluation.text import ErrorKinds
from pipeline.evaluation.trust import STATUSES, Says, TrustScore
from pipeline.evaluation.truth import read_cells, read_truth
from pipeline.profiles import Profile, load_profile
from pipeline.recognize import recognize
from pipeline.version import CODE_VERSION

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DATA = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Reader:
    """A profile with its engine, loaded."""

    profile: Profile
    engine: Engine
    device: str


@dataclass(frozen=True)
class Pages:
    """A set of whole pages: images and truth of the same stems, which begin with `only`."""

    images: str
    truth: str
    note: str
    only: str = ""


@dataclass(frozen=True)
class Cells:
    """A set of cut-out cells listed in a `cells.csv`."""

    folder: str
    note: str


SETS: dict[str, Pages | Cells] = {
    "samples": Pages("samples", "samples", "The drawn pages of this repository."),
    "weather-rescue": Pages(
        "weather-rescue/images",
        "weather-rescue/truth",
        "Printed hourly pressures, Fort William, 1898 and 1899. Published over all 81 pages of "
        "the benchmark, of which these are 24: Google Vision 90 %, Amazon Textract 88 %. The "
        "truth's daily means are computed from its hours: where the printer's mean differs from "
        "them, a right reading counts as wrong.",
    ),
    "weather-rescue-1899": Pages(
        "weather-rescue/images",
        "weather-rescue/truth",
        "Those of weather-rescue that are of the book of 1899: our own networks have not learnt "
        "from it.",
        only="1899",
    ),
    "lectaurep-dufour": Pages(
        "lectaurep/dufour-1", "lectaurep/dufour-1", "A notary's registers, French, 1850-51."
    ),
    "lectaurep-riant": Pages(
        "lectaurep/riant-4", "lectaurep/riant-4", "A notary's registers, French, 1830."
    ),
    "cremma-20": Pages("cremma-20", "cremma-20", "Letters and drafts, French, 20th century."),
    "stanford": Pages(
        "stanford-memorials", "stanford-memorials", "Letters of 1905, English, several hands."
    ),
    "drc": Cells(
        "drc-temperature-cells",
        "Handwritten, binarized cells; digits compared. Over all ten sheets of that set "
        "MeteoSaver reads 89.8 %. Our own network has learnt from all sheets here but 904_197208.",
    ),
    "congo": Cells(
        "congo-ledger-cells",
        "Handwritten cells in gray with their surroundings; compared as numbers. Our own network "
        "has learnt from all folders here but 6319, 6428, 6637 and 6883.",
    ),
}


TABLE_HEADS = ["values", "right", "in place", "aligned", "empty", "spurious", "MAE"]
TABLE_HEADS += ["TEDS", "GriTS-Con", "GriTS-Top"]
TRUST_HEADS = ["values", "verified", "precision", "mended", "damaged", "inferred within"]
TRUST_HEADS += [f"{status}, right of all" for status in STATUSES]


def main() -> None:
    """Measure the sets that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(SETS)}")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the sets")
    parser.add_argument("--pages", type=int, help="at most so many pages or cells a set")
    parser.add_argument("--profile", default="default")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the tables")
    options = parser.parse_args()
    try:
        profile = load_profile(options.profile)
        engine = load_engine(profile, options.device, options.threads)
        reader = Reader(profile, engine, f"{options.device}, {options.threads} threads")
        for name in options.sets or ["samples", "weather-rescue"]:
            if name not in SETS:
                parser.error(f"no set {name!r}")
            report = measure(name, reader, options.data, options.pages)
            if report is None:
                print(f"{name}: not in {options.data}, left out", file=sys.stderr)
                continue
            print(report)
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"accuracy-{name}.md").write_text(report, "utf-8")
    except LedgermillError as error:
        sys.exit(f"accuracy: {error}")


def measure(name: str, reader: Reader, data: Path, limit: int | None) -> str | None:
    """Return the report of a set, `None` where its files are not there."""
    what = SETS[name]
    base = ROOT if name == "samples" else data
    if isinstance(what, Pages):
        if not (base / what.images).is_dir():
            return None
        return _pages(name, reader, base, what, limit)
    if not (base / what.folder).is_dir():
        return None
    return _cells(name, reader, base / what.folder, limit, what.note)


def _pages(name: str, reader: Reader, base: Path, what: Pages, limit: int | None) -> str:
    truths = read_truth(base / what.truth).items()
    known = dict(itertools.islice(((k, v) for k, v in truths if k.startswith(what.only)), limit))
    files = [_image(base / what.images, page) for page in known]
    scores: list[PageScore] = []
    start = time.perf_counter()
    readings = digitize(_decoded(files), reader.profile, reader.engine)
    for page, transcription in zip(known.values(), readings, strict=True):
        scores.append(score_page(page, reading_of(transcription)))
        print(f"{page.name}: {_brief(scores[-1])}", file=sys.stderr)
    seconds = time.perf_counter() - start
    whole = total(scores)
    speed = f"{len(scores)} pages in {seconds:.0f} s, {seconds / len(scores):.1f} s a page."
    return "\n".join([_head(name, reader, f"{what.note} {speed}"), *_tables(scores, whole)])


def _image(folder: Path, page: str) -> Path:
    for suffix in (".jpg", ".png", ".tif"):
        if (folder / f"{page}{suffix}").exists():
            return folder / f"{page}{suffix}"
    sys.exit(f"accuracy: {folder / page}: truth without an image; complete the folder")


def _decoded(files: Iterable[Path]) -> Iterator[NDArray[np.uint8]]:
    for file in files:
        yield decode_image(file.read_bytes(), ImageLimits())


def _brief(score: PageScore) -> str:
    table = "" if score.table is None else f"{percent(score.table.accuracy)} of values in place "
    text = "" if score.text is None else f"CER {percent(score.text.cer)}"
    return (table + text).strip()


def _cells(name: str, reader: Reader, folder: Path, limit: int | None, note: str) -> str:
    truths = read_cells(folder)
    step = max(1, len(truths) // limit) if limit else 1
    truths = truths[::step][:limit]
    start = time.perf_counter()
    readings = recognize(
        _decoded(folder / truth.image for truth in truths),
        reader.profile,
        reader.engine,
        "numeric",
    )
    says = {truth.image: Says(read.text) for truth, read in zip(truths, readings, strict=True)}
    seconds = time.perf_counter() - start
    scores = score_cells(truths, says)
    whole = sum(scores.values(), CellScore())
    speed = f"{whole.cells} cells in {seconds:.0f} s, {whole.cells / seconds:.0f} a second."
    rows = [
        [folder, score.cells, score.right, percent(score.accuracy), percent(score.text.cer)]
        for folder, score in [*scores.items(), ("**total**", whole)]
    ]
    table = markdown(["folder", "cells", "right", "exact", "CER"], rows)
    return f"{_head(name, reader, f'{note} {speed}')}\n{table}"


def _tables(scores: list[PageScore], whole: PageScore) -> Iterator[str]:
    named = [(score.name, score) for score in scores] + [("**total**", whole)]
    if whole.table is not None:
        yield markdown(
            ["page", *TABLE_HEADS, "laid"],
            [
                [
                    name,
                    table.values,
                    table.placed,
                    percent(table.accuracy),
                    percent(table.aligned / max(1, table.values)),
                    table.empty,
                    table.spurious,
                    "" if table.mae is None else f"{table.mae:.4f}",
                    *(percent(alike) for alike in _similarities(score)),
                    "; ".join(p.by if p else "nowhere" for p in table.placements)
                    if score is not whole
                    else "",
                ]
                for name, score in named
                if (table := score.table) is not None
            ],
        )
    if whole.trust is not None:
        yield markdown(
            ["page", *TRUST_HEADS],
            [[name, *_trust(score.trust)] for name, score in named if score.trust is not None],
        )
    if whole.text is not None:
        kinds = list(ErrorKinds.__slots__)
        yield markdown(
            ["page", "characters", "CER", "WER", *kinds],
            [
                [
                    name,
                    text.characters,
                    percent(text.cer),
                    percent(text.wer),
                    *(getattr(text.kinds, kind) for kind in kinds),
                ]
                for name, score in named
                if (text := score.text) is not None
            ],
        )


def _similarities(score: PageScore) -> list[float | None]:
    alike = score.similarity
    assert alike is not None  # a page with tables has it
    return [alike.teds, alike.con.similarity, alike.top.similarity]


def _trust(trust: TrustScore) -> list[object]:
    tallies = [trust.of(status) for status in STATUSES]
    return [
        trust.values,
        percent(trust.coverage),
        percent(trust.precision),
        trust.mended,
        trust.damaged,
        f"{trust.within}/{trust.bounded}",
        *(f"{tally.right}/{tally.right + tally.wrong}" for tally in tallies),
    ]


def _head(name: str, reader: Reader, note: str) -> str:
    return (
        f"# Accuracy: {name}\n\n{note}\n\n"
        f"Profile {reader.profile.name}, engine {reader.profile.engine} "
        f"{reader.engine.digest[:8]}, code {CODE_VERSION}, {reader.device}; {machine()}. "
        f"What our own networks have learnt from is said on their cards in `pipeline/models`.\n"
    )


if __name__ == "__main__":
    main()
