"""What a record is that was read from a topic; the client's own class has no types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kafka.structs import TopicPartition


class Record(Protocol):
    """One record with its place: topic, partition, offset."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...
    @property
    def timestamp(self) -> int:
        """The milliseconds since 1970 at which it was written."""


Batch = Mapping[TopicPartition, Sequence[Record]]
"""What one poll brought, in order within each partition."""

Offsets = dict[TopicPartition, int]
"""A place in each partition: the offset of the record that is next."""
