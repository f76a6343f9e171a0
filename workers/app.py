"""The Celery application: three queues of small JSON messages, and nothing kept in the broker.

A message is `{"job": 7, "shard": "9f…"}`; what it stands for is in Postgres (`storage.jobs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

import celery
import kombu.exceptions
import redis.exceptions
from kombu.entity import Exchange, Queue

from pipeline.errors import Unavailable
from storage.jobs import Kind

QUEUES = ("ingest", "digitize", "export")
PRIORITIES = 10
"""Messages have a priority of 0, the most urgent, to 9."""

# Long past the time of any shard: a message that comes twice does no harm, but no good either.
# Work that stopped moving is found in Postgres, long before.
_VISIBILITY_SECONDS = 24 * 3600


@cache
def celery_app(broker_url: str) -> celery.Celery:
    """Return the application that talks to this broker; nothing connects before it is used."""
    app = celery.Celery("ledgermill", broker=broker_url, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        task_ignore_result=True,
        result_backend=None,
        # Queues without an exchange: a flushed broker has no bindings to lose.
        task_queues=[_queue(name) for name in QUEUES],
        task_create_missing_queues=False,
        task_default_queue="ingest",
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_SECONDS,
            "priority_steps": list(range(PRIORITIES)),
            "socket_timeout": 30,
            "socket_connect_timeout": 10,
            # Whoever sends is told at once that nobody listens, and knows when to try again.
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.2,
        },
        enable_utc=True,
    )
    return app


def _queue(name: str) -> Queue:
    return Queue(name, Exchange(""), routing_key=name)  # type: ignore[no-untyped-call]


def task_name(kind: Kind) -> str:
    return f"ledgermill.{kind}"


def send(app: celery.Celery, kind: Kind, job_id: int, token: str, priority: int) -> None:
    """Send the message of a shard; only ever after the commit that made the shard.

    Raises `Unavailable` where the broker does not answer.
    """
    with _broker_errors():
        app.send_task(
            task_name(kind),
            kwargs={"job": job_id, "shard": token},
            queue=kind,
            task_id=token,
            priority=min(max(priority, 0), PRIORITIES - 1),
            retry=False,
        )


def count_waiting(app: celery.Celery, queues: Sequence[str]) -> int:
    """Return how many messages wait in queues. Raises `Unavailable` as `send` does."""
    with _broker_errors(), app.connection_for_write() as connection:
        channel = connection.default_channel
        return sum(int(channel._size(queue)) for queue in queues)


@contextmanager
def _broker_errors() -> Iterator[None]:
    try:
        yield
    except (kombu.exceptions.OperationalError, redis.exceptions.RedisError, OSError) as error:
        raise Unavailable(f"broker: {error}; see `ledgermill status`, it is tried again") from error
