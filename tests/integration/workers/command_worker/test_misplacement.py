"""The command worker as it is started knows where its topic's records belong."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import structlog
from kafka import KafkaProducer

from tests.support.pipeline import Pipeline, command, order, wait_for
from tests.support.worker_threads import running
from workers.registry import worker_named


def test_a_command_in_another_partition_is_handled_and_told(pipeline: Pipeline) -> None:
    """What a producer with another partitioner sends is decided like any other, and the log says what is wrong."""
    record = command("RegisterOrder", order(), key=b"O-1")
    elsewhere = (pipeline.placement.of(record.key) + 1) % pipeline.settings.partitions
    shop: Any = KafkaProducer(bootstrap_servers=pipeline.bootstrap)
    with closing(shop):
        sent = shop.send(pipeline.topics.commands, record.value, record.key, list(record.headers), elsewhere)
        sent.get(timeout=30)

    with structlog.testing.capture_logs() as lines, running(pipeline.settings, worker_named("commands").run):
        told = wait_for(lambda: [line for line in lines if line["event"] == "commands_misplaced"], "a line about it")

    assert [(line["why"], line["commands"]) for line in told] == [("other_partition", 1)]
    assert [event.stream for event in pipeline.log.read(0, 10)] == ["order/O-1"]
