"""An order: what the shop says was sold, paid and delivered, and the ledger of what may still come back.

Facts first, then the aggregate. Checks live in plain methods; a fact's ``apply`` only assigns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from eventsourcing.domain import BaseAggregate

from domain.aggregate import Fact, FirstFact
from domain.errors import IdentifierReusedError, QuantityExceededError, UnitsNotAvailableError, UnknownLineError
from domain.identity import order_stream
from domain.ledger import Posting
from domain.order_accounts import KEPT, Freed, LineAccount, Refund, RmaAccount, StoreCredit, UnitState
from domain.order_facts import (
    Arrival,
    Credit,
    ExchangeOf,
    LineQuantity,
    LineRun,
    OrderLine,
    Payout,
    PolicyPin,
    Tender,
)
from domain.units import UnitRun, UnitStates, take, total


class Order(BaseAggregate[str]):
    """Registered lines, tenders and deliveries, and which unit is where."""

    TOPIC = "rma.Order"

    class Event(Fact): ...

    class Registered(Event, FirstFact):
        """The shop registered an order; each line carries its share of the order's cents."""

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

    class PolicyPinned(Event):
        """The first version of the order's policy was published after the order: it holds from now on."""

        TOPIC = "rma.Order.PolicyPinned.v1"
        policy: PolicyPin

        def apply(self, aggregate: Order) -> None:
            aggregate.policy = self.policy

    class Shipped(Event):
        TOPIC = "rma.Order.Shipped.v1"
        shipment_id: str
        lines: tuple[LineQuantity, ...]
        content_hash: str

        def apply(self, aggregate: Order) -> None:
            aggregate.recorded["shipment_id", self.shipment_id] = self.content_hash
            for line in self.lines:
                aggregate.lines[line.line_id].shipped.append(Arrival(self.timestamp, line.quantity))

    class Delivered(Event):
        TOPIC = "rma.Order.Delivered.v1"
        delivery_id: str
        lines: tuple[LineQuantity, ...]
        content_hash: str

        def apply(self, aggregate: Order) -> None:
            aggregate.recorded["delivery_id", self.delivery_id] = self.content_hash
            for line in self.lines:
                aggregate.lines[line.line_id].delivered.append(Arrival(self.timestamp, line.quantity))

    class UnitsTaken(Event):
        """Units went into a return and can't be asked for again while it lasts."""

        TOPIC = "rma.Order.UnitsTaken.v1"
        rma_id: UUID
        runs: tuple[LineRun, ...]

        def apply(self, aggregate: Order) -> None:
            aggregate.put(self.runs, UnitState("in_return", self.rma_id))

    class UnitsReturned(Event):
        """Units came in, or were refunded and kept: they are no longer the customer's to return."""

        TOPIC = "rma.Order.UnitsReturned.v1"
        rma_id: UUID
        runs: tuple[LineRun, ...]

        def apply(self, aggregate: Order) -> None:
            aggregate.put(self.runs, UnitState("returned", self.rma_id))

    class UnitsFreed(Event):
        """Units can be asked for again."""

        TOPIC = "rma.Order.UnitsFreed.v1"
        rma_id: UUID
        runs: tuple[LineRun, ...]
        because: Freed

        def apply(self, aggregate: Order) -> None:
            aggregate.put(self.runs, KEPT)

    class WarrantyExtended(Event):
        """Repaired units go back to the customer, and their warranty goes on from where it stood still."""

        TOPIC = "rma.Order.WarrantyExtended.v1"
        rma_id: UUID
        line_id: str
        first: int
        count: int
        until: datetime

        def apply(self, aggregate: Order) -> None:
            aggregate.lines[self.line_id].warranties.put([UnitRun(self.first, self.count)], self.until)

    class RefundRequested(Event):
        """Money became due to the customer, and was shared out over tenders; the gateways have yet to say."""

        TOPIC = "rma.Order.RefundRequested.v1"
        refund_id: UUID
        rma_id: UUID
        because: Literal["policy", "agent", "fees_returned", "exchange_difference"]
        amount_minor: int
        currency: str
        restocking_minor: int
        return_shipping_minor: int
        credits: tuple[Credit, ...]
        units: int
        """How many of the units are refunded for the first time."""
        payouts: tuple[Payout, ...]
        recipient_id: str | None
        postings: tuple[Posting, ...]

        def apply(self, aggregate: Order) -> None:
            account = aggregate.account(self.rma_id)
            account.refunds.append(self.refund_id)
            line = self.credits[0].line  # a refund is for units of one line
            account.return_shipping[line] = account.return_shipping.get(line, 0) + self.return_shipping_minor
            for credit in self.credits:
                aggregate.lines[credit.line_id].credits.append(credit)
                account.bear(credit)
            aggregate.refunds[self.refund_id] = Refund(
                self.refund_id, self.rma_id, self.amount_minor, self.credits, [p.payout_id for p in self.payouts]
            )
            for payout in self.payouts:
                aggregate.payouts[payout.payout_id] = payout

    class PayoutSettled(Event):
        TOPIC = "rma.Order.PayoutSettled.v1"
        payout_id: UUID
        refund_id: UUID
        rma_id: UUID
        reference: str | None
        postings: tuple[Posting, ...]

        def apply(self, aggregate: Order) -> None:
            aggregate.set_payout(self.payout_id, "settled")

    class PayoutFailed(Event):
        """The gateway did not pay, or took a settlement back: what is owed is owed again."""

        TOPIC = "rma.Order.PayoutFailed.v1"
        payout_id: UUID
        refund_id: UUID
        rma_id: UUID
        reference: str | None
        reason: str | None
        postings: tuple[Posting, ...]

        def apply(self, aggregate: Order) -> None:
            aggregate.set_payout(self.payout_id, "failed")

    class PayoutUnclear(Event):
        """The gateway can't say: to be asked again under the same key, never to be paid anew."""

        TOPIC = "rma.Order.PayoutUnclear.v1"
        payout_id: UUID
        refund_id: UUID
        rma_id: UUID
        reference: str | None
        reason: str | None
        postings: tuple[Posting, ...] = ()

        def apply(self, aggregate: Order) -> None:
            aggregate.set_payout(self.payout_id, "unknown")

    class PayoutRetried(Event):
        """An agent replaced a failed payout by a new one of the same amount."""

        TOPIC = "rma.Order.PayoutRetried.v1"
        payout_id: UUID
        rma_id: UUID
        payout: Payout
        currency: str | None = None

        def apply(self, aggregate: Order) -> None:
            old = aggregate.payouts[self.payout_id]
            aggregate.payouts[self.payout_id] = replace(old, retried=True)
            aggregate.payouts[self.payout.payout_id] = self.payout
            aggregate.refunds[self.payout.refund_id].payouts.append(self.payout.payout_id)

    class StoreCreditSpent(Event):
        """The holder paid with store credit that a return of this order gave."""

        TOPIC = "rma.Order.StoreCreditSpent.v1"
        rma_id: UUID
        credit_id: UUID
        spend_id: str
        amount_minor: int
        spent_on: str | None
        content_hash: str
        postings: tuple[Posting, ...]

        def apply(self, aggregate: Order) -> None:
            aggregate.recorded["spend_id", self.spend_id] = self.content_hash
            aggregate.store_credit[self.credit_id].spent_minor += self.amount_minor

    class Exchanged(Event):
        """Returned goods were set off against new ones; a higher quote is the customer's to pay."""

        TOPIC = "rma.Order.Exchanged.v1"
        rma_id: UUID
        credits: tuple[Credit, ...]
        quote_minor: int
        restocking_minor: int
        postings: tuple[Posting, ...]

        def apply(self, aggregate: Order) -> None:
            for credit in self.credits:
                aggregate.lines[credit.line_id].credits.append(credit)
                aggregate.account(self.rma_id).bear(credit)

    class GoodwillGranted(Event):
        """An agent gave store credit beyond the entitlement."""

        TOPIC = "rma.Order.GoodwillGranted.v1"
        rma_id: UUID
        line: int | None
        amount_minor: int
        reason: str
        postings: tuple[Posting, ...]
        credit_id: UUID | None = None
        holder_id: str | None = None

        def apply(self, aggregate: Order) -> None:
            if self.credit_id is not None:
                aggregate.store_credit[self.credit_id] = StoreCredit(self.rma_id, self.amount_minor)
                aggregate.account(self.rma_id).goodwill_count += 1

    class ClaimRaised(Event):
        """Money is asked back from the customer."""

        TOPIC = "rma.Order.ClaimRaised.v1"
        rma_id: UUID
        line: int | None
        amount_minor: int
        reason: str
        postings: tuple[Posting, ...]

        def apply(self, aggregate: Order) -> None:
            """Nothing here depends on claims."""

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
    ) -> None:
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
        self.lines = {
            line.line_id: LineAccount(line, UnitStates([(UnitRun(1, line.quantity), KEPT)])) for line in lines
        }
        self.recorded: dict[tuple[str, str], str] = {}
        self.accounts: dict[UUID, RmaAccount] = {}
        self.refunds: dict[UUID, Refund] = {}
        self.payouts: dict[UUID, Payout] = {}
        self.store_credit: dict[UUID, StoreCredit] = {}

    @property
    def partition_key(self) -> str:
        """The key that keeps an order's facts and those of its returns in one partition."""
        return self.order_id

    @classmethod
    def register(cls, order_id: str, *, at: datetime, **facts: object) -> Self:
        """Begin an order's stream; ``facts`` are the fields of ``Registered``."""
        return cls._create(cls.Registered, id=order_stream(order_id), order_id=order_id, timestamp=at, **facts)

    def pin_policy(self, policy: PolicyPin, at: datetime) -> None:
        self.trigger_event(self.PolicyPinned, policy=policy, timestamp=at)

    def line(self, line_id: str) -> LineAccount:
        """Return a line's account; raises ``UnknownLineError``."""
        if line_id not in self.lines:
            raise UnknownLineError(f"the order has no line {line_id}", line_id=line_id)
        return self.lines[line_id]

    def account(self, rma_id: UUID) -> RmaAccount:
        return self.accounts.setdefault(rma_id, RmaAccount())

    def is_repeat(self, name: str, value: str, content_hash: str) -> bool:
        """Tell whether this very fact is already recorded; raises ``IdentifierReusedError`` for another one."""
        known = self.recorded.get((name, value))
        if known is not None and known != content_hash:
            raise IdentifierReusedError(name, value)
        return known is not None

    def ship(self, shipment_id: str, lines: Sequence[LineQuantity], content_hash: str, at: datetime) -> None:
        """Record that units left for the customer, at most those sold."""
        if self.is_repeat("shipment_id", shipment_id, content_hash):
            return
        for line_id, asked in _per_line(lines).items():
            account = self.line(line_id)
            left = account.fact.quantity - account.shipped_quantity
            if asked > left:
                raise QuantityExceededError(asked=asked, available=left, line_id=line_id)
        self.trigger_event(
            self.Shipped, shipment_id=shipment_id, lines=tuple(lines), content_hash=content_hash, timestamp=at
        )

    def deliver(self, delivery_id: str, lines: Sequence[LineQuantity], content_hash: str, at: datetime) -> None:
        """Record that units reached the customer, at most those sold."""
        if self.is_repeat("delivery_id", delivery_id, content_hash):
            return
        for line_id, asked in _per_line(lines).items():
            account = self.line(line_id)
            left = account.fact.quantity - account.delivered_quantity
            if asked > left:
                raise QuantityExceededError(asked=asked, available=left, line_id=line_id)
        self.trigger_event(
            self.Delivered, delivery_id=delivery_id, lines=tuple(lines), content_hash=content_hash, timestamp=at
        )

    def free_runs(self, line_id: str, quantity: int, taken: Sequence[UnitRun] = ()) -> list[UnitRun]:
        """Return the lowest-numbered free units of a line, beside those just ``taken``.

        Raises:
            UnitsNotAvailableError: Fewer are free.
        """
        account = self.line(line_id)
        units = account.units
        if taken:
            units = UnitStates(units)
            units.put(taken, UnitState("in_return"))
        free = [run for run, state in units if state.standing == "kept"]
        if total(free) < quantity:
            raise UnitsNotAvailableError(line_id=line_id, asked=quantity, available=total(free))
        return take(free, quantity)

    def standing_within(self, runs: Iterable[LineRun]) -> list[tuple[LineRun, UnitState]]:
        """Return where the units of these runs stand, cut where it differs."""
        return [
            (LineRun(part.line_id, run.first, run.count), state)
            for part in runs
            for run, state in self.lines[part.line_id].units.within([part.run])
        ]

    def take_units(self, rma_id: UUID, runs: Sequence[LineRun], at: datetime) -> None:
        if runs:
            self.trigger_event(self.UnitsTaken, rma_id=rma_id, runs=tuple(runs), timestamp=at)

    def free_units(self, rma_id: UUID, runs: Sequence[LineRun], because: Freed, at: datetime) -> None:
        """Set free those of the units that this return holds: goods that came in only when they go out again."""
        standing = "returned" if because in {"sent_back", "repaired"} else "in_return"
        held = tuple(
            run for run, state in self.standing_within(runs) if state.rma_id == rma_id and state.standing == standing
        )
        if held:
            self.trigger_event(self.UnitsFreed, rma_id=rma_id, runs=held, because=because, timestamp=at)

    def return_units(self, rma_id: UUID, runs: Sequence[LineRun], at: datetime) -> None:
        """Count units as returned; those that the return had given up are taken again first."""
        standing = self.standing_within(runs)
        self.take_units(rma_id, [run for run, state in standing if state.standing == "kept"], at)
        coming = tuple(run for run, state in standing if state.standing != "returned")
        if coming:
            self.trigger_event(self.UnitsReturned, rma_id=rma_id, runs=coming, timestamp=at)

    def put(self, runs: Iterable[LineRun], state: UnitState) -> None:
        for run in runs:
            self.lines[run.line_id].units.put([run.run], state)

    def set_payout(self, payout_id: UUID, status: Literal["settled", "failed", "unknown"]) -> None:
        payout = self.payouts[payout_id] = replace(self.payouts[payout_id], status=status)
        if payout.tender_id is None:
            credit = self.store_credit.setdefault(payout_id, StoreCredit(payout.rma_id))
            credit.issued_minor = payout.amount_minor if status == "settled" else 0


def _per_line(lines: Sequence[LineQuantity]) -> dict[str, int]:
    asked: dict[str, int] = {}
    for line in lines:
        asked[line.line_id] = asked.get(line.line_id, 0) + line.quantity
    return asked
