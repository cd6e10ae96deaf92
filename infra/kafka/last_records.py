"""The last records of a topic, partition by partition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kafka.errors import KafkaTimeoutError

from infra.kafka.record import Record
from infra.kafka.topic_reader import TopicReader

POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60


def last_records(reader: TopicReader, count: int) -> Iterator[Record]:
    """Yield up to so many of the last records of each partition that the topic holds now.

    Raises:
        kafka.errors.KafkaError: Kafka is away, or records do not come.
    """
    begins, ends = reader.begins(), reader.ends()
    filled = {partition: end for partition, end in ends.items() if end > begins[partition]}
    reader.seek({partition: max(begins[partition], end - count) for partition, end in filled.items()})
    empty_polls = 0
    while any(reader.position(partition) < end for partition, end in filled.items()):
        polled = reader.poll(POLL_MS)
        for partition, records in polled.items():
            yield from (record for record in records if record.offset < ends[partition])
        empty_polls = 0 if polled else empty_polls + 1
        if empty_polls > EMPTY_POLLS_MAX:
            raise KafkaTimeoutError("the topic holds records that do not come")
