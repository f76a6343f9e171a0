"""A worker that somebody watches: its numbers, its health while it hangs, and how it stops."""

from __future__ import annotations

import json
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    """Return status and text; status 0 while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def sample(port: int, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(get(port, "/metrics")[1]):
        for each in family.samples:
            if each.name == name and labels.items() <= each.labels.items():
                return each.value
    return None


@pytest.fixture
def worker(machine: Any, port: int) -> Iterator[psutil.Process]:
    process = machine.start(
        "worker",
        ledgermill_metrics_port=port,
        ledgermill_health_seconds=4,
        ledgermill_stale_seconds=300,  # it is not to be killed for being silent
        ledgermill_readers=1,
        ledgermill_shard_pages=2,
    )
    yield psutil.Process(process.pid)
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.timeout(240)
def test_pages_are_counted_and_a_hanging_worker_is_unhealthy(
    machine: Any, port: int, worker: psutil.Process
) -> None:
    machine.wait_until(lambda: get(port, "/healthz")[0] == 200, "the worker answers")
    assert sample(port, "ledgermill_pages_read_total") == 0

    def ingest(folder: str, count: int) -> None:
        pages = str(machine.draw(folder, count))
        how = ("--profile", str(machine.home / "drawn.toml"), "--collection", folder)
        assert machine.run("ingest", pages, *how)[0] == 0

    ingest("watched", 4)
    machine.wait_until(
        lambda: sample(port, "ledgermill_pages_read_total") == 4, "four pages are counted"
    )
    assert sample(port, "ledgermill_sources_taken_in_total") == 4
    assert sample(port, "ledgermill_page_confidence_count") == 4
    assert sample(port, "ledgermill_database_up") == 1
    assert sample(port, "ledgermill_pages", state="quarantined") == 0
    for stage in ("ingest", "fetch", "decode", "prepare", "detect", "layout", "recognize", "save"):
        assert sample(port, "ledgermill_stage_seconds_count", stage=stage), stage

    (reader,) = [p for p in worker.children() if "digitize" in p.cmdline()]
    reader.suspend()
    try:
        assert get(port, "/healthz")[0] == 200, "nothing waits"
        ingest("more", 3)
        machine.wait_until(lambda: get(port, "/healthz")[0] == 503, "it is seen to hang")
        said = json.loads(get(port, "/healthz")[1])
        assert said["reason"].startswith("digitize: nothing finished for")
    finally:
        reader.resume()
    machine.wait_until(
        lambda: sample(port, "ledgermill_pages_read_total") == 7, "all pages are counted"
    )
    assert get(port, "/healthz")[0] == 200

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    assert get(port, "/healthz")[0] == 0
