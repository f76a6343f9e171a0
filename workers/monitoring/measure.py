"""Measuring where the work is done: a name, a label and a value at a time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")

Measure = Callable[[str, str, float], None]
"""Takes what was measured: the name of a metric, its label (empty for none) and the value."""

MOST_UNSENT = 10_000


def unmeasured(name: str, label: str, value: float) -> None:
    """Be the `Measure` of work that nobody watches."""


def timed(measure: Measure, stage: str, work: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return `work`, each call of which is measured as seconds of a stage, also one that raises."""

    def run(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        begun = time.perf_counter()
        try:
            return work(*args, **kwargs)
        finally:
            measure("stage", stage, time.perf_counter() - begun)

    return run


class Outbox:
    """Measurements on their way to the supervisor, as lines `#NAME LABEL VALUE`.

    Measuring never waits: what a supervisor that is held up does not take is forgotten, the oldest
    first.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MOST_UNSENT)

    def measure(self, name: str, label: str, value: float) -> None:
        self._lines.append(f"#{name} {label} {value!r}\n")

    def take(self) -> bytes:
        """Return what has come together since the last time."""
        taken = []
        while self._lines:
            taken.append(self._lines.popleft())
        return "".join(taken).encode()


def parse(line: str) -> tuple[str, str, float] | None:
    """Return what a line of an `Outbox`, without its `#`, says; None where it is cut short."""
    name, first, rest = line.partition(" ")
    label, second, value = rest.partition(" ")
    try:
        return (name, label, float(value)) if first and second else None
    except ValueError:
        return None
