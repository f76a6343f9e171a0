"""Fetching over HTTP, with limits on where from, how much, how long and how often.

A connection goes to an address that was checked a moment before, never to a name, so that a name
which stands for something else the second time gains nothing; every redirect is checked like the
first request. No proxy and no credentials are used.
"""

from __future__ import annotations

import math
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.util.connection import create_connection

from pipeline.errors import BadInput, LedgermillError, Unavailable
from pipeline.version import CODE_VERSION
from workers.settings import without_password
from workers.sources.remote.allow import Allowed
from workers.sources.remote.errors import Later, SizeRefused

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0
"""How long a server may say nothing."""

_REDIRECTS = 5
_CHUNK = 1024**2
_LONGEST_PAUSE = 3600.0
_BUSY_PAUSE = 5.0
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504, 509, 520, 521, 522, 523, 524})
_MOVED = frozenset({301, 302, 303, 307, 308})
_REFUSED_SIZES = frozenset({400, 403, 404, 413, 414, 422, 500, 501})
_WHY = {
    401: ("the server asks for a log-in", "download it yourself and name the files"),
    403: ("the server does not give it to us", "ask its owner, or download it yourself"),
    404: ("there is nothing at this address", "check the address"),
    410: ("it is gone for good", "look for another address"),
    451: ("the server must not give it to us", "ask its owner"),
}


class Pace(Protocol):
    """Keeps all workers together from asking a host too often."""

    def turn(self, host: str) -> None:
        """Wait until it is our turn; raises `Later` where that is too far off."""
        ...

    def hold(self, host: str, seconds: float) -> None:
        """Let nobody ask a host for so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Fetching:
    """What holds for every request: who may be asked, and the limits.

    `seconds` is for a whole answer; `moved` is called whenever some of it came. `own_store` is the
    address of our object store, whose server may be asked for buckets in any case.
    """

    allowed: Allowed
    pace: Pace
    max_bytes: int
    seconds: float
    moved: Callable[[], None] = lambda: None
    own_store: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. `address` is where it came from in the end; `mark` tells a later one that it has
    not changed. `data` is None where it has not since the mark that was sent."""

    address: str
    data: bytes | None
    mark: str | None


def fetch(
    fetching: Fetching,
    address: str,
    *,
    accept: str = "*/*",
    mark: str | None = None,
    most: int | None = None,
    sized: bool = False,
) -> Fetched:
    """Return what is at an address.

    Raises `BadInput` where it will never be had, `SizeRefused` where a `sized` image is not
    served in that size, `Later` where the server is busy, answers in pieces or not at all.
    """
    headers = {"User-Agent": f"ledgermill/{CODE_VERSION}", "Accept": accept}
    headers["Accept-Encoding"] = "identity"
    if mark:
        headers["If-None-Match" if mark[-1:] == '"' else "If-Modified-Since"] = mark
    deadline = time.monotonic() + fetching.seconds
    pools = _pools(fetching.allowed)
    where = address
    for _ in range(_REDIRECTS + 1):
        check_address(fetching.allowed, where)
        fetching.pace.turn(urlsplit(where).hostname or "")
        named = without_password(where)
        with (
            _troubles(named),
            pools.request(
                "GET", where, headers=headers, preload_content=False, redirect=False
            ) as answer,
        ):
            fetching.moved()
            moved_to = answer.headers.get("Location")
            if answer.status in _MOVED and moved_to:
                where = _redirected(where, moved_to)
                continue
            if answer.status == 304 and mark:
                return Fetched(where, None, mark)
            _check_status(fetching, where, answer.status, answer.headers, sized)
            data = body(answer, named, most or fetching.max_bytes, deadline, fetching)
            answer.release_conn()
            return Fetched(where, data, _mark(answer.headers))
    raise BadInput(named, f"it leads on more than {_REDIRECTS} times", "check the address")


def check_address(allowed: Allowed, address: str) -> None:
    """Raise `BadInput` where an address is none that may be asked."""
    named = without_password(address)
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\\]", address):
        raise BadInput(named, "it is no address of the web", "write https://host/path")
    if parts.username or parts.password:
        raise BadInput(
            f"{parts.scheme}://{host}", "its address holds a password", "take it out of the address"
        )
    allowed.check_host(host, named)


