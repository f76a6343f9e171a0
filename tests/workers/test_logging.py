from __future__ import annotations

import json
import logging

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


def test_libraries_log_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers.clear()
    try:
        set_up("warning")
        with structlog.contextvars.bound_contextvars(job=7, shard="00ff"):
            try:
                raise ValueError("odd")
            except ValueError:
                logging.getLogger("kombu").exception("lost\nthe broker %s", "b")
    finally:
        root.handlers[:] = before
        structlog.reset_defaults()
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["logger"], found["event"]) == ("kombu", "lost\nthe broker b")
    assert (found["level"], found["job"], found["shard"]) == ("error", 7, "00ff")
    assert "ValueError: odd" in found["exception"]


def test_no_password_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        set_up("warning")
        url = "postgresql+psycopg://mill:se-cret%2F1@host:5432/name"
        try:
            raise ValueError(f"{url} and redis://:se-cret@h:1/0")
        except ValueError:
            structlog.get_logger().exception("away", reason=f"cannot reach {url}", port=5432)
    finally:
        structlog.reset_defaults()
    shown = capsys.readouterr().err
    assert "se-cret" not in shown
    found = json.loads(shown)
    assert found["reason"] == "cannot reach postgresql+psycopg://mill:***@host:5432/name"
    assert "redis://:***@h:1/0" in found["exception"]
    assert found["port"] == 5432
