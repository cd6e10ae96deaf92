"""A topic read without a group: nothing is committed, and nobody else is disturbed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from domain.errors import RmaError
from infra.kafka.clients import BOOTSTRAP_TIMEOUT_MS, RECONNECT_MAX_MS, REQUEST_TIMEOUT_MS
from infra.kafka.record import Offsets, Record
from infra.kafka_address import connecting_to

POLL_RECORDS_MAX: Final = 5_000


class TopicMissingError(RmaError):
    """A topic that this system needs does not exist."""

    code = "topic_missing"

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} does not exist, run: rma init")
        self.topic = topic


def partitions_of(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """Return a topic's partitions in order; raises ``TopicMissingError`` where there are none."""
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise TopicMissingError(topic)
    return [TopicPartition(topic, number) for number in sorted(numbers)]


def topic_id_of(consumer: KafkaConsumer, topic: str) -> UUID | None:
    """Return Kafka's own id of a topic that the consumer has asked for: one made anew under its name has another."""
    known: UUID | None = consumer._client.cluster.topic_id(topic)  # noqa: SLF001 - the client has no other way
    return known


class TopicReader:
    """One topic, read from wherever one says; to be closed.

    Args:
        bootstrap: Host and port pairs, separated by commas.
        topic: Its name.
        timeout_ms: How long Kafka may take to answer.
    Raises:
        TopicMissingError: There is no such topic.
        kafka.errors.KafkaError: Kafka is away.
    """

    def __init__(self, bootstrap: str, topic: str, *, timeout_ms: int = REQUEST_TIMEOUT_MS) -> None:
        self._consumer = KafkaConsumer(
            **connecting_to(bootstrap),
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # where what was asked for is gone, nothing that is left is passed over
            allow_auto_create_topics=False,
            max_poll_records=POLL_RECORDS_MAX,
            bootstrap_timeout_ms=min(BOOTSTRAP_TIMEOUT_MS, timeout_ms),
            request_timeout_ms=timeout_ms,
            reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        )
        try:
            self.partitions = partitions_of(self._consumer, topic)
            self.topic_id = topic_id_of(self._consumer, topic)
        except TopicMissingError:
            self._consumer.close()
            raise

    def close(self) -> None:
        self._consumer.close()

    def begins(self) -> Offsets:
        """Return the offset of the oldest record that is kept, by partition."""
        return dict(self._consumer.beginning_offsets(self.partitions))

    def ends(self) -> Offsets:
        """Return the offset that the next record will have, by partition."""
        return dict(self._consumer.end_offsets(self.partitions))

    def offsets_from(self, timestamp_ms: int) -> Offsets:
        """Return, by partition, the offset of the first record that was written then or later, else the end."""
        found = self._consumer.offsets_for_times(dict.fromkeys(self.partitions, timestamp_ms))
        ends = self.ends()
        return {one: ends[one] if found.get(one) is None else found[one].offset for one in self.partitions}

    def seek(self, offsets: Offsets) -> None:
        """Read these partitions and no others, each from its offset on."""
        self._consumer.assign(list(offsets))
        for partition, offset in offsets.items():
            self._consumer.seek(partition, offset)

    def position(self, partition: TopicPartition) -> int:
        """Return the offset of the record that is read next."""
        return int(self._consumer.position(partition))

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Record]]:
        """Return what comes next, waiting for the first record at most so long."""
        return dict(self._consumer.poll(timeout_ms=timeout_ms))


class PartitionReaders:
    """A topic's partitions, each over a connection of its own: one is read on while others wait; to be closed.

    Pausing partitions of one consumer would do the same, but kafka-python 3.0.12 then brings nothing any more of those
    that are not paused, once a fetched batch of a paused one waits in front of theirs.

    Args:
        bootstrap: Host and port pairs, separated by commas.
        topic: Its name.
    Raises:
        TopicMissingError: There is no such topic.
        kafka.errors.KafkaError: Kafka is away.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._all = TopicReader(bootstrap, topic)
        self._readers: dict[TopicPartition, TopicReader] = {}
        self._starts: Offsets = {}
        self.partitions = self._all.partitions

    def close(self) -> None:
        for reader in (self._all, *self._readers.values()):
            reader.close()

    def begins(self) -> Offsets:
        """Return the offset of the oldest record that is kept, by partition."""
        return self._all.begins()

    def ends(self) -> Offsets:
        """Return the offset that the next record will have, by partition."""
        return self._all.ends()

    def offsets_from(self, timestamp_ms: int) -> Offsets:
        """Return, by partition, the offset of the first record that was written then or later, else the end."""
        return self._all.offsets_from(timestamp_ms)

    def seek(self, offsets: Offsets) -> None:
        """Read each of these partitions from its offset on."""
        self._starts = dict(offsets)
        for partition, reader in self._readers.items():
            reader.seek({partition: offsets[partition]})

    def position(self, partition: TopicPartition) -> int:
        """Return the offset of the record of a partition that is read next."""
        reader = self._readers.get(partition)
        return self._starts[partition] if reader is None else reader.position(partition)

    def poll(self, partition: TopicPartition, timeout_ms: int) -> Sequence[Record]:
        """Return what comes next in a partition, waiting for the first record at most so long."""
        if partition not in self._readers:
            self._readers[partition] = TopicReader(self._bootstrap, self._topic)
            self._readers[partition].seek({partition: self._starts[partition]})
        return self._readers[partition].poll(timeout_ms).get(partition, ())
