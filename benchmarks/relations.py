"""How well relations are found, and how often where there are none.

    python benchmarks/relations.py [--tables 200] [--ledgers 20] [--data DIR]

False discoveries are counted on generated ledgers (`tests/pipeline/checks/ledgers.py`) and real
tables whose numbers were shuffled within columns, within rows and over the table, and on columns
that have nothing in common but the weather. Recall is that of the rules of generated ledgers, read
with some cells wrong. Of real tables the rules are listed: their truth has its sums and means, but
no list of them. Writes `benchmarks/results/relations.md`.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.checks.discover import find_carries, find_rules
from pipeline.checks.relation import Instance, Rule
from pipeline.checks.sheet import Candidate, Column, Entry, Position, Sheet
from tests.pipeline.checks.ledgers import FORMS, Ledger, continued, generate, readings, shuffled

WRONG = (0.0, 0.02, 0.05, 0.1, 0.15)
WAYS = ("column", "row", "table")
SURE = math.log(0.95)


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", type=int, default=200, help="shuffled tables of each way")
    parser.add_argument("--ledgers", type=int, default=20, help="ledgers of each form and rate")
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--out", type=Path, default=RESULTS / "relations.md")
    options = parser.parse_args()
    real = {**pressure_sheets(options.data), **temperature_sheets(options.data)}
    text = "\n".join(
        [
            "# Relations found\n",
            f"{machine()}; one core. A rule is found if more than 80 % of its equations are. "
            "False are rules of which the paper satisfies less than nine in ten equations. "
            "Seconds are of the processor. Made by `python benchmarks/relations.py`.\n",
            "## Tables without relations\n",
            false_discoveries(options.tables, list(real.values())),
            "## Generated ledgers, by the share of cells misread\n",
            *recall(options.ledgers),
            "## From page to page\n",
            carries(options.ledgers),
            *([] if not real else ["## Real tables\n", *listed(real)]),
        ]
    )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text, "utf-8")
    print(text)


# --- without relations ---


def false_discoveries(count: int, real: Sequence[Sheet]) -> str:
    """Return on how many of `count` tables of each kind any relation is found."""
    rows = []
    for way in WAYS:
        rng = np.random.default_rng(1)
        sheets = (shuffled(readings(generate(rng), rng), rng, way) for _ in range(count))
        rows.append([f"generated ledgers, shuffled within each {way}", *discoveries(sheets)])
    rng = np.random.default_rng(2)
    sheets = (readings(generate(rng, "unrelated"), rng) for _ in range(count))
    rows.append(["columns that share the weather only", *discoveries(sheets)])
    for way in WAYS if real else ():
        rng = np.random.default_rng(3)
        sheets = (shuffled(sheet, rng, way) for sheet in real)
        rows.append([f"real tables, shuffled within each {way}", *discoveries(sheets)])
    return markdown(["tables", "count", "with any relation", "share"], rows)


def discoveries(sheets: Iterator[Sheet]) -> list[object]:
    found = [bool(find_rules(sheet)) for sheet in sheets]
    return [len(found), sum(found), percent(sum(found) / len(found))]


# --- generated ledgers ---

Terms = frozenset[tuple[Position, int]]


@dataclass
class Tally:
    """What was found of the rules and equations of some ledgers."""

    rules: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    equations: int = 0
    equations_found: int = 0
    stated: int = 0
    untrue: int = 0
    false_rules: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, ledger: Ledger, rules: Sequence[Rule], seconds: float) -> None:
        """Count what `rules` say of a ledger."""
        self.seconds.append(seconds)
        stated = {terms(each) for rule in rules for each in rule.instances}
        for rule in ledger.rules:
            name = f"{rule.kind}, {'down columns' if rule.axis == 'column' else 'along rows'}"
            hits = sum(terms(each) in stated for each in rule.instances)
            self.rules[name] += 1
            self.found[name] += hits > 0.8 * len(rule.instances)
            self.equations += len(rule.instances)
            self.equations_found += hits
        for rule in rules:
            untrue = sum(not satisfied(ledger, each) for each in rule.instances)
            self.stated += len(rule.instances)
            self.untrue += untrue
            self.false_rules += untrue > 0.1 * len(rule.instances)


def terms(instance: Instance) -> Terms:
    """Return an equation, whichever of its terms is meant to follow from the others."""
    sign = 1 if dict(instance.terms)[min(place for place, _ in instance.terms)] > 0 else -1
    return frozenset((place, sign * weight) for place, weight in instance.terms)


def satisfied(ledger: Ledger, instance: Instance) -> bool:
    """Tell whether what stands on the paper satisfies an equation; blank is nought."""
    total = sum(ledger.values.get(place, 0) * weight for place, weight in instance.terms)
    return instance.low <= total <= instance.high


def recall(count: int) -> list[str]:
    """Return what is found of generated ledgers, by rate of misreading and by kind of rule."""
    tallies = {wrong: Tally() for wrong in WRONG}
    for wrong, tally in tallies.items():
        for form in FORMS:
            for seed in range(count):
                rng = np.random.default_rng([seed, sum(map(ord, form))])
                ledger = generate(rng, form)
                sheet = readings(ledger, rng, wrong)
                started = time.process_time()
                rules = find_rules(sheet)
                tally.add(ledger, rules, time.process_time() - started)
    rows = [
        [
            f"{wrong:.0%}",
            f"{tally.found.total()} of {tally.rules.total()}",
            percent(tally.found.total() / tally.rules.total()),
            percent(tally.equations_found / tally.equations),
            tally.false_rules,
            percent(tally.untrue / tally.stated),
            f"{np.mean(tally.seconds):.3f}",
            f"{max(tally.seconds):.3f}",
        ]
        for wrong, tally in tallies.items()
    ]
    heads = [
        "misread",
        "rules found",
        "share",
        "equations found",
        "false rules",
        "untrue equations",
    ]
    by_kind = [
        [name, *(f"{tally.found[name]} of {tally.rules[name]}" for tally in tallies.values())]
        for name in sorted(tallies[WRONG[0]].rules)
    ]
    return [
        markdown([*heads, "seconds, mean", "seconds, most"], rows),
        markdown(["rules found", *(f"{wrong:.0%}" for wrong in WRONG)], by_kind),
    ]


def carries(count: int) -> str:
    """Return how often what is brought forward over 2 to 6 pages is found, and where it is not."""
    rows = []
    for pages in range(2, 7):
        found, false = 0, 0
        for seed in range(count):
            rng = np.random.default_rng([pages, seed])
            sheets = [readings(page, rng) for page in continued(rng, pages)]
            found += bool(find_carries(sheets))
            false += bool(find_carries([shuffled(sheet, rng) for sheet in sheets]))
        rows.append([pages, count, percent(found / count), percent(false / count)])
    return markdown(["pages", "accounts of 2 to 5 columns", "found", "found when shuffled"], rows)


# --- real tables ---


def pressure_sheets(data: Path) -> dict[str, Sheet]:
    """Return the true values of the set `weather-rescue`, the omitted first figures restored."""
    sheets = {}
    for path in sorted((data / "weather-rescue" / "truth").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file, quotechar="'")]
        entries = {}
        for row, cells in enumerate(rows[1:], start=1):
            for column, text in enumerate(cells):
                entries[row, column] = pressure(text) if column else label(text)
        columns = (Column("day"), *(Column("number", decimals=3),) * (len(rows[0]) - 1))
        kept = {place: entry for place, entry in entries.items() if entry}
        sheets[f"weather-rescue {path.stem}, truth"] = Sheet(len(rows), columns, 1, kept, 3)
    return sheets


def pressure(text: str) -> Entry | None:
    if not re.fullmatch(r"\d\.\d{3}", text):
        return None
    value = int(text.replace(".", "")) + (30000 if text < "5" else 20000)
    return Entry((Candidate(text, value, SURE),), 3)


def label(text: str) -> Entry | None:
    if not text:
        return None
    return Entry((Candidate(text, 1000 * int(text) if text.isdigit() else None, SURE),))


def temperature_sheets(data: Path) -> dict[str, Sheet]:
    """Return the set `drc-temperature-cells` as MeteoSaver reads it, one in ten cells wrong."""
    path = data / "drc-temperature-cells" / "cells.csv"
    if not path.exists():
        return {}
    cells: dict[str, dict[Position, Entry]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            digits = re.sub(r"\D", "", row["meteosaver"])
            if digits:
                place = int(row["cell"][1:]) - 1, ord(row["cell"][0]) - ord("A")
                cells[row["sheet"]][place] = Entry((Candidate(digits, int(digits), SURE),))
    return {
        f"drc {name}, MeteoSaver": Sheet(46, (Column("number"),) * 26, 0, entries)
        for name, entries in cells.items()
    }


def listed(real: dict[str, Sheet]) -> list[str]:
    """Return what is found on real tables."""
    rows: list[list[object]] = []
    for name, sheet in real.items():
        started = time.process_time()
        rules = find_rules(sheet)
        seconds = time.process_time() - started
        said = "; ".join(
            f"{rule.kind} {rule.formula} ({rule.held} of {rule.tested})"
            for rule in sorted(rules, key=lambda rule: (rule.axis, rule.kind))
        )
        rows.append([name, f"{seconds:.3f}", said])
    return [markdown(["table", "seconds", "rules (equations that hold as read)"], rows)]


if __name__ == "__main__":
    main()
