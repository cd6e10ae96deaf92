"""The checkpoints on their topic: one partition, in the order of their numbers, kept for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final, NamedTuple

from kafka.errors import KafkaTimeoutError

from infra.kafka.publisher import Publisher
from infra.kafka.topic_reader import TopicReader
from infra.proofs.store import SignedCheckpoint

POLL_MS: Final = 500
EMPTY_POLLS_MAX: Final = 60


class PublishedNote(NamedTuple):
    """A record of the topic; ``note`` is empty where the record is none."""

    offset: int
    key: str
    note: str


def publish(publisher: Publisher, topic: str, signed: list[SignedCheckpoint]) -> None:
    """Put checkpoints on their topic, in their order, and wait until Kafka has them."""
    publisher.deliver(topic, [(str(one.tree_size).encode(), one.note.encode(), ()) for one in signed])


def notes(bootstrap: str, topic: str, *, from_last: bool = False) -> Iterator[PublishedNote]:
    """Yield what the topic holds now, in order; with ``from_last`` the last record alone.

    Raises:
        TopicMissingError: There is no such topic.
        kafka.errors.KafkaError: Kafka is away, or records do not come.
    """
    with closing(TopicReader(bootstrap, topic)) as reader:
        begins, ends = reader.begins(), reader.ends()
        for partition in reader.partitions:
            end, begin = ends[partition], begins[partition]
            reader.seek({partition: max(begin, end - 1) if from_last else begin})
            empty_polls = 0
            while reader.position(partition) < end:
                polled = reader.poll(POLL_MS)
                for record in polled.get(partition, ()):
                    if record.offset < end:
                        yield PublishedNote(record.offset, _text(record.key), _text(record.value))
                empty_polls = 0 if polled else empty_polls + 1
                if empty_polls > EMPTY_POLLS_MAX:
                    raise KafkaTimeoutError("the topic of checkpoints holds records that do not come")


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
