"""What stands on a drawn page: invented registers whose sums and means are true.

A layout says what is written where, in units of the text size; `draw` makes pixels of it. All
names are invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Align = Literal["left", "center", "right"]
Rule = Literal["none", "thin", "thick"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text outside the table; `scale` is its size relative to the table's text."""

    text: str
    align: Align = "center"
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `width` ems; `rule` is the line on its right side."""

    width: float
    align: Align = "center"
    rule: Rule = "none"
    hand: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A table row: one text a column, an empty string for an empty cell, `\\n` for a new line.

    `height` and the `gap` of white above it are in ems; `rule` is the line below it.
    """

    texts: tuple[str, ...]
    height: float = 1.25
    gap: float = 0.0
    rule: Rule = "none"
    hand: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """A page: rows of texts above the table (`head`), the table, rows of texts below (`foot`).

    `size` is the em in pixels. A cell is hand-written where both its row and column are.
    """

    size: int
    head: tuple[tuple[Text, ...], ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    header_rows: int
    foot: tuple[tuple[Text, ...], ...] = ()
    frame: bool = True
    margin: float = 3.0


NAMES = ("GLEN-ARVAN", "PORT-ELSAY", "KILBRENNAN", "ST. ODRAN", "INVERLOAN", "CAPE-HALVARD")
MONTHS = ("JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER",
          "OCTOBER", "NOVEMBER", "DECEMBER")  # fmt: skip
REMARKS = ("Fine.", "Overcast.", "Light rain", "Fog till noon", "Gale from S.W.", "Showers", "do.",
           "Thunder 4 p.m.", "Snow on hills", "Clear; calm", "Wind N.E., fresh", "")  # fmt: skip

PREAMBLE = """The barometer of each station was compared with the standard of the
Society by the inspector on his yearly round. Heights are in feet above
the sea; the correction, in inches, is added to every reading."""
NOTE = """No correction was made for gravity. The instrument of the last station
was broken on the road and has been replaced."""


def _prose(text: str) -> tuple[tuple[Text, ...], ...]:
    return tuple((Text(line, "left"),) for line in text.splitlines())


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def mean(values: list[int]) -> int:
    """Return the mean of `values`, halves rounded up, as the computers of the time did."""
    return (2 * sum(values) + len(values)) // (2 * len(values))


def pressures(days: int, rng: np.random.Generator) -> list[list[int]]:
    """Return `days` x 24 hourly pressures in thousandths of an inch, 28600 to 30900."""
    level, trend = float(rng.uniform(29400, 30200)), 0.0
    hours = []
    for _ in range(24 * days):
        trend = 0.9 * trend + float(rng.normal(0, 5))
        level += trend + 0.004 * (29800 - level)
        level = min(max(level, 28600.0), 30900.0)
        hours.append(round(level))
    return [hours[24 * day : 24 * (day + 1)] for day in range(days)]


def first_figure_omitted(value: int) -> str:
    """Return thousandths as printed in pressure tables: 29373 is `9·373`, 30124 is `0·124`."""
    return f"{value // 1000 % 10}·{value % 1000:03d}"


def pressure_table(
    rng: np.random.Generator, days: int = 31, hours_printed: bool = True, size: int = 26
) -> Layout:
    """Return a printed page of hourly pressures with daily and monthly means.

    With `hours_printed` the head row names the hours; else only the row of units stands there,
    as on the right-hand pages of such volumes.
    """
    table = pressures(days, rng)
    month, year = _pick(MONTHS, rng), int(rng.integers(1884, 1905))
    rows = []
    if hours_printed:
        hours = ("", *(str(hour) for hour in range(1, 24)), "Mid-\nnight.", "Mean.")
        rows.append(Row(hours, height=2.6, rule="thin"))
    rows.append(Row(("", *["Ins."] * 25), height=1.2, gap=0.3))
    for day, values in enumerate(table, 1):
        texts = [first_figure_omitted(value) for value in [*values, mean(values)]]
        rows.append(Row((str(day), *texts), gap=0.65 if day > 1 and day % 5 == 1 else 0.0))
    monthly = [mean(list(column)) for column in zip(*table, strict=True)]
    monthly.append(mean([value for values in table for value in values]))
    texts = [first_figure_omitted(value) for value in monthly]
    rows.append(Row(("MEAN.", *texts), gap=0.7, height=1.7))
    thin: list[Rule] = ["thin"] * 11
    rules: list[Rule] = ["thin", *thin, "thick", *thin, "thick", "none"]
    widths = [3.6, *[3.15] * 24, 3.5]
    return Layout(
        size=size,
        head=(
            (Text(f"{_pick(NAMES, rng)} OBSERVATORY.", scale=1.5),),
            (
                Text("BAROMETER.", "left", 1.2),
                Text("Reduced to 32° and Sea Level.  First figure omitted."),
                Text(f"{month} {year}.", "right", 1.2),
            ),
        ),
        columns=tuple(Column(w, rule=r) for w, r in zip(widths, rules, strict=True)),
        rows=tuple(rows),
        header_rows=2 if hours_printed else 1,
    )


def daily_ledger(rng: np.random.Generator, days: int = 31, size: int = 30) -> Layout:
    """Return a partly ruled, hand-written ledger: day, maximum, minimum, mean, rain, remarks.

    The mean is half the sum of maximum and minimum; the last row holds the monthly means and
    the sum of the rain. Dry days and days without remark are empty cells.
    """
    centre = float(rng.uniform(40, 75))
    highs = [round(10 * (centre + 7 + float(rng.normal(0, 4)))) for _ in range(days)]
    lows = [high - round(10 * float(rng.uniform(6, 19))) for high in highs]
    rains = [round(float(rng.gamma(0.8, 18))) if rng.random() < 0.5 else 0 for _ in range(days)]

    def tenths(value: int) -> str:
        return f"{value / 10:.1f}"

    rows = [Row(("Day", "Max.", "Min.", "Mean", "Rain", "Remarks"), 1.9, rule="thin", hand=False)]
    for day, (high, low, rain) in enumerate(zip(highs, lows, rains, strict=True), 1):
        middle = tenths(mean([high, low]))
        amount = f"{rain / 100:.2f}" if rain else ""
        texts = (str(day), tenths(high), tenths(low), middle, amount, _pick(REMARKS, rng))
        ruled = day == days or (day % 5 == 0 and day < days - 2)
        rows.append(Row(texts, 1.35, rule="thin" if ruled else "none"))
    middles = [mean([high, low]) for high, low in zip(highs, lows, strict=True)]
    means = [tenths(mean(values)) for values in (highs, lows, middles)]
    rows.append(Row(("Mean", *means, f"{sum(rains) / 100:.2f}", "Total rain"), 1.7))
    return Layout(
        size=size,
        head=(
            (Text(f"{_pick(NAMES, rng)}. - Register of the Weather.", scale=1.3),),
            (
                Text("Thermometers in shade, Fahr.", "left"),
                Text(f"{_pick(MONTHS, rng)} {int(rng.integers(1884, 1905))}", "right"),
            ),
        ),
        columns=(
            Column(3.4, rule="thick"),
            Column(4.6, hand=True),
            Column(4.6, rule="thin", hand=True),
            Column(4.6, rule="thin", hand=True),
            Column(4.6, rule="thick", hand=True),
            Column(13.0, "left", hand=True),
        ),
        rows=tuple(rows),
        header_rows=1,
        frame=False,
    )


def open_table(rng: np.random.Generator, stations: int = 12, size: int = 30) -> Layout:
    """Return a printed table without a single rule, with prose above and below it."""
    heads = ("Station.", "Height.", "Corr.", "January.", "April.", "July.", "October.")
    rows = [Row(heads, 1.8, gap=0.9)]
    first = ("Ard", "Bal", "Car", "Dun", "Glen", "Inver", "Kil", "Loch", "Pen", "Ros", "Strath")
    last = ("moray", "vannich", "skail", "loan", "garth", "nish", "bracken", "dour", "wick")
    names: list[str] = []
    while len(names) < stations:
        name = _pick(first, rng) + _pick(last, rng)
        if name not in names:
            names.append(name)
    for name in sorted(names):
        height = int(rng.integers(12, 1400))
        values = [f"{float(rng.normal(29.85, 0.12)):.3f}" for _ in range(4)]
        correction = f"{height * 0.00108:+.3f}"
        rows.append(Row((name, str(height), correction, *values), 1.4))
    return Layout(
        size=size,
        head=((Text("COMPARISON OF THE BAROMETERS.", scale=1.4),), *_prose(PREAMBLE)),
        columns=(
            Column(8.5, "left"),
            Column(4.5, "right"),
            Column(5.0, "right"),
            *[Column(5.2, "right")] * 4,
        ),
        rows=tuple(rows),
        header_rows=1,
        foot=_prose(NOTE),
        frame=False,
    )
