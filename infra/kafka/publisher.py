"""Records on their way out, each to the partition where its key belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from infra.addresses import addresses
from infra.kafka.clients import DELIVERY_TIMEOUT_MS, REQUEST_TIMEOUT_MS, make_producer
from infra.kafka.partitioner import Partitioner, Placement, partitioner_of
from infra.settings import Settings

Record = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]
"""Key, value and headers."""


class Publisher:
    """Publish records to the partitions of their keys.

    Args:
        producer: Closed together with this publisher.
        partitioner: What the system's topics are filled with.
    """

    def __init__(self, producer: KafkaProducer, partitioner: Partitioner) -> None:
        self._producer = producer
        self._partitioner = partitioner
        self._placements: dict[str, Placement] = {}

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> Any:
        """Hand one record to the client and return its future; nothing is certain before ``flush``."""
        return self._producer.send(topic, value, key, list(headers), self.placement_of(topic).of(key))

    def deliver(self, topic: str, records: Iterable[Record]) -> None:
        """Send records and wait until Kafka has them all; raises ``kafka.errors.KafkaError`` if one was not taken."""
        sent = [self.send(topic, *record) for record in records]
        self.flush()
        for future in sent:
            future.get(timeout=0)

    def placement_of(self, topic: str) -> Placement:
        """Return where a topic's records belong; raises ``kafka.errors.KafkaError`` where there is none."""
        if topic not in self._placements:
            self._placements[topic] = Placement(self._partitioner, len(self._producer.partitions_for(topic)))
        return self._placements[topic]

    def flush(self, timeout_s: float = DELIVERY_TIMEOUT_MS / 1000) -> None:
        """Wait until every record was acknowledged or given up; raises ``kafka.errors.KafkaTimeoutError``."""
        self._producer.flush(timeout_s)

    def close(self) -> None:
        """Wait for what is under way, for a bounded time, then give it up.

        kafka-python 3.0.12 raises where anything is left then, and would keep the producer's thread.
        """
        try:
            self._producer.close(timeout=REQUEST_TIMEOUT_MS / 1000)
        except KafkaError:
            self._producer._sender.force_close()  # noqa: SLF001 - the client has no public way to give up
            self._producer._closed = True  # noqa: SLF001 - else it would try, and raise, once more when collected


def publisher_of(settings: Settings) -> Publisher:
    """Return the publisher of a system's own records.

    Raises:
        ServiceUnreachableError, psycopg.Error, kafka.errors.KafkaError: A service is away, or ``rma init`` never ran.
    """
    where = addresses(settings)
    partitioner = partitioner_of(where.postgres_dsn.get_secret_value())
    return Publisher(make_producer(where.kafka_bootstrap, settings.kafka_compression), partitioner)
