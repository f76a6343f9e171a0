from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from pipeline.errors import LedgermillError
from workers.monitoring.health import Health
from workers.monitoring.metrics import Metrics
from workers.monitoring.server import serve

HEALTH = Health(True, "ok")


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def server(port: int) -> Iterator[ThreadingHTTPServer]:
    states = iter([Health(True, "ok"), Health(False, "digitize: stuck")])
    made = serve("127.0.0.1", port, Metrics(), lambda: next(states))
    yield made
    made.shutdown()
    made.server_close()


def get(port: int, path: str) -> tuple[int, str, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


@pytest.mark.usefixtures("server")
def test_metrics_and_health_are_answered_and_nothing_else(port: int) -> None:
    status, kind, body = get(port, "/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert b"ledgermill_pages_read_total 0.0" in body
    status, _, body = get(port, "/healthz")
    assert (status, json.loads(body)["status"]) == (200, "ok")
    status, _, body = get(port, "/healthz?verbose")
    assert (status, json.loads(body)) == (503, {"status": "stuck", "reason": "digitize: stuck"})
    assert get(port, "/")[0] == 404
    assert get(port, "/../../etc/passwd")[0] == 404


@pytest.mark.usefixtures("server")
def test_an_address_that_is_taken_is_one_line_with_the_remedy(port: int) -> None:
    with pytest.raises(LedgermillError, match=rf"127.0.0.1:{port}.*LEDGERMILL_METRICS_PORT"):
        serve("127.0.0.1", port, Metrics(), lambda: HEALTH)
