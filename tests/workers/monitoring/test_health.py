from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from workers.monitoring.health import judge
from workers.monitoring.survey import Survey, Work


@dataclass(frozen=True)
class Hand:
    queues: tuple[str, ...] = ("digitize",)
    begun: float | None = None
    moved: float = 0.0


IDLE = Work({}, {}, 0, {"ingest": 0, "digitize": 0}, {"ingest": False, "digitize": False})
PAGES_WAIT = replace(IDLE, overdue={"ingest": False, "digitize": True})


@pytest.mark.parametrize(
    ("hand", "survey", "healthy"),
    [
        (Hand(moved=0), Survey(IDLE, {}), True),  # nothing to do
        (Hand(moved=0), Survey(PAGES_WAIT, {}), False),
        (Hand(moved=995), Survey(PAGES_WAIT, {}), True),  # others wait while it works
        (Hand(moved=0, begun=100), Survey(IDLE, {}), False),  # stuck on what it has
        (Hand(moved=995, begun=100), Survey(IDLE, {}), True),
        (Hand(("ingest", "export"), moved=0), Survey(PAGES_WAIT, {}), True),  # not its work
        (Hand(moved=0, begun=995), Survey(PAGES_WAIT, {}), True),  # long idle, at work just now
        (Hand(moved=0), Survey(None, None), True),  # the database's fault
        (Hand(moved=0, begun=100), Survey(None, None), False),
        (Hand(moved=0), None, True),
    ],
)
def test_only_work_that_does_not_move_is_unhealthy(
    hand: Hand, survey: Survey | None, healthy: bool
) -> None:
    assert judge([hand], survey, now=1000, limit=600).healthy == healthy


def test_one_stuck_process_is_enough_and_is_named() -> None:
    hands = [Hand(("ingest", "export"), moved=990), Hand(moved=100)]
    found = judge(hands, Survey(PAGES_WAIT, {}), now=1000, limit=600)
    assert not found.healthy
    assert found.reason.startswith("digitize: nothing finished for 900 s")
