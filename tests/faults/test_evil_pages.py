"""Pages that raise, crash their process or never end: set aside alone, their neighbours done."""

from __future__ import annotations

from typing import Any

import pytest

FAILS, CRASHES, HANGS, HANGS_WITH_THE_LOCK, EATS, IS_KILLED = range(401, 407)


@pytest.mark.timeout(300)
def test_every_evil_page_is_set_aside_alone(machine: Any) -> None:
    pages = machine.draw("evil", 9, [FAILS, CRASHES, HANGS, HANGS_WITH_THE_LOCK, EATS, IS_KILLED])
    status, result = machine.run(
        "ingest",
        str(pages),
        "-c",
        "evil",
        "--profile",
        str(machine.home / "drawn.toml"),
        "--wait",
        ledgermill_page_seconds=1,
        ledgermill_stale_seconds=6,
        ledgermill_max_attempts=2,
        ledgermill_max_read_memory=1 << 30,
        ledgermill_shard_pages=8,
    )
    assert status == 1
    assert result["pages"] == {"done": 9, "quarantined": 6}, machine.log()
    reasons = {each["what"].rpartition("-")[2]: each["reason"] for each in result["failed"]}
    # Its supervisor and the reconciler find out about that one at about the same time.
    assert reasons.pop("404").startswith("the worker died 2 times on it")
    # A page that eats memory meets one limit or the other first, as busy as the machine is.
    assert reasons.pop("405") in (
        "the worker died 2 times on it (a page took more than 1 GiB of memory)",
        "the worker died 2 times on it (a page took longer than 1 s)",
    )
    assert reasons == {
        "401": "ValueError: this page cannot be read",
        "402": "the worker died 2 times on it (SIGSEGV)",
        "403": "the worker died 2 times on it (a page took longer than 1 s)",
        "406": "the worker died 2 times on it (SIGKILL)",
    }