def _redirected(old: str, location: str) -> str:
    new = urljoin(old, location)
    if urlsplit(old).scheme == "https" and urlsplit(new).scheme != "https":
        raise BadInput(
            without_password(old), "it leads on to an address without TLS", "check the address"
        )
    return new


def _check_status(
    fetching: Fetching, where: str, status: int, headers: Mapping[str, str], sized: bool
) -> None:
    if status == 200:
        return
    named = without_password(where)
    pause = _pause(headers.get("Retry-After"))
    if sized and status in _REFUSED_SIZES and pause is None:
        raise SizeRefused(named, f"the server answers {status}", "ask for another size")
    if status in _BUSY:
        seconds = _BUSY_PAUSE if pause is None else pause
        if pause:
            fetching.pace.hold(urlsplit(where).hostname or "", pause)
        raise Later(f"{named}: the server is busy ({status}); it is tried again", seconds)
    reason, remedy = _WHY.get(
        status, (f"the server answers {status}", "check the address, or ask the server's owner")
    )
    raise BadInput(named, reason, remedy)


def _pause(said: str | None) -> float | None:
    """Return the seconds of a Retry-After, which is a number or a date (RFC 9110, 10.2.3)."""
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            date = parsedate_to_datetime(said)
        except ValueError:
            return None
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        seconds = (date - datetime.now(UTC)).total_seconds()
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_PAUSE)


def body(
    answer: urllib3.BaseHTTPResponse,
    where: str,
    most: int,
    deadline: float,
    fetching: Fetching,
) -> bytes:
    """Return the rest of an answer. Raises `BadInput` where it is too much, `Later` too late."""
    if int(answer.headers.get("Content-Length") or 0) > most:
        raise _too_large(where, most)
    data = bytearray()
    while chunk := answer.read1(_CHUNK, decode_content=False):
        data += chunk
        if len(data) > most:
            raise _too_large(where, most)
        if time.monotonic() > deadline:
            raise Later(
                f"{where}: it took longer than {fetching.seconds:g} seconds; it is tried again, "
                "with more time if you raise LEDGERMILL_FETCH_SECONDS"
            )
        fetching.moved()
    return bytes(data)


def _too_large(where: str, most: int) -> BadInput:
    return BadInput(
        where, f"it is larger than the limit of {most:,} bytes", "raise LEDGERMILL_MAX_BYTES"
    )


def _mark(headers: Mapping[str, str]) -> str | None:
    """Return the strong validator of an answer, or when it was changed last."""
    tag = headers.get("ETag")
    if tag and tag.startswith('"') and tag.endswith('"') and len(tag) <= 256:
        return tag
    return headers.get("Last-Modified")


class _troubles:  # noqa: N801 (used as a statement)
    """Turns what goes wrong on the way into `Later`: nobody knows whether it will pass."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, LedgermillError):
            if isinstance(error, Unavailable) and not isinstance(error, Later):
                raise Later(str(error)) from error
            return
        if isinstance(error, HTTPError | OSError | ValueError):
            reason = getattr(error, "reason", None) or (error.args[0] if error.args else error)
            text = re.sub(r"<[^>]*>:? ?|\w*Connection\w*\([^)]*\):? ?", "", str(reason))
            raise Later(
                f"{self._where}: the server does not answer as it should ({text}); "
                "it is tried again"
            ) from error


# --- connections --------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _pools(allowed: Allowed) -> urllib3.PoolManager:
    return pool_manager(allowed, ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where())


def pool_manager(allowed: Allowed | None, **options: Any) -> urllib3.PoolManager:
    """Return connections that lead to checked addresses alone; None: to any."""
    options.setdefault("timeout", urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENT_SECONDS))
    options.setdefault("retries", False)
    pools = urllib3.PoolManager(**options)
    if allowed is None:
        return pools
    checked = allowed

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, checked)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return _connected(self, checked)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pools


def _connected(connection: HTTPConnection, allowed: Allowed) -> socket.socket:
    trouble: OSError | None = None
    for address in allowed.addresses(connection._dns_host, connection.port):
        try:
            return create_connection(
                (address, connection.port),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except TimeoutError as error:
            raise ConnectTimeoutError(connection, f"no answer from {address}") from error
        except OSError as error:
            trouble = error
    raise NewConnectionError(connection, f"no connection: {trouble}") from trouble
