"""What waits in the broker, for tests."""

from __future__ import annotations

import json

import celery

from storage.jobs import Kind


def tokens_in_broker(app: celery.Celery, kind: Kind) -> list[str]:
    """Return the tokens of the messages that wait in a queue, sorted."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        return sorted(
            json.loads(message)["headers"]["id"]
            for priority in channel.priority_steps
            for message in channel.client.lrange(channel._q_for_pri(kind, priority), 0, -1)
        )
