"""`/metrics` for Prometheus and `/healthz` for whoever starts a worker anew that hangs."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from prometheus_client import CONTENT_TYPE_LATEST

from pipeline.errors import LedgermillError
from workers.monitoring.health import Health
from workers.monitoring.metrics import Metrics

_CLIENT_SECONDS = 10.0


def serve(
    host: str, port: int, metrics: Metrics, health: Callable[[], Health]
) -> ThreadingHTTPServer:
    """Answer in threads of its own until `shutdown()` and `server_close()`.

    `/healthz` answers 200 or 503, and says why as JSON. Raises `LedgermillError` where the address
    cannot be had.
    """

    class Handler(_Handler):
        pages: ClassVar = {
            "/metrics": lambda: (200, CONTENT_TYPE_LATEST, metrics.exposition()),
            "/healthz": lambda: _said(health()),
        }

    try:
        server = _Server((host, port), Handler)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise LedgermillError(
            f"{host}:{port}: metrics cannot be served there ({why}); "
            "change LEDGERMILL_METRICS_HOST and LEDGERMILL_METRICS_PORT"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


Answer = tuple[int, str, bytes]


def _said(health: Health) -> Answer:
    said = {"status": "ok" if health.healthy else "stuck", "reason": health.reason}
    return (200 if health.healthy else 503), "application/json", json.dumps(said).encode() + b"\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer's own would first ask the name service for a name that nobody reads.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    timeout = _CLIENT_SECONDS
    server_version = "ledgermill"
    sys_version = ""
    pages: ClassVar[dict[str, Callable[[], Answer]]] = {}

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        if page is None:
            self.send_error(404)
            return
        status, kind, body = page()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep probes, of which there are many, out of the log."""
