"""Whether a worker gets on: judged by what it finishes, not by whether it answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from workers.monitoring.survey import Survey
from workers.reconciler import KINDS


class Hand(Protocol):
    """One process of a worker, as its supervisor knows it.

    `moved` is when, by the monotonic clock, it last finished a page, a source or a shard; for one
    that has finished none, when the worker began. A process that is started again goes on with
    the `moved` of the one before, so that dying over and over is no progress. `begun` is when it
    took the shard at hand; None where it has none.
    """

    @property
    def queues(self) -> Sequence[str]: ...
    @property
    def moved(self) -> float: ...
    @property
    def begun(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Health:
    healthy: bool
    reason: str


def judge(hands: Iterable[Hand], survey: Survey | None, now: float, limit: float) -> Health:
    """Say whether a worker gets on, and in one line why.

    It does not where one of its processes has finished nothing for `limit` seconds of work at hand,
    or nothing for as long although work that it could do has been left alone. Where Postgres
    does not answer there is nothing to be had from starting the worker anew: that is no fault of
    its own.
    """
    notes = []
    for hand in hands:
        who = " and ".join(hand.queues)
        if hand.begun is not None:
            still = now - max(hand.moved, hand.begun)
            if still > limit:
                return Health(False, f"{who}: nothing finished for {still:.0f} s of work at hand")
            continue
        still = now - hand.moved
        if still <= limit:
            continue
        work = None if survey is None else survey.work
        if work is None:
            notes.append("the database does not answer")
        elif any(work.overdue[kind] for kind in KINDS if kind in hand.queues):
            return Health(False, f"{who}: nothing finished for {still:.0f} s, while work waited")
    return Health(True, notes[0] if notes else "ok")
