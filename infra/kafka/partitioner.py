"""Which partition a key belongs to. Order rests on it: every producer of a system must agree, for the system's life."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import closing
from enum import StrEnum
from functools import lru_cache
from typing import Final

from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.partitioner import murmur2
from kafka.structs import TopicPartition
from psycopg import Connection

from domain.values import dataclass
from infra.log.system import holds_events, remember, remembered
from infra.sessions import connect

NAME: Final = "partitioner"
"""Under what a system remembers its partitioner."""

KEYS_KEPT_MAX: Final = 20_000
"""Keys whose hash is kept: events of one order follow each other, and a hash costs as much as the rest of a record."""


class Partitioner(StrEnum):
    """A hash of keys, by the word that is remembered for it."""

    MURMUR2 = "murmur2"
    """That of the clients for Java, of kafka-python and of kafkajs; librdkafka calls it ``murmur2_random``."""
    CRC32 = "crc32"
    """That of librdkafka unless told otherwise, and ours before the choice was remembered."""

    def hash_of(self, key: bytes) -> int:
        """Return a key's hash, which has no sign."""
        return _murmur2(key) if self is Partitioner.MURMUR2 else zlib.crc32(key)


@lru_cache(KEYS_KEPT_MAX)
def _murmur2(key: bytes) -> int:
    """Return ``toPositive(murmur2(key))`` of the Java client."""
    positive: int = murmur2(key) & 0x7FFFFFFF
    return positive


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the records of a topic belong, of which there are so many partitions."""

    partitioner: Partitioner
    partitions: int

    def of(self, key: bytes | None) -> int:
        """Return the partition of a key; a record without one goes where the empty key belongs."""
        return self.partitioner.hash_of(key or b"") % self.partitions


def partitioner_of(dsn: str) -> Partitioner:
    """Return what a system's topics are filled with; raises ``psycopg.errors.UndefinedTable`` before ``rma init``."""
    with closing(connect(dsn)) as connection:
        return partitioner_in(connection)


def partitioner_in(connection: Connection) -> Partitioner:
    """Return what a system's topics are filled with; one that does not remember began before it could choose."""
    return Partitioner(remembered(connection, NAME) or Partitioner.CRC32)


def settle_partitioner(dsn: str, admin: KafkaAdminClient, own_topics: Sequence[str]) -> Partitioner:
    """Remember what this system fills its topics with, unless that is settled, and return it.

    Args:
        dsn: Where the log is, its schema up to date.
        admin: Connected to the cluster.
        own_topics: Topics that nobody but this system fills. If one of them ever held a record, or the log holds an
            event, the system began before it could choose, and goes on as it began.
    """
    with closing(connect(dsn)) as connection:
        if remembered(connection, NAME) is None:
            began = holds_events(connection) or _ever_filled(admin, own_topics)
            remember(connection, NAME, Partitioner.CRC32 if began else Partitioner.MURMUR2)
        return partitioner_in(connection)


def _ever_filled(admin: KafkaAdminClient, topics: Sequence[str]) -> bool:
    known = sorted(set(admin.list_topics()).intersection(topics))
    ends = {
        TopicPartition(topic["name"], partition["partition_index"]): OffsetSpec.LATEST
        for topic in (admin.describe_topics(known) if known else ())
        for partition in topic["partitions"]
    }
    return any(found.offset > 0 for found in admin.list_partition_offsets(ends).values()) if ends else False
