from __future__ import annotations

import json
from collections.abc import Iterator

import celery
import pytest

from pipeline.errors import Unavailable
from tests.workers.broker import tokens_in_broker
from workers.app import celery_app, count_waiting, send


@pytest.fixture
def app(broker_url: str) -> Iterator[celery.Celery]:
    made = celery_app(broker_url)
    with made.connection_for_write() as connection:
        connection.default_channel.client.flushall()
        yield made
        connection.default_channel.client.flushall()


def messages(app: celery.Celery, key: str) -> list[dict[str, object]]:
    with app.connection_for_write() as connection:
        client = connection.default_channel.client
        return [json.loads(message) for message in client.lrange(key, 0, -1)]


def test_a_message_is_small_json_that_says_only_which_shard(app: celery.Celery) -> None:
    send(app, "digitize", 7, "00ff", priority=0)
    (message,) = messages(app, "digitize")
    assert message["content-type"] == "application/json"
    assert len(json.dumps(message)) < 1500
    assert tokens_in_broker(app, "digitize") == ["00ff"]
    assert count_waiting(app, ["digitize"]) == 1
    assert count_waiting(app, ["ingest"]) == 0


def test_the_urgent_wait_apart_and_priorities_have_bounds(app: celery.Celery) -> None:
    for token, priority in (("a", -5), ("b", 3), ("c", 999)):
        send(app, "ingest", 7, token, priority)
    assert len(messages(app, "ingest")) == 1
    assert tokens_in_broker(app, "ingest") == ["a", "b", "c"]


def test_nothing_but_json_is_accepted_and_no_result_is_kept(app: celery.Celery) -> None:
    assert app.conf.accept_content == ["json"]
    assert app.conf.task_ignore_result
    assert app.conf.result_backend is None
    assert app.conf.task_acks_late


def test_a_flushed_broker_can_be_sent_to(app: celery.Celery) -> None:
    send(app, "digitize", 7, "a", 5)
    with app.connection_for_write() as connection:
        connection.default_channel.client.flushall()
    send(app, "digitize", 7, "b", 5)
    assert tokens_in_broker(app, "digitize") == ["b"]


def test_a_broker_that_is_not_there_is_unavailable() -> None:
    nowhere = celery_app("redis+socket:///tmp/no-such-broker.sock")
    with pytest.raises(Unavailable, match="broker"):
        send(nowhere, "digitize", 7, "a", 5)
    with pytest.raises(Unavailable, match="broker"):
        count_waiting(nowhere, ["digitize"])
