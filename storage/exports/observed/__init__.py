"""Observations as files: CSV, Parquet, and the files of the Station Exchange Format.

One pass over the observations, series by series, writes every format that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.observations.station import Station
from storage.exports.observed import csv, parquet, sef
from storage.exports.observed.series import split
from storage.observations import Observation

FORMATS = ("csv", "parquet", "sef")


@dataclass
class Written:
    """What was written: files, how many observations, what a format could not take, and why.

    `kept_back` is what pages did not tell.
    """

    files: list[Path] = field(default_factory=list)
    observations: int = 0
    left_out: list[str] = field(default_factory=list)
    kept_back: list[str] = field(default_factory=list)


def export(
    observations: Iterable[Observation],
    out: Path,
    formats: Sequence[str],
    stations: Mapping[str, Station],
) -> Written:
    """Write observations, given series by series, to the folder `out` in some of `FORMATS`.

    `stations` are those of the collections, by their names. A format of which there is nothing to
    write has no file. Raises `Unavailable` where a file cannot be written.
    """
    written = Written()
    sheets = sef.Writer(out, stations) if "sef" in formats else None
    with ExitStack() as stack:
        tables: list[csv.Writer | parquet.Writer] = []
        if "csv" in formats:
            tables.append(stack.enter_context(csv.Writer(out)))
        if "parquet" in formats:
            tables.append(stack.enter_context(parquet.Writer(out)))
        for series in split(observations):
            written.observations += len(series.observations)
            for table in tables:
                table.write(series.observations)
            if sheets is not None:
                sheets.write(series)
    written.files += [table.path for table in tables if table.written]
    if sheets is not None:
        written.files += sheets.files
        written.left_out += sheets.left_out
    return written
