"""Which errors pass by themselves, and waiting until they do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import kombu.exceptions
import psycopg
import redis.exceptions
import sqlalchemy.exc
import structlog

from pipeline.errors import BadInput, LedgermillError, Unavailable

_T = TypeVar("_T")
_log = structlog.get_logger()

_SHORTEST, _LONGEST = 0.1, 5.0


def is_transient(error: BaseException) -> bool:
    """Tell whether an error is nobody's fault and may be gone at the next try."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated or isinstance(
            error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError
        )
    return isinstance(
        error,
        Unavailable
        | psycopg.OperationalError
        | psycopg.InterfaceError
        | sqlalchemy.exc.TimeoutError
        | kombu.exceptions.OperationalError
        | redis.exceptions.ConnectionError
        | redis.exceptions.TimeoutError,
    )


def is_blameless(error: BaseException) -> bool:
    """Tell whether an error says nothing against the input: what it needs may be there later."""
    return is_transient(error) or (
        isinstance(error, LedgermillError) and not isinstance(error, BadInput)
    )


def reason(error: BaseException) -> str:
    """Return one line that says what went wrong."""
    text = str(error) if isinstance(error, LedgermillError) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    return line if len(line) <= 500 else line[:499] + "…"


def patiently(action: Callable[[], _T], stopping: Callable[[], bool] = lambda: False) -> _T:
    """Do something again and again until no transient error stands in its way.

    The last error is raised once `stopping()`; other errors always are. The action must be safe
    to repeat.
    """
    pause = _SHORTEST
    while True:
        try:
            return action()
        except Exception as error:
            if not is_transient(error) or stopping():
                raise
            _log.warning("waiting", reason=reason(error), seconds=pause)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST)
