"""What every aggregate and every event here has in common.

Aggregates are identified by their stream's name (``order/O-1001``, ``rma/<uuid>``, ``policy/standard``). An event class
carries an explicit ``TOPIC`` with its schema version; topics and fields are the storage format: add, never rename.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, Self, cast, dataclass_transform

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate, EventsourcingType
from eventsourcing.utils import get_topic


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class FactClass(EventsourcingType):
    """The class of all classes of facts: each is a value (see ``domain/values.py``), without saying so."""

    def __init__(self, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        dataclasses.dataclass(unsafe_hash=True)(cast("type[Fact]", self))


class Fact(CanMutateAggregate[str], metaclass=FactClass):
    """One immutable fact of one stream; ``timestamp`` is its business time."""

    originator_id: str
    originator_version: int
    timestamp: datetime


class FirstFact(Fact, CanInitAggregate[str]):
    """The fact that begins a stream."""

    originator_topic: str


class AggregateRoot(BaseAggregate[str]):
    """What has a stream of facts: an order, a return, a policy, a difference.

    One command may bring about facts of several. Those that share a list of uncommitted facts note them there as they
    are triggered, so that across all streams a cause stands before its effects.
    """

    @classmethod
    def _create(cls, event_class: type[CanInitAggregate[str]], *, id: str | None = None, **kwargs: Any) -> Self:  # noqa: A002 - the library's name
        """Begin a stream by its first fact; ``kwargs`` are its fields and its business time as ``timestamp``.

        As the library does, without what it asks each time of the class.
        """
        first = cast("type[FirstFact]", event_class)(
            originator_id=cast("str", id), originator_version=1, originator_topic=get_topic(cls), **kwargs
        )
        aggregate = cast("Self", first.mutate(None))
        aggregate.pending_events.append(first)
        return aggregate

    def __base_init__(self, originator_id: object, originator_version: int, timestamp: datetime) -> None:
        super().__base_init__(originator_id, originator_version, timestamp)
        self._uncommitted: list[Fact] = []

    @property
    def partition_key(self) -> str:
        """The key under which the facts are published."""
        raise NotImplementedError

    @property
    def person(self) -> str:
        """Whose texts its facts hold, as a stream's name: under that person's key they are sealed.

        Where nobody is known, the stream's own.
        """
        return self.id

    @property
    def uncommitted(self) -> list[Fact]:
        """The list in which facts are noted as they are triggered."""
        return self._uncommitted

    def share_uncommitted(self, uncommitted: list[Fact]) -> None:
        """Note facts in this list from now on, those already triggered first."""
        if uncommitted is not self._uncommitted:
            uncommitted += cast("list[Fact]", self.pending_events)
            self._uncommitted = uncommitted

    def trigger_event(self, event_class: type[CanMutateAggregate[str]], **kwargs: Any) -> None:
        """Trigger a fact of this stream; ``kwargs`` are its fields and its business time as ``timestamp``.

        As the library does, without what it asks each time of the class, which a test asks of every class once, and of
        the fact, which is this stream's next.
        """
        version = self._version + 1
        fact = cast("type[Fact]", event_class)(originator_id=self._id, originator_version=version, **kwargs)
        fact.apply(self)
        self._version, self._modified_on = version, fact.timestamp
        self._pending_events.append(fact)
        self._uncommitted.append(fact)
