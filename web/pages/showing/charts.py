"""Charts as numbers for SVG: where bars, points and ticks stand in a fixed frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 960, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 26


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at an axis: where, and what is written there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `said` is what it stands for, in words."""

    x: float
    y: float
    width: float
    height: float
    said: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar chart in a frame of `width` x `height`."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    floor: float
    left: float


@dataclass(frozen=True, slots=True)
class Frame:
    """Where times and values stand in a chart of `WIDTH` x `HEIGHT`."""

    first: datetime
    last: datetime
    low: float
    high: float

    def x(self, time: datetime) -> float:
        span = (self.last - self.first).total_seconds() or 1.0
        share = (time - self.first).total_seconds() / span
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        span = (self.high - self.low) or 1.0
        share = (value - self.low) / span
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)

    @property
    def x_ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.x(time), text) for time, text in _times(self.first, self.last))

    @property
    def y_ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.y(value), f"{value:g}") for value in nice(self.low, self.high))

    @property
    def left(self) -> int:
        return _LEFT

    @property
    def right(self) -> int:
        return WIDTH - _RIGHT

    @property
    def floor(self) -> int:
        return HEIGHT - _BOTTOM


def frame(times: Sequence[datetime], values: Sequence[float]) -> Frame:
    """Return a frame that holds all times and values, some air around these."""
    low, high = min(values), max(values)
    air = (high - low) * 0.05 or max(1.0, abs(high) * 0.05)
    return Frame(min(times), max(times), low - air, high + air)


def bars(counts: Sequence[int], names: Sequence[str], said: Sequence[str]) -> Bars:
    """Return a bar for each count; `names` stand below, where there is room, `said` describe."""
    width, height = 560, 200
    floor, room = height - _BOTTOM, width - _LEFT - _RIGHT
    most = max([1, *counts])
    step = room / max(1, len(counts))
    wide = min(step * 0.8, 48.0)
    scale = (floor - _TOP) / most
    drawn = tuple(
        Bar(
            round(_LEFT + (i + 0.5) * step - wide / 2, 1),
            round(floor - count * scale, 1),
            round(wide, 1),
            round(count * scale, 1),
            text,
        )
        for i, (count, text) in enumerate(zip(counts, said, strict=True))
    )
    every = max(1, math.ceil(len(names) / 8))
    x_ticks = tuple(
        Tick(round(_LEFT + (i + 0.5) * step, 1), name)
        for i, name in enumerate(names)
        if i % every == 0
    )
    y_ticks = tuple(
        Tick(round(floor - value * scale, 1), f"{value:g}")
        for value in nice(0, most, 4)
        if value == int(value)
    )
    return Bars(width, height, drawn, x_ticks, y_ticks, floor, _LEFT)


def nice(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _times(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    """Return round times of a span, each as it is written at the axis."""
    span = last - first
    if span > timedelta(days=1100):
        years = nice(first.year, last.year + 1, 7)
        return [
            (datetime(int(year), 1, 1), f"{int(year)}")  # noqa: DTZ001 (as local as the axis)
            for year in years
            if year == int(year) and first <= datetime(int(year), 1, 1) <= last  # noqa: DTZ001
        ]
    if span > timedelta(days=75):
        months = []
        time = datetime(first.year, first.month, 1)  # noqa: DTZ001
        while time <= last:
            if time >= first:
                months.append((time, f"{time:%b %Y}"))
            time = (time + timedelta(days=32)).replace(day=1)
        return months[:: max(1, len(months) // 7)]
    if span > timedelta(days=2):
        days = [
            first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=day)
            for day in range(span.days + 2)
        ]
        inside = [(day, f"{day.day} {day:%b}") for day in days if first <= day <= last]
        return inside[:: max(1, len(inside) // 8)]
    steps = [first + span * share / 4 for share in range(5)]
    return [(time, f"{time:%H:%M}") for time in steps]
