"""What every aggregate and every event here has in common.

Aggregates are identified by their stream's name (``order/O-1001``, ``rma/<uuid>``, ``policy/standard``). An event class
carries an explicit ``TOPIC`` with its schema version; topics and fields are the storage format: add, never rename.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from eventsourcing.domain import CanInitAggregate, CanMutateAggregate, MetaDomainEvent


@dataclass(frozen=True)
class Fact(CanMutateAggregate[str], metaclass=MetaDomainEvent):
    """One immutable fact of one stream; ``timestamp`` is its business time."""

    originator_id: str
    originator_version: int
    timestamp: datetime


@dataclass(frozen=True)
class FirstFact(Fact, CanInitAggregate[str]):
    """The fact that begins a stream."""

    originator_topic: str
