"""A kit that was sold: all its lines are of one order, which is the only one that names it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from domain.errors import RuleViolationError
from domain.fact import AggregateRoot, Fact, FirstFact
from domain.identity import bundle_stream


class BundleInOtherOrderError(RuleViolationError):
    """A line names a kit that another order of the seller was sold with; `order_id` is that order."""

    code = "bundle_in_other_order"

    def __init__(self, bundle_id: str, *, order_id: str) -> None:
        super().__init__(f"bundle {bundle_id} was sold with order {order_id}", bundle_id=bundle_id, order_id=order_id)


class Bundle(AggregateRoot):
    """One kit of one seller, and the order that it was sold with."""

    TOPIC = "rma.Bundle"

    class Event(Fact): ...

    class Sold(Event, FirstFact):
        """An order was registered that names the kit; ``series_id`` is its seller's, as in credit notes."""

        TOPIC = "rma.Bundle.Sold.v1"
        bundle_id: str
        series_id: str
        order_id: str

    def __init__(self, bundle_id: str, series_id: str, order_id: str) -> None:
        self.bundle_id = bundle_id
        self.series_id = series_id
        self.order_id = order_id

    @property
    def partition_key(self) -> str:
        """The key under which the fact is published: that of the order."""
        return self.order_id

    @classmethod
    def sell(cls, bundle_id: str, series_id: str, order_id: str, at: datetime) -> Self:
        """Begin the stream of a kit; raises nothing."""
        return cls._create(
            cls.Sold,
            id=bundle_stream(series_id, bundle_id),
            bundle_id=bundle_id,
            series_id=series_id,
            order_id=order_id,
            timestamp=at,
        )

    def check_is_of(self, order_id: str) -> None:
        """Raise ``BundleInOtherOrderError`` where it was sold with another order."""
        if order_id != self.order_id:
            raise BundleInOtherOrderError(self.bundle_id, order_id=self.order_id)
