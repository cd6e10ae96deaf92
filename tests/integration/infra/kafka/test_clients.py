"""Members of a group get their partitions, however the client's own timing falls."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from kafka.net.selector import NetworkSelector

from infra.kafka.clients import make_consumer
from tests.support.pipeline import Pipeline, wait_for
from workers.runtime.loop import POLL_MS

JOINS = 8
IDLE_CALLS_MAX = 9


def test_a_join_is_never_lost(pipeline: Pipeline) -> None:
    """A consumer that polls briefly while it joins gets its partitions; the bare client loses every other join."""
    topics = []
    for _ in range(JOINS):
        topics.append(f"{pipeline.settings.topic_prefix}{uuid4().hex}")
        pipeline.create_topic(topics[-1])
        consumer = make_consumer(pipeline.bootstrap, topics[-1], instance=None, batch_records_max=10)
        consumer.subscribe([topics[-1]])

        def joined(consumer: object = consumer) -> bool:
            consumer.poll(timeout_ms=1)  # type: ignore[attr-defined]
            return bool(consumer.assignment())  # type: ignore[attr-defined]

        wait_for(joined, "the group's partitions", look_every_s=0)
        consumer.close()


def test_a_member_that_has_nothing_to_read_rests(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """It calls into the client's other thread a few times a second: each call wakes two threads, and costs as much."""
    topic = f"{pipeline.settings.topic_prefix}{uuid4().hex}"
    pipeline.create_topic(topic)
    consumer = make_consumer(pipeline.bootstrap, topic, instance=None, batch_records_max=10)
    consumer.subscribe([topic])
    wait_for(lambda: not consumer.poll(timeout_ms=100) and consumer.assignment(), "the group's partitions")
    run, calls = NetworkSelector.run, list[object]()

    def counted(selector: NetworkSelector, call: Any, *args: Any) -> Any:
        if selector is consumer._net:  # others of this process have members of their own
            calls.append(call)
        return run(selector, call, *args)

    monkeypatch.setattr(NetworkSelector, "run", counted)
    of_each = []
    for _ in range(4):
        calls.clear()
        consumer.poll(timeout_ms=POLL_MS)
        of_each.append(len(calls))
    consumer.close()

    assert 0 < min(of_each) <= IDLE_CALLS_MAX, of_each
