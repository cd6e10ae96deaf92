"""What a customer owes, and what exchanges still have to be closed by the orders given for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.order.parts import TenderShare
from domain.vocabularies import OwedFor, TenderKind


@dataclass(slots=True)
class Receivable:
    """What a customer owes for one reason on one return (None: on none), in minor units."""

    rma_id: UUID | None
    because: OwedFor
    since: datetime
    amount_minor: int = 0
    paid_minor: int = 0
    written_off_minor: int = 0
    called_off_minor: int = 0
    """What is no longer asked for, because its ground went."""

    @property
    def key(self) -> tuple[UUID | None, OwedFor]:
        """What tells it from the order's other debts."""
        return self.rma_id, self.because

    @property
    def open_minor(self) -> int:
        """What has yet to come."""
        return self.amount_minor - self.paid_minor - self.written_off_minor - self.called_off_minor

    def move(self, amount_minor: int) -> None:
        """Let more be owed, or less where an earlier fact is taken back."""
        if amount_minor > 0:
            self.amount_minor += amount_minor
        else:
            self.called_off_minor -= amount_minor


@dataclass(slots=True)
class CustomerPayment:
    """What a customer paid of his debts, and of which of them it is still kept (minor units)."""

    payment_id: str
    tender_kind: TenderKind
    reference: str | None
    kept_minor: Counter[tuple[UUID | None, OwedFor]]


@dataclass(slots=True)
class ClosedBy:
    """What an order of a new article took off an exchange's accounts, and has not given back (minor units)."""

    by_order_id: str
    carried_minor: int
    paid_minor: int
    moved: list[TenderShare]


@dataclass(slots=True)
class ExchangeAccount:
    """What the exchanges of a return's line put into new articles, as long as no order closed it (minor units).

    Below zero: an exchange was called off that an order had closed.
    """

    quoted_minor: int = 0
    """What the new articles cost."""
    carried_minor: int = 0
    """What of that the returned units were worth; the rest is the customer's to pay."""
    closings: list[ClosedBy] = field(default_factory=list)
    ahead_minor: int = 0
    """What was paid for a new article before the exchange was decided."""
    ahead_by: str = ""
    """The order that was given so early."""
    has_given_back: bool = False
    """Whether an order that closed it gave something of what it carried back to the customer."""

    @property
    def difference_minor(self) -> int:
        """What of the new articles' price the returned units did not cover."""
        return self.quoted_minor - self.carried_minor
