"""Store credit: what a holder was issued and has not spent, in one currency.

A return issues it with a posting in its order's ledger; this account says whose it is, so that nobody spends more than
there is. All accounts of a currency together hold what the ledger's ``store_credit_liability`` says is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from eventsourcing.domain import BaseAggregate, CanMutateAggregate

from domain import ledger
from domain.aggregate import Fact, FirstFact
from domain.errors import AmountExceedsEntitlementError, IdentifierReusedError
from domain.identity import store_credit_stream
from domain.ledger import Posting
from domain.rma import Rma


class StoreCredit(BaseAggregate[str]):
    """One holder's store credit in one currency (minor units)."""

    TOPIC = "rma.StoreCredit"

    class Event(Fact): ...

    class Opened(Event, FirstFact):
        """Somebody holds store credit for the first time."""

        TOPIC = "rma.StoreCredit.Opened.v1"
        holder_id: str
        currency: str

    class Issued(Event):
        """A return gave store credit: a refund, goodwill, or a bonus on an exchange."""

        TOPIC = "rma.StoreCredit.Issued.v1"
        holder_id: str
        currency: str
        order_id: str
        rma_id: UUID
        payout_id: UUID | None
        amount_minor: int

        def apply(self, aggregate: StoreCredit) -> None:
            aggregate.balance_minor += self.amount_minor

    class Revoked(Event):
        """Credit was taken back: its payout failed after all. What was spent of it leaves the balance below zero."""

        TOPIC = "rma.StoreCredit.Revoked.v1"
        holder_id: str
        currency: str
        order_id: str
        rma_id: UUID
        payout_id: UUID | None
        amount_minor: int

        def apply(self, aggregate: StoreCredit) -> None:
            aggregate.balance_minor -= self.amount_minor

    class Spent(Event):
        """The holder paid an order with it."""

        TOPIC = "rma.StoreCredit.Spent.v1"
        holder_id: str
        currency: str
        spend_id: str
        order_id: str
        amount_minor: int
        content_hash: str
        postings: tuple[Posting, ...]

        def apply(self, aggregate: StoreCredit) -> None:
            aggregate.spent[self.spend_id] = self.content_hash
            aggregate.balance_minor -= self.amount_minor

    def __init__(self, holder_id: str, currency: str) -> None:
        self.holder_id = holder_id
        self.currency = currency
        self.balance_minor = 0
        self.spent: dict[str, str] = {}

    @property
    def partition_key(self) -> str:
        """The key under which this account's facts are published."""
        return self.holder_id

    @classmethod
    def open(cls, holder_id: str, currency: str, at: datetime) -> Self:
        """Begin a holder's account."""
        return cls._create(
            cls.Opened,
            id=store_credit_stream(holder_id, currency),
            holder_id=holder_id,
            currency=currency,
            timestamp=at,
        )

    def follow(self, movement: Movement, rma: Rma, at: datetime) -> None:
        """Take over what a return's fact posted to store credit."""
        self.trigger_event(
            self.Issued if movement.amount_minor > 0 else self.Revoked,
            holder_id=self.holder_id,
            currency=self.currency,
            order_id=rma.order_id,
            rma_id=rma.rma_id,
            payout_id=movement.payout_id,
            amount_minor=abs(movement.amount_minor),
            timestamp=at,
        )

    def spend(self, spend_id: str, amount_minor: int, *, order_id: str, content_hash: str, at: datetime) -> None:
        """Let the holder pay with it; the same spending told again is no second one.

        Raises:
            IdentifierReusedError: Another spending came under this id.
            AmountExceedsEntitlementError: The holder has less.
        """
        known = self.spent.get(spend_id)
        if known == content_hash:
            return
        if known is not None:
            raise IdentifierReusedError("spend_id", spend_id)
        if amount_minor > self.balance_minor:
            raise AmountExceedsEntitlementError(asked=amount_minor, available=max(self.balance_minor, 0))
        self.trigger_event(
            self.Spent,
            holder_id=self.holder_id,
            currency=self.currency,
            spend_id=spend_id,
            order_id=order_id,
            amount_minor=amount_minor,
            content_hash=content_hash,
            postings=ledger.entry(
                (ledger.STORE_CREDIT_LIABILITY, amount_minor), (ledger.clearing("store_credit"), -amount_minor)
            ),
            timestamp=at,
        )


@dataclass(frozen=True, slots=True)
class Movement:
    """What one fact posted to store credit, in minor units: positive where it was given."""

    amount_minor: int
    payout_id: UUID | None


def movements(facts: Iterable[CanMutateAggregate[str]]) -> Iterator[Movement]:
    """Yield what facts of an order posted to store credit."""
    for fact in facts:
        given = -ledger.balance(getattr(fact, "postings", ()), ledger.STORE_CREDIT_LIABILITY)
        if given:
            yield Movement(given, getattr(fact, "payout_id", None))


def holder_of(rma: Rma) -> str:
    """Return who is given a return's store credit: who asked for a gift's, by name or by the return's number."""
    return (rma.recipient_id or rma.rma_number) if rma.gift else rma.customer_id
