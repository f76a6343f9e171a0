from __future__ import annotations

import json

import pytest
import structlog

from workers.logging import set_up


def test_logs_are_json_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        set_up("warning")
        log = structlog.get_logger().bind(job=7)
        log.info("not shown")
        log.warning("messages were lost", page="Bücher\n1")
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["event"], found["job"]) == ("warning", "messages were lost", 7)
    assert found["page"] == "Bücher\n1"
