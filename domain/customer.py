"""A customer as somebody who can be forgotten: nothing but that is recorded under his name."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from eventsourcing.utils import get_topic

from domain.fact import AggregateRoot, Fact, FirstFact
from domain.identity import customer_stream
from domain.vocabularies import ErasureReason


class Customer(AggregateRoot):
    """The times at which all that was known of a customer was made unreadable."""

    TOPIC = "rma.Customer"

    class Event(Fact): ...

    class Erased(Event, FirstFact):
        """What the customer and others wrote of him cannot be read any more: the keys named are destroyed.

        It begins the stream the first time, and follows itself where the customer came back and is erased again.
        """

        TOPIC = "rma.Customer.Erased.v1"
        customer_id: str
        reason: ErasureReason
        keys: tuple[str, ...]

        def mutate(self, aggregate: Any) -> Any:
            """Begin the customer, or follow what was recorded of him."""
            return FirstFact.mutate(self, aggregate) if aggregate is None else Fact.mutate(self, aggregate)

        def apply(self, aggregate: Customer) -> None:
            aggregate.erased_at = self.timestamp

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        self.erased_at: datetime | None = None

    @property
    def partition_key(self) -> str:
        """The key under which the facts are published."""
        return self.customer_id

    @classmethod
    def erase(cls, customer_id: str, reason: ErasureReason, keys: tuple[str, ...], at: datetime) -> Self:
        """Begin the stream of a customer who is forgotten; ``keys`` name what his texts were sealed under."""
        stream = customer_stream(customer_id)
        return cls._create(cls.Erased, id=stream, customer_id=customer_id, reason=reason, keys=keys, timestamp=at)

    def erase_again(self, reason: ErasureReason, keys: tuple[str, ...], at: datetime) -> None:
        """Forget what was written since."""
        self.trigger_event(
            self.Erased,
            originator_topic=get_topic(type(self)),
            customer_id=self.customer_id,
            reason=reason,
            keys=keys,
            timestamp=at,
        )
