"""How many values of hourly registers are observed at their day and hour, and in their unit.

    python benchmarks/observations.py RESULTS [--truth DIR]

`RESULTS` holds the page objects that `ledgermill digitize --out RESULTS` wrote, named by month
(`1898-01.json`); `DIR` their values as weatherrescue.org has them: a row a day, a column an hour.
Pages that carry no hours above their columns are also read with a station's file that says them.
Values are compared as published, in inches, whose leading figures the register leaves out.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
from collections.abc import Iterator
from pathlib import Path

from report import RESULTS, SHARED, machine, markdown, percent

from pipeline.observations.axes import find_parts
from pipeline.observations.dates import find_date
from pipeline.observations.station import ObservedColumn, Station
from pipeline.page import Transcription, from_json

INCHES = "[in_i'Hg]"
HOURS = Station(
    id="FW",
    latitude=56.82,
    longitude=-5.11,
    time="UTC",
    columns=(ObservedColumn(number=1, last=24, hour="01:00", every="01:00"),
             ObservedColumn(number=25, statistic="mean")),
)  # fmt: skip

Moment = tuple[datetime.date, int]
"""A day and the minutes after its midnight."""


def observed(
    page: Transcription, name: str, station: Station | None
) -> Iterator[tuple[Moment, float | None, str | None]]:
    """Yield the moment, value and unit of each point observation of a page."""
    notes = [line.text for line in page.lines]
    date = find_date(name, notes)
    for table in page.tables:
        for part in find_parts(table, date, notes, station):
            for cell in table.cells:
                if not part.first <= cell.column <= part.last or not cell.text:
                    continue
                what = part.measured[cell.column - part.first]
                day, time = part.rows[cell.row].date, part.columns[cell.column - part.first].minutes
                if what is not None and day is not None and time is not None:
                    yield (day, time), cell.value, what.unit


def wanted(file: Path) -> dict[Moment, float]:
    """Return the values of a month, in inches."""
    year, month = map(int, file.stem.split("-"))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [[text.strip() for text in row] for row in csv.reader(lines, quotechar="'")]
    found = {}
    for day, *values in rows[1:]:
        if not day.isdigit():
            continue
        for hour, value in enumerate(values[:24], 1):
            if value:
                size = float(value)
                whole = size + (30 if size < 5 else 20)
                found[datetime.date(year, month, int(day)), 60 * hour] = whole
    return found


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--truth", type=Path, default=SHARED / "weather-rescue" / "truth")
    arguments = parser.parse_args()
    lines = []
    for what, station in (("as the pages say", None), ("with the hours said", HOURS)):
        total = placed = right = units = extra = 0
        for file in sorted(arguments.results.glob("*.json")):
            truth = wanted(arguments.truth / f"{file.stem}.csv")
            page = from_json(json.loads(file.read_text("utf-8")))
            found = {at: (value, unit) for at, value, unit in observed(page, file.stem, station)}
            total += len(truth)
            extra += len(found.keys() - truth.keys())
            for at in found.keys() & truth.keys():
                value, unit = found[at]
                placed += 1
                units += unit == INCHES
                right += value is not None and abs(value - truth[at]) < 5e-4
        shares = [percent(each / total) if total else "" for each in (placed, units, right)]
        lines.append([what, total, *shares, extra])
    heads = ["", "values", "at their day and hour", "in inches", "right, too", "elsewhere"]
    text = f"# Observations\n\n{markdown(heads, lines)}\n{machine()}\n"
    (RESULTS / "observations.md").write_text(text, "utf-8")
    print(text)


if __name__ == "__main__":
    main()
