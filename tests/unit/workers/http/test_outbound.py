"""Commands on their way to Kafka: what is not acknowledged is not said to be taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from infra.kafka.partitioner import Partitioner
from infra.kafka.publisher import Publisher
from workers.http.errors import UnavailableError
from workers.http.incoming import Incoming
from workers.http.outbound import Outbound

COMMAND = Incoming({"id": "1", "source": "/s", "type": "t"}, {"order_id": "O-1"}, [], b"{}")


class Sent:
    """What Kafka's client returns for a record: calls back once the broker has answered, which it may never do."""

    def __init__(self, answer: str, offset: int) -> None:
        self._answer, self._offset = answer, offset

    def add_callback(self, told: Callable[[Any], None]) -> None:
        if self._answer == "taken":
            told(SimpleNamespace(partition=2, offset=self._offset))

    def add_errback(self, told: Callable[[Exception], None]) -> None:
        if self._answer == "refused":
            told(KafkaTimeoutError("gone"))


class Broker:
    """Stands in the place of Kafka's client."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    def partitions_for(self, _topic: str) -> set[int]:
        return {0, 1, 2}

    def send(self, *_record: object) -> Sent:
        answer = self._answers.pop(0)
        if answer == "unreachable":
            raise KafkaTimeoutError("no metadata")
        return Sent(answer, len(self._answers) - 1)

    def close(self, timeout: float) -> None:
        """Nothing is open."""


def publish(*answers: str) -> list[str | None]:
    with closing(Outbound(Publisher(Broker(*answers), Partitioner.MURMUR2), "t", send_max_s=0.2)) as outbound:
        return asyncio.run(outbound.publish([COMMAND] * len(answers)))


def test_what_kafka_has_is_published_and_where() -> None:
    """A broker that had a record before may not say where: its offset is -1 then."""
    assert publish("taken", "taken") == ["2:0", None]


@pytest.mark.parametrize("answers", [["refused"], ["silent"], ["unreachable"], ["taken", "silent"]], ids="+".join)
def test_what_is_not_acknowledged_is_to_be_sent_again(answers: list[str]) -> None:
    """Within its time, whatever Kafka does; of a batch, each has to be acknowledged."""
    with pytest.raises(UnavailableError) as away:
        publish(*answers)

    assert away.value.headers["Retry-After"]
    assert "same id" in away.value.message
