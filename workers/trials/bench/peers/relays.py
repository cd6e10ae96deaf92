"""The relay as one would write it on a client's own ``send``: on kafka-python's, and on librdkafka's.

Both read the log as ours does, send events and messages with the same keys, values and headers to the same partitions,
wait for every acknowledgement, and move a position after it. What differs is the client. They know no lead, no epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cache
from typing import Final, Protocol

import psycopg
from kafka import KafkaProducer

from infra.addresses import addresses, postgres_address
from infra.envelope.cloudevents import JSON_CONTENT, OWN_SOURCE
from infra.kafka.clients import BATCH_BYTES, DELIVERY_TIMEOUT_MS, make_producer
from infra.kafka.partitioner import Placement, partitioner_in
from infra.kafka.published import array_items
from infra.kafka.topics import PARTITIONS
from infra.log.publishing import EventRow, events_after, messages_after
from infra.records import rfc3339
from infra.settings import Settings

BATCH_RECORDS_MAX: Final = 5_000
QUEUED_MAX: Final = 200_000
POSITIONS: Final = (
    "CREATE TABLE IF NOT EXISTS public.bench_positions (relay text PRIMARY KEY, position bigint, seq bigint)"
)
ADVANCE: Final = """
    INSERT INTO public.bench_positions VALUES (%s, %s, %s)
    ON CONFLICT (relay) DO UPDATE SET position = excluded.position, seq = excluded.seq
"""

Headers = list[tuple[str, bytes]]


class Client(Protocol):
    """What a relay asks of a client for Kafka."""

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Headers) -> None:
        """Hand over one record."""

    def flush(self) -> None:
        """Return once every record handed over is acknowledged; raise where one was not."""

    def close(self) -> None:
        """Drop the connections."""


class KafkaPython:
    """``KafkaProducer.send``, set up as ours is: idempotent, all replicas acknowledge."""

    def __init__(self, settings: Settings) -> None:
        bootstrap = addresses(settings).kafka_bootstrap
        self._producer: KafkaProducer = make_producer(bootstrap, settings.kafka_compression)
        self._sent: list[object] = []

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Headers) -> None:
        self._sent.append(self._producer.send(topic, value, key, headers, partition))

    def flush(self) -> None:
        self._producer.flush(DELIVERY_TIMEOUT_MS / 1000)
        for future in self._sent:
            future.get(timeout=0)  # type: ignore[attr-defined]  # the client has no types
        self._sent.clear()

    def close(self) -> None:
        self._producer.close(timeout=DELIVERY_TIMEOUT_MS / 1000)


class Confluent:
    """confluent-kafka's ``Producer.produce``: librdkafka, in C; the same promises, the same sizes of batches."""

    def __init__(self, settings: Settings) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - of the dependency group bench, which others do without

        self._producer = Producer(
            {
                "bootstrap.servers": addresses(settings).kafka_bootstrap,
                "acks": "all",
                "enable.idempotence": True,
                "compression.type": settings.kafka_compression,
                "batch.size": BATCH_BYTES,
                "linger.ms": 5,
                "queue.buffering.max.messages": QUEUED_MAX,
            }
        )
        self._failed: list[object] = []

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None:
            self._failed.append(error)

    def send(self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Headers) -> None:
        self._producer.produce(topic, value, key, partition, self._delivered, headers=headers)

    def flush(self) -> None:
        if left := self._producer.flush(DELIVERY_TIMEOUT_MS / 1000) or len(self._failed):
            raise RuntimeError(f"{left} records were not taken: {self._failed[:1]}")

    def close(self) -> None:
        self._producer.flush(0)


CLIENTS: Final[dict[str, Callable[[Settings], Client]]] = {
    "KafkaProducer.send": KafkaPython,
    "confluent-kafka": Confluent,
}


def topic_of(settings: Settings, name: str) -> str:
    """Return the topic that a relay fills, of its own."""
    return settings.named(f"bench.{name}")


class PlainRelay:
    """Publish a log from its beginning through a client, as far as it goes."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._name = name
        self._topic = topic_of(settings, name)
        self._connection = psycopg.connect(postgres_address(settings), autocommit=True)
        self._connection.execute(POSITIONS)
        self._placement = Placement(partitioner_in(self._connection), PARTITIONS)
        self._client = CLIENTS[name](settings)

    def run(self) -> int:
        """Return how many events were published."""
        position = seq = events = 0
        with closing(self._connection), closing(self._client):
            while rows := events_after(self._connection, position, BATCH_RECORDS_MAX):
                position, seq = self._publish(rows, seq)
                events += len(rows)
                self._connection.execute(ADVANCE, (self._name, position, seq))
        return events

    def _publish(self, rows: Sequence[EventRow], seq: int) -> tuple[int, int]:
        topic, place, send = self._topic, self._placement, self._client.send
        for row in rows:
            send(topic, place.of(row[9]), row[9], row[10], headers_of(row))
        position = int(rows[-1][0])
        messages = messages_after(self._connection, seq, position, BATCH_RECORDS_MAX)
        for _, _, key, names, values, value in messages:
            send(topic, place.of(key), key, value, list(zip(_decoded(names), values, strict=True)))
        self._client.flush()
        return position, messages[-1][0] if messages else seq


@cache
def _decoded(names: bytes) -> list[str]:
    """Return the names of a message's headers, of which there are few kinds."""
    return [name.decode() for name in array_items(names)]


def headers_of(row: EventRow) -> Headers:
    """Return the headers of an event: those of ``infra.envelope.cloudevents.event_headers``, to the byte."""
    position, version, id_, stream, kind, occurred_at, recorded_at, prev, sealed, _, _, cause, actor, *command = row
    command_id, source, correlation_id = command
    return [
        ("ce_actor", actor),
        ("ce_causationid", cause),
        ("ce_commandid", command_id),
        ("ce_commandsource", source),
        ("ce_correlationid", correlation_id),
        ("ce_id", id_),
        ("ce_position", position),
        ("ce_recordedat", rfc3339(recorded_at).encode()),
        *([] if sealed is None else [("ce_sealedkeyid", sealed)]),
        ("ce_source", OWN_SOURCE.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_streamversion", version),
        ("ce_subject", stream),
        ("ce_time", rfc3339(occurred_at).encode()),
        ("ce_type", kind),
        ("ce_prevhash", prev),
        ("content-type", JSON_CONTENT),
    ]
