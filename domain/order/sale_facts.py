"""Facts about what was sold, shipped and delivered, and about where its units are."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.fact import Fact, FirstFact
from domain.ledger import Posting
from domain.order.accounts import CANCELLED, FREE, Freed, Repair, UnitState, UnitStatus, status_before
from domain.order.parts import (
    Circumstances,
    Consignment,
    ExchangeOf,
    LineQuantity,
    LineRun,
    OrderLine,
    PolicyPin,
    Tender,
    UnitSerial,
)
from domain.order.promotions import Promotion
from domain.order.state import OrderState
from domain.units import UnitRun


class Registered(FirstFact):
    """The shop registered an order; each line carries its share of the order's cents.

    ``rounding_minor`` is what cash was rounded by: it belongs to no line, and goes back with the last units.
    """

    TOPIC = "rma.Order.Registered.v1"
    order_id: str
    customer_id: str
    country: str
    channel: str
    currency: str
    lines: tuple[OrderLine, ...]
    tenders: tuple[Tender, ...]
    policy_id: str
    policy: PolicyPin | None
    seller_id: str | None
    customer_tier: str | None
    tax_included: bool
    exchange_of: ExchangeOf | None
    content_hash: str
    gift_code_hash: str | None = None
    """What is kept of the code by which the recipient of a gift proves himself."""
    rounding_minor: int = 0
    postings: tuple[Posting, ...] = ()
    """What was sold on account, and is owed."""
    circumstances: Circumstances | None = None
    promotions: tuple[Promotion, ...] = ()
    """Discounts that hung on what was bought together, each with its share of the lines."""
    contact: str | None = None
    """How the customer is reached, as JSON."""


class ContactCorrected(Fact):
    """The customer is reached in another way."""

    TOPIC = "rma.Order.ContactCorrected.v1"
    contact: str

    def apply(self, aggregate: OrderState) -> None:
        aggregate.contact = self.contact


class PolicyPinned(Fact):
    """The first version of the order's policy was published after the order: it holds from now on."""

    TOPIC = "rma.Order.PolicyPinned.v1"
    policy: PolicyPin

    def apply(self, aggregate: OrderState) -> None:
        aggregate.policy = self.policy


class Shipped(Fact):
    TOPIC = "rma.Order.Shipped.v1"
    shipment_id: str
    lines: tuple[LineQuantity, ...]
    content_hash: str

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["shipment_id", self.shipment_id] = self.content_hash
        for line in self.lines:
            aggregate.lines[line.line_id].shipped.append(Consignment(self.timestamp, line.quantity))


class Delivered(Fact):
    TOPIC = "rma.Order.Delivered.v1"
    delivery_id: str
    lines: tuple[LineQuantity, ...]
    content_hash: str

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["delivery_id", self.delivery_id] = self.content_hash
        for line in self.lines:
            aggregate.lines[line.line_id].delivered.append(Consignment(self.timestamp, line.quantity))


class UnitsTaken(Fact):
    """Units went into a return and can't be asked for again while it lasts."""

    TOPIC = "rma.Order.UnitsTaken.v1"
    rma_id: UUID
    runs: tuple[LineRun, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.put(self.runs, UnitState("in_return", self.rma_id))
        aggregate.taken_at.setdefault(self.rma_id, self.timestamp)


class UnitsReturned(Fact):
    """Units came in, or were refunded and kept: they are no longer the customer's to return."""

    TOPIC = "rma.Order.UnitsReturned.v1"
    rma_id: UUID
    runs: tuple[LineRun, ...]

    def apply(self, aggregate: OrderState) -> None:
        aggregate.put(self.runs, UnitState("returned", self.rma_id))


class SerialsRead(Fact):
    """Units came in under serial numbers that fit them."""

    TOPIC = "rma.Order.SerialsRead.v1"
    rma_id: UUID
    units: tuple[UnitSerial, ...]

    def apply(self, aggregate: OrderState) -> None:
        for read in self.units:
            aggregate.lines[read.line_id].serials.come_in(read.unit, read.serial)


class UnitsFreed(Fact):
    """Units can be asked for again."""

    TOPIC = "rma.Order.UnitsFreed.v1"
    rma_id: UUID
    runs: tuple[LineRun, ...]
    because: Freed

    @property
    def status_before(self) -> UnitStatus:
        """The units' status until now."""
        return status_before(self.because)

    def apply(self, aggregate: OrderState) -> None:
        aggregate.put(self.runs, FREE)
        if self.because == "repaired":
            for run in self.runs:
                asked_at = aggregate.taken_at.get(self.rma_id, self.timestamp)
                aggregate.lines[run.line_id].repaired.append(Repair(run.run, asked_at, self.timestamp))


class UnitsCancelled(Fact):
    """Units that never left will not be delivered; what was paid for them goes back by ``refund_id``, if anything."""

    TOPIC = "rma.Order.UnitsCancelled.v1"
    cancellation_id: str
    runs: tuple[LineRun, ...]
    reason: str
    refund_id: UUID | None
    content_hash: str

    def apply(self, aggregate: OrderState) -> None:
        aggregate.recorded["cancellation_id", self.cancellation_id] = self.content_hash
        aggregate.put(self.runs, CANCELLED)
        aggregate.let_go(self.runs, returned=False)


class WarrantyExtended(Fact):
    """Repaired units go back to the customer, and their warranty goes on from where it stood still."""

    TOPIC = "rma.Order.WarrantyExtended.v1"
    rma_id: UUID
    line_id: str
    first: int
    count: int
    until: datetime

    def apply(self, aggregate: OrderState) -> None:
        aggregate.lines[self.line_id].warranties.put([UnitRun(self.first, self.count)], self.until)
