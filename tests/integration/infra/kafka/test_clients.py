"""Members of a group get their partitions, however the client's own timing falls."""

from __future__ import annotations

from uuid import uuid4

from infra.kafka.clients import make_consumer
from tests.support.pipeline import Pipeline, wait_for

JOINS = 8


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
