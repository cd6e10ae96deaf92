"""An order: what the shop says was sold, paid and delivered, and the ledger of what may still come back.

Its facts are in ``sale_facts`` and ``money_facts``, what they add up to in ``state``. Rules are checked
before a fact is triggered.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from domain.errors import BeforeOrderError, QuantityExceededError
from domain.fact import AggregateRoot, Fact
from domain.identity import order_stream
from domain.order import claim_facts, external_facts, money_facts, owed_facts, payment_facts, sale_facts
from domain.order.accounts import Freed, UnitState, status_before
from domain.order.parts import (
    Circumstances,
    ExchangeOf,
    LineQuantity,
    LineRun,
    OrderLine,
    PolicyPin,
    Tender,
    UnitSerial,
)
from domain.order.placed_order import PlacedOrder
from domain.order.promotions import Promotion
from domain.order.state import OrderState
from domain.units import total


class Order(OrderState, AggregateRoot):
    """Registered lines, tenders and deliveries, and which unit is where."""

    TOPIC = "rma.Order"

    Event = Fact
    Registered = sale_facts.Registered
    PolicyPinned = sale_facts.PolicyPinned
    Shipped = sale_facts.Shipped
    Delivered = sale_facts.Delivered
    UnitsTaken = sale_facts.UnitsTaken
    UnitsReturned = sale_facts.UnitsReturned
    SerialsRead = sale_facts.SerialsRead
    UnitsFreed = sale_facts.UnitsFreed
    UnitsCancelled = sale_facts.UnitsCancelled
    WarrantyExtended = sale_facts.WarrantyExtended
    RefundDecided = money_facts.RefundDecided
    RefundRequested = money_facts.RefundRequested
    PayoutSettled = money_facts.PayoutSettled
    PayoutFailed = money_facts.PayoutFailed
    PayoutUnclear = money_facts.PayoutUnclear
    PayoutPending = money_facts.PayoutPending
    PayoutRetried = money_facts.PayoutRetried
    ExternalRefundRecorded = external_facts.ExternalRefundRecorded
    ChargebackDecided = external_facts.ChargebackDecided
    ContactCorrected = sale_facts.ContactCorrected
    PaymentReceived = payment_facts.PaymentReceived
    CustomerPaid = owed_facts.CustomerPaid
    ReceivableWrittenOff = owed_facts.ReceivableWrittenOff
    PaymentReturned = owed_facts.PaymentReturned
    WriteOffReversed = owed_facts.WriteOffReversed
    ExchangeClosed = owed_facts.ExchangeClosed
    ExchangePaidAhead = owed_facts.ExchangePaidAhead
    ExchangeGivenBack = owed_facts.ExchangeGivenBack
    ExchangeReopened = owed_facts.ExchangeReopened
    ExchangeWithdrawn = owed_facts.ExchangeWithdrawn
    StoreCreditSpent = money_facts.StoreCreditSpent
    Exchanged = money_facts.Exchanged
    ExchangeCalledOff = money_facts.ExchangeCalledOff
    GoodwillGranted = money_facts.GoodwillGranted
    ClaimRaised = claim_facts.ClaimRaised
    ClaimReversed = claim_facts.ClaimReversed

    def __init__(  # noqa: PLR0917 - the library passes the fields of Registered, by name
        self,
        order_id: str,
        customer_id: str,
        country: str,
        channel: str,
        currency: str,
        lines: tuple[OrderLine, ...],
        tenders: tuple[Tender, ...],
        policy_id: str,
        policy: PolicyPin | None,
        seller_id: str | None,
        customer_tier: str | None,
        tax_included: bool,
        exchange_of: ExchangeOf | None,
        content_hash: str,
        gift_code_hash: str | None = None,
        rounding_minor: int = 0,
        circumstances: Circumstances | None = None,
        promotions: tuple[Promotion, ...] = (),
        contact: str | None = None,
    ) -> None:
        super().__init__(lines, promotions)
        self.order_id = order_id
        self.customer_id = customer_id
        self.country = country
        self.channel = channel
        self.currency = currency
        self.tenders = tenders
        self.policy_id = policy_id
        self.policy = policy
        self.seller_id = seller_id
        self.customer_tier = customer_tier
        self.tax_included = tax_included
        self.exchange_of = exchange_of
        self.content_hash = content_hash
        self.gift_code_hash = gift_code_hash
        self.rounding_left_minor = rounding_minor
        self.circumstances = circumstances or Circumstances()
        self.contact = contact

    @classmethod
    def register(cls, placed: PlacedOrder, policy: PolicyPin | None, at: datetime) -> Self:
        """Begin an order's stream, every cent allocated to its lines.

        Args:
            placed: What the shop tells.
            policy: The version in force when it was sold; None where none was published yet.
            at: When it was sold.
        Raises:
            RuleViolationError: As ``PlacedOrder.allocated`` and ``promoted`` do.
        """
        return cls._create(
            cls.Registered,
            id=order_stream(placed.order_id),
            order_id=placed.order_id,
            customer_id=placed.customer_id,
            country=placed.country,
            channel=placed.channel,
            currency=placed.currency,
            lines=placed.allocated(),
            tenders=placed.tenders_in_the_end,
            policy_id=placed.policy_id,
            policy=policy,
            seller_id=placed.seller_id,
            customer_tier=placed.customer_tier,
            tax_included=placed.charges.tax_included,
            exchange_of=placed.exchange_of,
            content_hash=placed.content_hash,
            gift_code_hash=placed.gift_code_hash,
            rounding_minor=placed.charges.rounding_minor,
            postings=placed.postings,
            circumstances=placed.circumstances,
            promotions=placed.promoted(),
            contact=placed.contact,
            timestamp=at,
        )

    def correct_contact(self, contact: str, at: datetime) -> None:
        """Record how the customer is reached from now on (JSON); what is known already is no news."""
        if contact != self.contact:
            self.trigger_event(self.ContactCorrected, contact=contact, timestamp=at)

    def pin_policy(self, policy: PolicyPin, at: datetime) -> None:
        """Hold the order to a version published after it; see ``PolicyPinned``."""
        self.trigger_event(self.PolicyPinned, policy=policy, timestamp=at)

    def ship(self, shipment_id: str, lines: Sequence[LineQuantity], content_hash: str, at: datetime) -> None:
        """Record that units left for the customer, at most those sold and not cancelled.

        Raises:
            BeforeOrderError: They did so before they were ordered.
            UnknownLineError, QuantityExceededError: There are no such units.
        """
        if self.is_repeat("shipment_id", shipment_id, content_hash):
            return
        self._check_not_before(at)
        for line_id, asked in _per_line(lines).items():
            account = self.line(line_id)
            left = total(account.standing) - account.shipped_quantity
            if asked > left:
                raise QuantityExceededError(asked=asked, available=left, line_id=line_id)
        self.trigger_event(
            self.Shipped, shipment_id=shipment_id, lines=tuple(lines), content_hash=content_hash, timestamp=at
        )

    def deliver(self, delivery_id: str, lines: Sequence[LineQuantity], content_hash: str, at: datetime) -> None:
        """Record that units reached the customer, at most those sold and not cancelled; raises what ``ship`` does."""
        if self.is_repeat("delivery_id", delivery_id, content_hash):
            return
        self._check_not_before(at)
        for line_id, asked in _per_line(lines).items():
            account = self.line(line_id)
            left = total(account.standing) - account.delivered_quantity
            if asked > left:
                raise QuantityExceededError(asked=asked, available=left, line_id=line_id)
        self.trigger_event(
            self.Delivered, delivery_id=delivery_id, lines=tuple(lines), content_hash=content_hash, timestamp=at
        )

    def _check_not_before(self, at: datetime) -> None:
        if at < self.created_on:
            raise BeforeOrderError(ordered_at=self.created_on.isoformat())

    def take_units(self, rma_id: UUID, runs: Sequence[LineRun], at: datetime) -> None:
        """Let a return hold units that are free; which ones is the caller's to check."""
        if runs:
            self.trigger_event(self.UnitsTaken, rma_id=rma_id, runs=tuple(runs), timestamp=at)

    def take_free_units(self, rma_id: UUID, runs: Sequence[LineRun], at: datetime) -> None:
        """Let a return hold those of the units that nobody does."""
        self.take_units(rma_id, [run for run, state in self.states_within(runs) if state.is_free], at)

    def free_units(self, rma_id: UUID, runs: Sequence[LineRun], because: Freed, at: datetime) -> None:
        """Set free those of the units that this return holds: goods that came in only when they go out again."""
        before = UnitState(status_before(because), rma_id)
        freed = tuple(run for run, state in self.states_within(runs) if state == before)
        if freed:
            self.trigger_event(self.UnitsFreed, rma_id=rma_id, runs=freed, because=because, timestamp=at)

    def read_serials(self, rma_id: UUID, units: Sequence[UnitSerial], at: datetime) -> None:
        """Note the serial numbers under which units came in."""
        if units:
            self.trigger_event(self.SerialsRead, rma_id=rma_id, units=tuple(units), timestamp=at)

    def return_units(self, rma_id: UUID, runs: Sequence[LineRun], at: datetime) -> None:
        """Count units as returned; those that the return had given up are taken again first."""
        coming = tuple(run for run, state in self.states_within(runs) if not state.is_returned)
        self.take_free_units(rma_id, runs, at)
        if coming:
            self.trigger_event(self.UnitsReturned, rma_id=rma_id, runs=coming, timestamp=at)


def _per_line(lines: Sequence[LineQuantity]) -> dict[str, int]:
    asked: dict[str, int] = {}
    for line in lines:
        asked[line.line_id] = asked.get(line.line_id, 0) + line.quantity
    return asked
