"""The Station Exchange Format 1.0.0 of the Copernicus data rescue service: a variable a file.

`SOURCE_STATION_START-END_VARIABLE.tsv`: twelve header rows, then a row for each observation, in
UTC and in the format's units; what was written, its hour, its flags and its place stand in `Meta`.
A value of a whole day has no hour (`NA`). See https://datarescue.climate.copernicus.eu.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.observations.axes import MADE_BY
from pipeline.observations.conversion import (
    Conversion,
    bearing,
    conversion,
    places_of,
    symbol,
    west_of,
)
from pipeline.observations.station import SOLAR, Station
from pipeline.version import CODE_VERSION
from storage.exports.files import Names
from storage.exports.files import write as write_file
from storage.exports.observed.csv import clock
from storage.exports.observed.series import Series
from storage.observations import Observation

VERSION = "1.0.0"
_COLUMNS = ("Year", "Month", "Day", "Hour", "Minute", "Period", "Value", "Meta")
_CORRECTIONS = {"PTC": "?", "PGC": "?"}
"""Whether pressure was reduced to 0 °C and to standard gravity: not known unless somebody says."""


class Writer:
    """Writes series to a folder as files; `left_out` says which could not be, and why."""

    def __init__(self, out: Path, stations: Mapping[str, Station]) -> None:
        self.files: list[Path] = []
        self.left_out: list[str] = []
        self._out = out
        self._stations = stations
        self._names = Names()

    def write(self, series: Series) -> None:
        """Write a series, where its station and the units of its values are known."""
        station = self._stations.get(series.first.collection)
        if station is None:
            self._leave_out(series, "nobody said where and by which clock it was observed")
            return
        converted = {
            unit: conversion(series.first.variable, unit)
            for unit in {each.unit for each in series.observations}
        }
        kept = [o for o in series.observations if converted[o.unit] is not None]
        if len(kept) < len(series.observations):
            units = ", ".join(sorted(u or "none" for u, how in converted.items() if how is None))
            lost = len(series.observations) - len(kept)
            self._leave_out(series, f"{lost} values have no unit of that variable (unit: {units})")
        if kept:
            self._write(Series(kept), station, converted)

    def _write(
        self, series: Series, station: Station, converted: dict[str | None, Conversion | None]
    ) -> None:
        first = series.first
        how = next(each for each in converted.values() if each is not None)
        head = {
            "SEF": VERSION,
            "ID": station.id,
            "Name": station.name,
            "Lat": f"{station.latitude:g}",
            "Lon": f"{station.longitude:g}",
            "Alt": "" if station.altitude is None else f"{station.altitude:g}",
            "Source": station.source,
            "Link": station.link,
            "Vbl": first.variable,
            "Stat": first.statistic,
            "Units": how.unit,
        }
        west = west_of(each.as_written for each in series.observations)
        lines = [f"{name}\t{_clean(said) or 'NA'}" for name, said in head.items()]
        lines.append(f"Meta\t{_joined(_meta(station, first.variable))}")
        lines.append("\t".join(_COLUMNS))
        lines += [
            _row(each, converted[each.unit] or how, west, station.time == SOLAR)
            for each in series.observations
        ]
        path = self._out / f"{self._names.stem(_name(series, station))}.tsv"
        write_file(path, "".join(f"{line}\n" for line in lines).encode())
        self.files.append(path)

    def _leave_out(self, series: Series, reason: str) -> None:
        self.left_out.append(f"{series.first.collection}: {series.first.variable}: {reason}")


def _name(series: Series, station: Station) -> str:
    """Return the name of a series' file; how its values were made stands in it where unusual."""
    days = [f"{(_to_the_minute(each) or each.date):%Y%m%d}" for each in series.observations]
    first = series.first
    usual = MADE_BY.get(first.variable, "point")
    parts = [station.source, station.id, f"{min(days)}-{max(days)}", first.variable]
    if first.statistic != usual:
        parts.append(first.statistic)
    return "_".join(re.sub(r"[\s/\\]+", "", part) for part in parts if part)


def _meta(station: Station, variable: str) -> dict[str, str]:
    said = {name: value for name, value in station.meta.items() if isinstance(value, str)}
    own = station.meta.get(variable, {})
    corrections = _CORRECTIONS if variable in ("p", "mslp") else {}
    software = {"QC software": f"ledgermill {CODE_VERSION}"}
    return {**corrections, **said, **(own if isinstance(own, dict) else {}), **software}


def _row(observation: Observation, how: Conversion, west: str, solar: bool) -> str:
    utc = _to_the_minute(observation)
    when: Any = utc or observation.date
    hour = ("NA", "NA") if utc is None else (str(when.hour), str(when.minute))
    value = _value(observation, how, west)
    meta = _joined(_said_of(observation, solar))
    return "\t".join(
        (str(when.year), str(when.month), str(when.day), *hour, observation.period, value, meta)
    )


def _to_the_minute(observation: Observation) -> datetime.datetime | None:
    """Return when it was in UTC: local mean time has seconds, the format has none."""
    if observation.utc is None:
        return None
    return (observation.utc + datetime.timedelta(seconds=30)).replace(second=0)


def _value(observation: Observation, how: Conversion, west: str) -> str:
    value = observation.value
    if value is not None:
        return how(value, places_of(value, observation.as_written))
    degrees = bearing(observation.as_written, west) if observation.variable == "dd" else None
    return "NA" if degrees is None else f"{degrees:g}"


def _said_of(observation: Observation, solar: bool) -> dict[str, str]:
    """Return what stands beside a value: as it was written and when, flags, trust, its place."""
    said = {}
    if observation.status != "inferred":  # of which nothing could be read
        said["orig"] = observation.as_written + symbol(observation.unit)
    if observation.local_time is not None:
        said["orig.time"] = clock(observation.local_time) + ("LST" if solar else "")
    if observation.flags:
        said["qc"] = ";".join(observation.flags)
    if observation.status != "plain":
        said["status"] = observation.status
    place = (observation.table_number, observation.row_number, observation.column_number)
    said["page"] = observation.page
    said["cell"] = ".".join(map(str, place))
    return said


def _joined(said: dict[str, str]) -> str:
    return "|".join(f"{_clean(name)}={_clean(value)}" for name, value in said.items())


def _clean(text: str) -> str:
    """Return a text without what parts fields and entries: tabs, line breaks, bars."""
    return " ".join(text.replace("|", "/").split())
