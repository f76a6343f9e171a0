"""What joint reading makes of readings: on generated ledgers, handwritten sheets, printed pages.

    python benchmarks/joint.py [ledgers] [drc] [pressure] [--ledgers 120] [--data DIR]

- `ledgers`: generated tables (`tests/pipeline/checks/ledgers.py`) of which 5 % of the numbers are
  misread; their relations are found from these readings. Counted over all numbers, those of no
  relation included; and over those that some relation of the truth names.
- `drc`: sheets of cut-out handwritten cells, of which columns D to G have a truth; as
  `ledgermill recognize --grid` reads them. Digits are compared.
- `pressure`: printed pages, as `ledgermill digitize` reads them.

Seconds are those of the checks alone, from the table as it was read to the table checked. Writes
`benchmarks/results/joint.md`, or of fewer sets the parts that were measured.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.checks.check import check_table, read_together
from pipeline.checks.cutouts import CutOut, check_sheets
from pipeline.decode import ImageLimits, decode_image
from pipeline.digitize import digitize
from pipeline.engines import Engine, load_engine
from pipeline.evaluation.pages import reading_of, score_page
from pipeline.evaluation.trust import TrustScore, says_of, score_cell
from pipeline.evaluation.truth import PageTruth, read_truth
from pipeline.page import Reading
from pipeline.profiles import Profile, load_profile
from pipeline.recognize import recognize
from tests.pipeline.checks.ledgers import FORMS, generate, readings

WRONG = 0.05
BOUNDS = (0.5, 0.9, 0.99, 0.999, 0.9999, 1.0)


def main() -> None:
    """Measure the sets that the command line names, all if none."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", metavar="SET", help="of ledgers, drc, pressure")
    parser.add_argument("--ledgers", type=int, default=120, help="how many are generated")
    parser.add_argument("--data", type=Path, default=SHARED, help="folder of the real sets")
    parser.add_argument("--only", default="", help="real sheets and pages whose names begin so")
    options = parser.parse_args()
    sets = options.sets or ["ledgers", "drc", "pressure"]
    parts = [f"# Joint reading\n\n{machine()}, one thread.\n"]
    if "ledgers" in sets:
        parts.append(ledgers(options.ledgers))
    if "drc" in sets:
        parts.append(drc(options.data / "drc-temperature-cells", options.only))
    if "pressure" in sets:
        parts.append(pressure(options.data / "weather-rescue", options.only))
    report = "\n".join(parts)
    print(report)
    (RESULTS / "joint.md").write_text(report, "utf-8")


@dataclass
class Count:
    """What became of the numbers of ledgers."""

    cells: int = 0
    wrong: int = 0
    mended: int = 0
    damaged: int = 0
    changed: int = 0
    verified: int = 0
    verified_wrong: int = 0
    seconds: list[float] = field(default_factory=list)

    def row(self, name: str) -> list[object]:
        """Return the table's row."""
        return [
            name,
            self.cells,
            self.wrong,
            percent(self.mended / max(1, self.wrong)),
            self.damaged,
            percent(self.damaged / max(1, self.cells - self.wrong)),
            percent(self.verified / max(1, self.cells)),
            percent(1 - self.verified_wrong / max(1, self.verified)),
            f"{np.median(self.seconds):.2f}" if self.seconds else "",
            f"{max(self.seconds):.2f}" if self.seconds else "",
        ]


def ledgers(count: int) -> str:
    """Return the report on generated ledgers."""
    every: dict[str, Count] = defaultdict(Count)
    named: dict[str, Count] = defaultdict(Count)
    believed: Counter[tuple[int, bool]] = Counter()
    forms = list(FORMS)
    for number in range(count):
        form = forms[number % len(forms)]
        rng = np.random.default_rng(number)
        ledger = generate(rng, form)
        sheet = readings(ledger, rng, WRONG)
        start = time.process_time()
        _, verdicts = read_together(sheet)
        seconds = time.process_time() - start
        inside = {place for rule in ledger.rules for i in rule.instances for place, _ in i.terms}
        for each in (every[form], every["all"], named[form], named["all"]):
            each.seconds.append(seconds)
        for place, value in ledger.values.items():
            verdict = verdicts[place]
            read = sheet.entries[place].value
            counts = [every[form], every["all"]]
            if place in inside:
                counts += [named[form], named["all"]]
                at = int(np.searchsorted(BOUNDS, verdict.confidence, "right"))
                believed[at, verdict.value == value] += 1
            for each in counts:
                each.cells += 1
                each.wrong += read != value
                each.changed += verdict.value != read
                each.mended += read != value and verdict.value == value
                each.damaged += read == value and verdict.value != value
                each.verified += verdict.status == "verified"
                each.verified_wrong += verdict.status == "verified" and verdict.value != value
    heads = ["form", "numbers", "misread", "mended", "damaged", "of the right", "verified"]
    heads += ["right of these", "s (median)", "s (most)"]
    rows = [count.row(name) for name, count in every.items()]
    only = [count.row(name) for name, count in named.items()]
    bounds = (0.0, *BOUNDS)
    sure = []
    for at in range(len(BOUNDS)):
        right, wrong = believed[at, True], believed[at, False]
        if right + wrong:
            between = f"{bounds[at]:g} to {bounds[at + 1]:g}"
            sure.append([between, right + wrong, percent(right / (right + wrong))])
    return (
        f"## Generated ledgers, {percent(WRONG)} misread\n\n{count} ledgers; all numbers:\n\n"
        f"{markdown(heads, rows)}\nThose that a relation of the truth names:\n\n"
        f"{markdown(heads, only)}\nHow far confidence can be believed, of those:\n\n"
        f"{markdown(['confidence', 'numbers', 'right'], sure)}"
    )


