from __future__ import annotations

import threading
import time

from workers.watch import Watch


def test_beats_while_the_work_moves() -> None:
    beats: list[float] = []
    stuck = threading.Event()
    with Watch(lambda: beats.append(0), 0.01, lambda: 0.2, lambda _: stuck.set()) as watch:
        for _ in range(10):
            time.sleep(0.05)
            watch.moved()
    assert len(beats) > 5
    assert not stuck.is_set()


def test_acts_once_when_the_work_no_longer_moves() -> None:
    acts: list[float] = []
    beats: list[float] = []
    with Watch(lambda: beats.append(0), 0.01, lambda: 0.1, lambda _: acts.append(0)):
        time.sleep(0.5)
    assert len(acts) == 1
    assert len(beats) < 25


def test_waiting_does_not_count() -> None:
    stuck = threading.Event()
    watched = Watch(lambda: None, 0.01, lambda: 0.1, lambda _: stuck.set())
    with watched as watch, watch.waiting():
        time.sleep(0.3)
    assert not stuck.is_set()


def test_says_what_is_too_much_even_while_it_waits() -> None:
    reasons: list[str | None] = []
    watched = Watch(lambda: None, 9, lambda: 0.1, reasons.append, lambda: "too much memory")
    with watched as watch, watch.waiting():
        time.sleep(0.2)
    assert reasons == ["too much memory"]
