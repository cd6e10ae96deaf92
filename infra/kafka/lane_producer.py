"""A producer that sends lists of records in order and stops at the first error.

Idempotent (a producer id and sequence numbers, so that the broker refuses a hole), all replicas acknowledge, and one
request is under way per broker at a time. Nothing is retried: after any error the producer is of no further use, and
its owner begins again, with a new one, at the last position known to be acknowledged.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.structs import TopicPartition

from infra.kafka.clients import RECONNECT_MAX_MS
from infra.kafka.partitioner import Partitioner, Placement
from infra.kafka.record_batch import ProducerState, encode_batch
from infra.kafka_address import connecting_to
from infra.settings import Compression

REQUEST_TIMEOUT_MS: Final = 15_000
BOOTSTRAP_TIMEOUT_MS: Final = 10_000
BATCH_BYTES: Final = 1536 * 1024
"""A batch takes no further record once its records have this size, uncompressed."""

ALL_REPLICAS: Final = -1
PRODUCE_VERSIONS: Final = {"min_version": 3, "max_version": 9}

Records = list[bytes]


class Outgoing:
    """Records on their way, by the partitions that their keys belong to, in their order within each.

    Args:
        placements: Of every topic.
    """

    def __init__(self, placements: Mapping[str, Placement]) -> None:
        self._placements = placements
        self._by_key: dict[tuple[str, bytes | None], Records] = {}
        self.by_partition: dict[TopicPartition, Records] = {}

    def to(self, topic: str, key: bytes | None) -> Records:
        """Return the list that takes what ``record_body`` makes of records of this key, in their order."""
        found = self._by_key.get((topic, key))
        if found is None:
            partition = TopicPartition(topic, self._placements[topic].of(key))
            found = self._by_key[topic, key] = self.by_partition.setdefault(partition, [])
        return found


class LaneProducer:
    """Send records to the partitions of their keys.

    Args:
        bootstrap: Host and port pairs, separated by commas.
        topics: Every topic it will send to; all must exist.
        partitioner: What the topics are filled with.
        compression: What batches are compressed by.
    Raises:
        kafka.errors.KafkaError: Kafka is away, or a topic is missing.
    """

    def __init__(
        self, bootstrap: str, topics: Iterable[str], partitioner: Partitioner, compression: Compression
    ) -> None:
        self._compression = compression
        self._client = KafkaNetClient(
            **connecting_to(bootstrap),
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            reconnect_backoff_max_ms=RECONNECT_MAX_MS,
            allow_auto_create_topics=False,
            metrics=None,
        )
        try:
            self._begin(list(topics), partitioner)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the connections; what is under way may or may not arrive."""
        self._client.close()

    def outgoing(self) -> Outgoing:
        """Return what takes the records of one ``send``."""
        return Outgoing(self._placements)

    def send(self, records: Outgoing, between: Callable[[], object]) -> None:
        """Send records and return once every one is acknowledged.

        Args:
            records: From ``outgoing``; many may need several requests, one after the other.
            between: Called between two requests; what it raises ends the sending.
        Raises:
            kafka.errors.KafkaError: Something was not acknowledged; nothing after it in its partition was sent. The
                producer must not be used again.
        """
        partitions = list(records.by_partition)
        for number, batches in enumerate(zip_longest(*map(_split, records.by_partition.values()))):
            if number:
                between()
            self._send_one_each({at: bodies for at, bodies in zip(partitions, batches, strict=True) if bodies})

    def _begin(self, topics: list[str], partitioner: Partitioner) -> None:
        manager = self._client._manager  # noqa: SLF001 - the client has no public way to send a request of one's own
        manager.bootstrap(BOOTSTRAP_TIMEOUT_MS)
        self._client.poll(timeout_ms=REQUEST_TIMEOUT_MS, future=manager.cluster.set_topics(topics))
        self._cluster = manager.cluster
        self._placements = {
            topic: Placement(partitioner, len(self._cluster.partitions_for_topic(topic) or ())) for topic in topics
        }
        missing = [topic for topic, placement in self._placements.items() if not placement.partitions]
        if missing:
            raise errors.UnknownTopicOrPartitionError(f"no such topic: {', '.join(missing)}")
        answer = self._client.send_and_receive(
            self._client.least_loaded_node(bootstrap_fallback=True),
            InitProducerIdRequest(
                transactional_id=None,
                transaction_timeout_ms=0,
                producer_id=-1,
                producer_epoch=-1,
                min_version=0,
                max_version=4,
            ),
            timeout_ms=REQUEST_TIMEOUT_MS,
        )
        _raise_for(answer.error_code, "no producer id")
        self._identity = (answer.producer_id, answer.producer_epoch)
        self._sequences: dict[TopicPartition, int] = defaultdict(int)

    def _send_one_each(self, batches: dict[TopicPartition, Records]) -> None:
        """Send one batch to each of these partitions, one request per broker, and wait for all of them."""
        timestamp_ms = int(time.time() * 1000)
        by_broker: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        for partition, bodies in batches.items():
            leader = self._cluster.leader_for_partition(partition)
            if leader is None or leader < 0:
                raise errors.LeaderNotAvailableError(str(partition))
            state = ProducerState(*self._identity, self._sequences[partition])
            batch = encode_batch(bodies, timestamp_ms, state, self._compression)
            data = ProduceRequest.TopicProduceData.PartitionProduceData(index=partition.partition, records=batch)
            by_broker[leader][partition.topic].append(data)
            self._sequences[partition] += len(bodies)
        requests = {
            broker: ProduceRequest(
                transactional_id=None,
                acks=ALL_REPLICAS,
                timeout_ms=REQUEST_TIMEOUT_MS,
                topic_data=[
                    ProduceRequest.TopicProduceData(name=topic, partition_data=data) for topic, data in topics.items()
                ],
                **PRODUCE_VERSIONS,
            )
            for broker, topics in by_broker.items()
        }
        self._await_all(requests)

    def _await_all(self, requests: dict[int, ProduceRequest]) -> None:
        for broker in requests:
            self._client.await_ready(broker, timeout_ms=REQUEST_TIMEOUT_MS)
        under_way = [self._client.send(broker, request) for broker, request in requests.items()]
        for future in under_way:
            self._client.poll(timeout_ms=REQUEST_TIMEOUT_MS, future=future)
            if not future.is_done:
                raise errors.KafkaTimeoutError("a produce request was not answered in time")
            if future.failed():
                raise future.exception
            for topic in future.value.responses:
                for answer in topic.partition_responses:
                    _raise_for(answer.error_code, f"{topic.name}/{answer.index}")


def _split(bodies: Records) -> Iterator[Records]:
    """Cut records into batches of bounded size."""
    batch: Records = []
    size = 0
    for body in bodies:
        if batch and size + len(body) > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += len(body)
    if batch:
        yield batch


def _raise_for(error_code: int, where: str) -> None:
    if error_code != 0:
        raise errors.for_code(error_code)(where)