HEADS = ["", "values", "as read", "after", "mended", "damaged", "verified", "right of these"]
HEADS += ["inferred", "s", "relations"]


def _row(
    name: str, trust: TrustScore, seconds: float | None, relations: str, read: int
) -> list[object]:
    right = sum(tally.right for tally in trust.tallies.values())
    return [
        name,
        trust.values,
        percent(read / max(1, trust.values)),
        percent(right / max(1, trust.values)),
        trust.mended,
        trust.damaged,
        percent(trust.coverage),
        percent(trust.precision),
        trust.of("inferred").values,
        "" if seconds is None else f"{seconds:.2f}",
        relations,
    ]


def _read_right(trust: TrustScore) -> int:
    """Return how many were right before the checks."""
    return sum(tally.right for tally in trust.tallies.values()) - trust.mended + trust.damaged


def drc(folder: Path, only: str) -> str:
    """Return the report on sheets of cut-out cells."""
    if not folder.is_dir():
        return f"{folder.name}: not there, left out.\n"
    profile = load_profile("default")
    engine = load_engine(profile, "cpu", 1)
    with (folder / "cells.csv").open(newline="") as file:
        listed = [row for row in csv.DictReader(file) if row["sheet"].startswith(only)]
    rows, total = [], TrustScore()
    for sheet in sorted({row["sheet"] for row in listed}):
        own = [row for row in listed if row["sheet"] == sheet]
        cutouts = [CutOut(str(folder / row["image"]), sheet, row["cell"]) for row in own]
        found = list(recognize(_images(cutouts), profile, engine, "numeric"))
        score, seconds = _sheet(cutouts, found, [row["truth"] for row in own], profile)
        rows.append(_row(sheet, score, seconds, "", _read_right(score)))
        total += score
    rows.append(_row("**total**", total, None, "", _read_right(total)))
    note = "Our own network has learnt from all of these sheets but 904_197208."
    return f"## Sheets of handwritten cells\n\n{note}\n\n{markdown(HEADS[:-1], _cut(rows))}"


def _cut(rows: list[list[object]]) -> list[list[object]]:
    return [row[:-1] for row in rows]


def _images(cutouts: list[CutOut]) -> Iterator[NDArray[np.uint8]]:
    for cutout in cutouts:
        pixels = cv2.imread(cutout.path, cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            sys.exit(f"joint: {cutout.path}: cannot be read; complete the folder")
        yield pixels.astype(np.uint8)


def _sheet(
    cutouts: list[CutOut], found: list[Reading], truths: list[str], profile: Profile
) -> tuple[TrustScore, float]:
    start = time.process_time()
    cells = check_sheets(cutouts, found, profile)
    seconds = time.process_time() - start
    score = TrustScore()
    for cell, truth in zip(cells, truths, strict=True):
        if truth:
            score += score_cell(truth, says_of(cell), "digits")
    return score, seconds


def pressure(folder: Path, only: str) -> str:
    """Return the report on printed pages."""
    if not folder.is_dir():
        return f"{folder.name}: not there, left out.\n"
    profile = load_profile("default")
    tables = profile.tables.model_copy(update={"check": False})
    unchecked = profile.model_copy(update={"tables": tables})
    engine = load_engine(profile, "cpu", 1)
    rows, total = [], TrustScore()
    truths = read_truth(folder / "truth")
    for name in sorted(page for page in truths if page.startswith(only)):
        score, seconds, relations = _page(folder, name, truths, unchecked, engine)
        rows.append(_row(name, score, seconds, relations, _read_right(score)))
        print(*rows[-1], file=sys.stderr)
        total += score
    rows.append(_row("**total**", total, None, "", _read_right(total)))
    note = (
        "The truth's means are computed from its hours: where the printer's differ from them, a "
        "right reading counts as wrong, and as verified where the means of the column prove it. "
        "Our own networks have learnt from the book of 1898."
    )
    return f"## Printed pressure pages\n\n{note}\n\n{markdown(HEADS, rows)}"


def _page(
    folder: Path, name: str, truths: Mapping[str, PageTruth], profile: Profile, engine: Engine
) -> tuple[TrustScore, float, str]:
    data = (folder / "images" / f"{name}.jpg").read_bytes()
    [page] = digitize([decode_image(data, ImageLimits())], profile, engine)
    start = time.process_time()
    notes = [line.text for line in page.lines]
    tables = tuple(check_table(table, notes=notes) for table in page.tables)
    seconds = time.process_time() - start
    said = "; ".join(
        f"{each['formula']}: {each['passed']} pass, {len(each['failed'])} fail"
        for table in tables
        for each in table.relations
    )
    score = score_page(truths[name], reading_of(replace(page, tables=tables)))
    return score.trust or TrustScore(), seconds, said


if __name__ == "__main__":
    main()
